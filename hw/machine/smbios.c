#include "hw/machine/smbios.h"

#include <string.h>

#include "base/bytes.h"

#define ANCHOR_SIZE   31
#define MAX_STRING    64
#define MAX_DIMMS     64
#define MIN_DIMM_SIZE (UINT64_C(16) << 30)
#define NOT_AVAILABLE 0xffff /* as the handle of a structure */
#define NO_ERROR_INFO 0xfffe

/* Handles: the type in the high byte, so that every structure of a type has its own. */
enum {
    TYPE_BIOS = 0,
    TYPE_SYSTEM = 1,
    TYPE_BASEBOARD = 2,
    TYPE_CHASSIS = 3,
    TYPE_PROCESSOR = 4,
    TYPE_MEMORY_ARRAY = 16,
    TYPE_MEMORY_DEVICE = 17,
    TYPE_ARRAY_ADDRESS = 19,
    TYPE_BOOT = 32,
    TYPE_END = 127,
};

/* The tables being built, and what the entry point says about them. */
struct builder {
    GByteArray *tables;
    unsigned count;
    unsigned largest;
    unsigned start;   /* of the structure being built */
    unsigned strings; /* it has so far */
};

static uint16_t handle(uint8_t type, unsigned instance)
{
    return (uint16_t)(type << 8 | instance);
}

/* Starts a structure of size formatted bytes, all zero but for its header. */
static void begin(struct builder *b, uint8_t type, unsigned instance, uint8_t size)
{
    b->start = b->tables->len;
    b->strings = 0;
    g_byte_array_set_size(b->tables, b->start + size);
    uint8_t *p = b->tables->data + b->start;
    memset(p, 0, size);
    p[0] = type;
    p[1] = size;
    put_le16(p + 2, handle(type, instance));
}

/* The formatted field at offset of the structure being built; good until the next call. */
static uint8_t *field(const struct builder *b, unsigned offset)
{
    return b->tables->data + b->start + offset;
}

/* Appends text to the structure's strings and writes its number to the field at offset. */
static void string(struct builder *b, unsigned offset, const char *text)
{
    if (!text || !*text)
        return;
    *field(b, offset) = (uint8_t)++b->strings;
    g_byte_array_append(b->tables, (const uint8_t *)text, (guint)strnlen(text, MAX_STRING));
    g_byte_array_append(b->tables, (const uint8_t *)"", 1);
}

/* Ends the structure: an empty string follows the last one, two where there are none (6.1.3). */
static void end(struct builder *b)
{
    g_byte_array_append(b->tables, (const uint8_t *)"\0", b->strings ? 1 : 2);
    b->largest = MAX(b->largest, b->tables->len - b->start);
    b->count++;
}

static void build_bios(struct builder *b, const struct smbios_config *c)
{
    begin(b, TYPE_BIOS, 0, 24);
    put_le16(field(b, 6), 0xe000); /* runs from e000:0 */
    *field(b, 9) = 1;              /* 128 KiB, less one 64 KiB unit */
    put_le64(field(b, 10), 1u << 7 | 1u << 15 | 1u << 16 | 1u << 19); /* PCI, CD, boot menu, EDD */
    *field(b, 18) = 1u << 0;                                          /* ACPI */
    *field(b, 19) = 1u << 2 | 1u << 4; /* targeted content distribution, a virtual machine */
    memset(field(b, 20), 0xff, 4);     /* no release numbers */
    string(b, 4, c->bios_vendor);
    string(b, 5, c->bios_version);
    string(b, 8, c->bios_date);
    end(b);
}

/* 7.2.1: the first three fields of the UUID are stored little-endian. */
static void put_uuid(uint8_t *p, const uint8_t *uuid)
{
    put_le32(p, get_be32(uuid));
    put_le16(p + 4, get_be16(uuid + 4));
    put_le16(p + 6, get_be16(uuid + 6));
    memcpy(p + 8, uuid + 8, 8);
}

