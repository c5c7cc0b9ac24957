/*
 * mkrom IN OUT: makes a flat image an option ROM: pads it to whole 512-byte blocks, enters their
 * number and the checksums of the plug-and-play header, if there is one, and of the whole. In the
 * PCI data structure, if there is one, it enters the number again.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK          512
#define MAX_SIZE       (128 * BLOCK)
#define LENGTH_AT      2
#define PCIR_AT        0x18 /* a 16-bit offset, 0: there is none */
#define PNP_AT         0x1a /* the same */
#define PCIR_SIZE      0x18
#define PCIR_LENGTH_AT 0x10
#define PNP_SIZE       32
#define SUM_AT         6 /* in a header byte that is otherwise unused */

static uint8_t rom[MAX_SIZE];

/* What has to be added so that the bytes sum to zero. */
static uint8_t missing(const uint8_t *p, size_t size)
{
    uint8_t sum = 0;
    while (size--)
        sum -= *p++;
    return sum;
}

/* Whether the header that an offset names is there; *at: where, 0 if the offset is none. */
static int header(size_t size, size_t offset, const char *signature, size_t length, size_t *at)
{
    *at = rom[offset] | (size_t)rom[offset + 1] << 8;
    return *at == 0 || (*at + length <= size && memcmp(rom + *at, signature, 4) == 0);
}

static int finish(size_t *size)
{
    size_t pcir, pnp;
    if (*size < 64 || rom[0] != 0x55 || rom[1] != 0xaa ||
        !header(*size, PCIR_AT, "PCIR", PCIR_SIZE, &pcir) ||
        !header(*size, PNP_AT, "$PnP", PNP_SIZE, &pnp))
        return -1;
    *size = (*size + BLOCK - 1) / BLOCK * BLOCK;
    rom[LENGTH_AT] = (uint8_t)(*size / BLOCK);
    if (pcir)
        rom[pcir + PCIR_LENGTH_AT] = rom[LENGTH_AT];
    if (pnp)
        rom[pnp + 9] = missing(rom + pnp, 16 * (size_t)rom[pnp + 5]);
    rom[SUM_AT] = missing(rom, *size);
    return 0;
}

int main(int argc, char **argv)
{
    FILE *in = argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (!in) {
        fprintf(stderr, "usage: mkrom IN OUT\n");
        return 1;
    }
    size_t size = fread(rom, 1, sizeof(rom), in);
    fclose(in);
    if (finish(&size) < 0) {
        fprintf(stderr, "mkrom: %s: no option ROM, or its headers are not where it says\n",
                argv[1]);
        return 1;
    }
    FILE *out = fopen(argv[2], "wb");
    if (!out || fwrite(rom, 1, size, out) != size || fclose(out) != 0) {
        fprintf(stderr, "mkrom: %s: cannot be written\n", argv[2]);
        return 1;
    }
    return 0;
}
