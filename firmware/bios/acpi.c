/*
 * ACPI tables as the host gives them, and the way back from S3. Without the host's files there are
 * no ACPI tables.
 */
#include "fwcfg.h"
#include "interrupt.h"
#include "loader.h"
#include "post.h"
#include "print.h"
#include "x86.h"

#define MAX_COMMANDS 256

static bool load_file(struct loader_file *f, uint32_t align, bool in_fseg)
{
    const struct fwcfg_file *file = fwcfg_find(f->name);
    if (!file || !file->size)
        return false;
    f->size = file->size;
    f->data = in_fseg ? memory_table(f->size, align) : memory_high(f->size, align);
    f->address = (uint32_t)f->data;
    if (f->data)
        fwcfg_read(file->key, 0, f->data, f->size);
    return f->data != NULL;
}

static bool write_back(const char *name, uint32_t offset, const void *value, uint8_t size)
{
    const struct fwcfg_file *file = fwcfg_find(name);
    return file && fwcfg_write(file, offset, value, size);
}

static void run_script(const struct fwcfg_file *script)
{
    static struct loader loader;
    uint8_t command[LOADER_COMMAND];
    uint32_t n = script->size / LOADER_COMMAND;
    loader = (struct loader){ .load = load_file, .write_back = write_back };
    for (uint32_t i = 0; i < n && i < MAX_COMMANDS; i++) {
        fwcfg_read(script->key, i * LOADER_COMMAND, command, sizeof(command));
        const char *why = loader_execute(&loader, command);
        if (why)
            screen("ACPI: step %u of the host's script: %s\n", i, why);
    }
}

/* The RSDP by its signature, in the area where we put it (ACPI 5.2.5.1). */
static void find_rsdp(void)
{
    for (uint32_t at = TABLES_BASE; at < TABLES_END; at += 16) {
        if (memcmp((void *)at, "RSD PTR ", 8) == 0 && !byte_sum((void *)at, 20))
            rt.acpi_rsdp = at;
    }
}

static uint32_t get32(uint32_t at)
{
    uint32_t v;
    memcpy(&v, (void *)at, sizeof(v));
    return v;
}

/* FACS: RSDP, RSDT, the FADT in it, its FIRMWARE_CTRL. */
static void find_facs(void)
{
    uint32_t rsdt = rt.acpi_rsdp ? get32(rt.acpi_rsdp + 16) : 0;
    uint32_t length = rsdt ? get32(rsdt + 4) : 0;
    for (uint32_t at = 36; at + 4 <= length && length < 0x1000; at += 4) {
        uint32_t table = get32(rsdt + at);
        if (memcmp((void *)table, "FACP", 4) == 0)
            rt.facs = get32(table + 36);
    }
}

void acpi_setup(void)
{
    const struct fwcfg_file *script = fwcfg_find("etc/table-loader");
    if (script)
        run_script(script);
    find_rsdp();
    find_facs();
}

/* ACPI 5.2.10: the waking vector is a linear address below 1 MiB, entered in real mode. */
void acpi_wake(void)
{
    uint32_t vector = rt.facs ? get32(rt.facs + 12) : 0;
    if (!vector || vector >= 0x100000)
        return;
    debug("waking at %05x\n", vector);
    struct regs r = { .cs = (uint16_t)(vector >> 4), .ip = vector & 15 };
    call16((uint32_t)call_foreign, (uint32_t)&r - BIOS_SEG_LIN); /* on our stack: RAM is not ours */
}