static void build_system(struct builder *b, const struct smbios_config *c)
{
    begin(b, TYPE_SYSTEM, 0, 27);
    put_uuid(field(b, 8), c->uuid);
    *field(b, 24) = 6; /* woken by the power switch */
    string(b, 4, c->manufacturer);
    string(b, 5, c->product);
    string(b, 6, c->version);
    string(b, 7, c->serial);
    string(b, 26, c->family);
    end(b);
}

static void build_baseboard(struct builder *b, const struct smbios_config *c)
{
    begin(b, TYPE_BASEBOARD, 0, 15);
    *field(b, 9) = 1u << 0; /* hosts the processors */
    put_le16(field(b, 11), handle(TYPE_CHASSIS, 0));
    *field(b, 13) = 0x0a; /* motherboard */
    string(b, 4, c->manufacturer);
    string(b, 5, c->product);
    string(b, 6, c->version);
    end(b);
}

static void build_chassis(struct builder *b, const struct smbios_config *c)
{
    begin(b, TYPE_CHASSIS, 0, 22);
    *field(b, 5) = 1;          /* type: other */
    memset(field(b, 9), 3, 3); /* boot-up, power supply, thermal: safe */
    *field(b, 12) = 2;         /* security: unknown */
    string(b, 4, c->manufacturer);
    string(b, 6, c->version);
    string(b, 7, c->serial);
    end(b);
}

/* One socket with one core of one thread for each CPU, as the MADT's APIC IDs are numbered. */
static void build_processor(struct builder *b, const struct smbios_config *c, unsigned i)
{
    char socket[16];
    bool populated = i < c->ncpus;
    begin(b, TYPE_PROCESSOR, i, 42);
    *field(b, 5) = 3;                      /* central processor */
    *field(b, 6) = populated ? 1 : 2;      /* family: other, unknown */
    *field(b, 24) = populated ? 0x41 : 0;  /* enabled */
    *field(b, 25) = 1;                     /* upgrade: other */
    put_le16(field(b, 26), NOT_AVAILABLE); /* caches */
    put_le16(field(b, 28), NOT_AVAILABLE);
    put_le16(field(b, 30), NOT_AVAILABLE);
    memset(field(b, 35), populated, 3);              /* cores, enabled cores, threads */
    put_le16(field(b, 38), populated ? 1u << 2 : 0); /* 64 bits */
    g_snprintf(socket, sizeof(socket), "CPU %u", i);
    string(b, 4, socket);
    if (populated) {
        string(b, 7, c->manufacturer);
        string(b, 16, c->cpu_name);
    }
    end(b);
}

static void build_memory_array(struct builder *b, uint64_t ram, unsigned dimms)
{
    begin(b, TYPE_MEMORY_ARRAY, 0, 23);
    *field(b, 4) = 1; /* location: other */
    *field(b, 5) = 3; /* system memory */
    *field(b, 6) = 3; /* no error correction */
    if (ram >> 10 < 0x80000000u) {
        put_le32(field(b, 7), (uint32_t)(ram >> 10));
    } else {
        put_le32(field(b, 7), 0x80000000u);
        put_le64(field(b, 15), ram);
    }
    put_le16(field(b, 11), NO_ERROR_INFO);
    put_le16(field(b, 13), (uint16_t)dimms);
    end(b);
}

static void build_memory_device(struct builder *b, uint64_t size, unsigned i)
{
    char slot[16];
    uint32_t mib = (uint32_t)(size >> 20);
    begin(b, TYPE_MEMORY_DEVICE, i, 40);
    put_le16(field(b, 4), handle(TYPE_MEMORY_ARRAY, 0));
    put_le16(field(b, 6), NO_ERROR_INFO);
    put_le16(field(b, 8), 0xffff); /* widths: unknown */
    put_le16(field(b, 10), 0xffff);
    put_le16(field(b, 12), (uint16_t)MIN(mib, 0x7fff)); /* 7fff: see the extended size */
    *field(b, 14) = 9;                                  /* DIMM */
    *field(b, 18) = 7;                                  /* RAM */
    put_le16(field(b, 19), 1u << 1);                    /* other */
    if (mib >= 0x7fff)
        put_le32(field(b, 28), mib);
    g_snprintf(slot, sizeof(slot), "DIMM %u", i);
    string(b, 16, slot);
    end(b);
}

