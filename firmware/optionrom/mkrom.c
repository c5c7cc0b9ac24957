/*
 * mkrom IN OUT: makes a flat image an option ROM: pads it to whole 512-byte blocks, enters their
 * number and the checksums of the plug-and-play header and of the whole.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK     512
#define MAX_SIZE  (128 * BLOCK)
#define LENGTH_AT 2
#define PNP_AT    0x1a /* a 16-bit offset */
#define SUM_AT    6    /* in a header byte that is otherwise unused */

static uint8_t rom[MAX_SIZE];

/* What has to be added so that the bytes sum to zero. */
static uint8_t missing(const uint8_t *p, size_t size)
{
    uint8_t sum = 0;
    while (size--)
        sum -= *p++;
    return sum;
}

static int finish(size_t *size)
{
    size_t pnp = rom[PNP_AT] | (size_t)rom[PNP_AT + 1] << 8;
    if (*size < 64 || rom[0] != 0x55 || rom[1] != 0xaa || pnp + 32 > *size ||
        memcmp(rom + pnp, "$PnP", 4) != 0)
        return -1;
    *size = (*size + BLOCK - 1) / BLOCK * BLOCK;
    rom[LENGTH_AT] = (uint8_t)(*size / BLOCK);
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
        fprintf(stderr, "mkrom: %s: no option ROM with a plug-and-play header\n", argv[1]);
        return 1;
    }
    FILE *out = fopen(argv[2], "wb");
    if (!out || fwrite(rom, 1, size, out) != size || fclose(out) != 0) {
        fprintf(stderr, "mkrom: %s: cannot be written\n", argv[2]);
        return 1;
    }
    return 0;
}
