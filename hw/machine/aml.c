#include "hw/machine/aml.h"

#include <string.h>

#include "base/bytes.h"

/* Opcodes: ACPI specification 3.0, 19.3, table 19-18. */
enum {
    AML_NAME = 0x08,
    AML_BYTE = 0x0a,
    AML_DWORD = 0x0c,
    AML_SCOPE = 0x10,
    AML_BUFFER = 0x11,
    AML_DUAL_NAME = 0x2e,
    AML_EXT = 0x5b,
    AML_EXT_PROCESSOR = 0x83,
};

static void put_byte(GByteArray *out, uint8_t value)
{
    g_byte_array_append(out, &value, 1);
}

static void put_int(GByteArray *out, uint64_t value, unsigned size)
{
    uint8_t bytes[8];
    put_le(bytes, value, 8);
    g_byte_array_append(out, bytes, size);
}

static void put_path(GByteArray *out, const char *path)
{
    if (*path == '\\') {
        put_byte(out, '\\');
        path++;
    }
    const char *second = strchr(path, '.');
    if (second)
        put_byte(out, AML_DUAL_NAME);
    g_byte_array_append(out, (const uint8_t *)path, 4);
    if (second)
        g_byte_array_append(out, (const uint8_t *)second + 1, 4);
}

/*
 * PkgLength (19.2.4) counts itself too. One byte holds up to 63; else bits 7:6 of the first byte
 * say how many bytes follow, its bits 3:0 are the lowest of the value.
 */
static void put_package_length(GByteArray *out, unsigned payload)
{
    if (payload + 1 < 0x40) {
        put_byte(out, (uint8_t)(payload + 1));
        return;
    }
    unsigned more = payload + 2 < 0x1000 ? 1 : payload + 3 < 0x100000 ? 2 : 3;
    unsigned length = payload + 1 + more;
    put_byte(out, (uint8_t)(more << 6 | (length & 0xf)));
    put_int(out, length >> 4, more);
}

/* A package: its length, then the payload. */
static void put_package(GByteArray *out, const GByteArray *payload)
{
    put_package_length(out, payload->len);
    g_byte_array_append(out, payload->data, payload->len);
}

void aml_name_dword(GByteArray *out, const char *name, uint32_t value)
{
    put_byte(out, AML_NAME);
    put_path(out, name);
    put_byte(out, AML_DWORD);
    put_int(out, value, 4);
}

void aml_name_buffer(GByteArray *out, const char *name, const GByteArray *data)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    put_byte(payload, AML_DWORD);
    put_int(payload, data->len, 4);
    g_byte_array_append(payload, data->data, data->len);

    put_byte(out, AML_NAME);
    put_path(out, name);
    put_byte(out, AML_BUFFER);
    put_package(out, payload);
}

void aml_scope(GByteArray *out, const char *path, const GByteArray *body)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    put_path(payload, path);
    g_byte_array_append(payload, body->data, body->len);

    put_byte(out, AML_SCOPE);
    put_package(out, payload);
}

void aml_processor(GByteArray *out, const char *name, uint8_t id, uint8_t status)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    put_path(payload, name);
    put_byte(payload, id);
    put_int(payload, 0, 4); /* no P_BLK: C1 by HLT only */
    put_byte(payload, 0);
    put_byte(payload, AML_NAME);
    put_path(payload, "_STA");
    put_byte(payload, AML_BYTE);
    put_byte(payload, status);

    put_byte(out, AML_EXT);
    put_byte(out, AML_EXT_PROCESSOR);
    put_package(out, payload);
}

void aml_window(GByteArray *out, enum aml_space space, uint8_t flags, unsigned size, uint64_t first,
                uint64_t last)
{
    /* 6.4.3.5: large descriptor types 8 (word), 7 (dword) and 10 (qword). */
    put_byte(out, size == 2 ? 0x88 : size == 4 ? 0x87 : 0x8a);
    put_int(out, 3 + 5 * size, 2);
    put_byte(out, (uint8_t)space);
    put_byte(out, 0x0c); /* producer, positive decode, both ends fixed */
    put_byte(out, flags);
    put_int(out, 0, size); /* granularity */
    put_int(out, first, size);
    put_int(out, last, size);
    put_int(out, 0, size); /* no translation */
    put_int(out, last - first + 1, size);
}

void aml_io(GByteArray *out, uint16_t port, uint8_t length)
{
    put_byte(out, 0x47); /* 6.4.2.5: small descriptor type 8, 7 bytes */
    put_byte(out, 1);    /* decodes 16 bits */
    put_int(out, port, 2);
    put_int(out, port, 2);
    put_byte(out, 1);
    put_byte(out, length);
}

void aml_resource_end(GByteArray *out)
{
    put_byte(out, 0x79);
    put_byte(out, 0); /* no checksum */
}