/* size bytes of the array from address on; nothing for size 0. */
static void build_array_address(struct builder *b, unsigned instance, uint64_t address,
                                uint64_t size, unsigned dimms)
{
    if (size == 0)
        return;
    begin(b, TYPE_ARRAY_ADDRESS, instance, 31);
    uint64_t last = address + size - 1;
    if (last >> 10 < 0xffffffffu) {
        put_le32(field(b, 4), (uint32_t)(address >> 10));
        put_le32(field(b, 8), (uint32_t)(last >> 10));
    } else {
        put_le32(field(b, 4), 0xffffffffu); /* see the extended addresses */
        put_le32(field(b, 8), 0xffffffffu);
        put_le64(field(b, 15), address);
        put_le64(field(b, 23), last);
    }
    put_le16(field(b, 12), handle(TYPE_MEMORY_ARRAY, 0));
    *field(b, 14) = (uint8_t)dimms; /* partition width */
    end(b);
}

/* Modules of 16 GiB, or of the power of two that keeps their number within MAX_DIMMS. */
static void build_memory(struct builder *b, const struct smbios_config *c)
{
    uint64_t ram = c->ram_below_4g + c->ram_above_4g, dimm = MIN_DIMM_SIZE;
    while (ram / MAX_DIMMS > dimm)
        dimm *= 2;
    unsigned dimms = (unsigned)((ram + dimm - 1) / dimm);
    build_memory_array(b, ram, dimms);
    for (unsigned i = 0; i < dimms; i++)
        build_memory_device(b, MIN(dimm, ram - i * dimm), i);
    build_array_address(b, 0, 0, c->ram_below_4g, dimms);
    build_array_address(b, 1, UINT64_C(1) << 32, c->ram_above_4g, dimms);
}

static uint8_t checksum(const uint8_t *p, size_t size)
{
    uint8_t sum = 0;
    while (size--)
        sum -= *p++;
    return sum;
}

/* 5.2.1; the address is the firmware's to fill in, who then corrects the checksums. */
static GByteArray *build_anchor(const struct builder *b)
{
    uint8_t p[ANCHOR_SIZE] = { '_', 'S', 'M', '_', 0, ANCHOR_SIZE, 2, 8 };
    static const uint8_t dmi[] = { '_', 'D', 'M', 'I', '_' };
    put_le16(p + 8, (uint16_t)b->largest);
    memcpy(p + 16, dmi, sizeof(dmi));
    put_le16(p + 22, (uint16_t)b->tables->len);
    put_le16(p + 28, (uint16_t)b->count);
    p[30] = 0x28;
    p[21] = checksum(p + 16, 15);
    p[4] = checksum(p, sizeof(p));
    return g_byte_array_append(g_byte_array_new(), p, sizeof(p));
}

void smbios_build(const struct smbios_config *config, GByteArray **anchor, GByteArray **tables)
{
    struct builder b = { .tables = g_byte_array_new() };
    if (config->bios_vendor)
        build_bios(&b, config);
    build_system(&b, config);
    build_baseboard(&b, config);
    build_chassis(&b, config);
    for (unsigned i = 0; i < config->max_cpus; i++)
        build_processor(&b, config, i);
    build_memory(&b, config);
    begin(&b, TYPE_BOOT, 0, 11); /* no errors detected */
    end(&b);
    begin(&b, TYPE_END, 0, 4);
    end(&b);
    *anchor = build_anchor(&b);
    *tables = b.tables;
}
