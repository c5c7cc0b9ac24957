/*
 * IDE drives.
 */
#include "ata.h"
#include "bda.h"
#include "geometry.h"
#include "interrupt.h"
#include "pci.h"
#include "print.h"
#include "timer.h"

/* Task file, offsets from io. */
#define ATA_DATA     0
#define ATA_FEATURES 1
#define ATA_ERROR    1
#define ATA_COUNT    2
#define ATA_LBA_LOW  3
#define ATA_LBA_MID  4
#define ATA_LBA_HIGH 5
#define ATA_DEVICE   6
#define ATA_COMMAND  7
#define ATA_STATUS   7

#define ST_ERR  0x01
#define ST_DRQ  0x08
#define ST_DF   0x20
#define ST_DRDY 0x40
#define ST_BSY  0x80

#define ERR_ABRT 0x04
#define ERR_IDNF 0x10
#define ERR_UNC  0x40

#define CTL_NIEN 0x02
#define CTL_SRST 0x04

#define CMD_RESET       0x08
#define CMD_READ        0x20
#define CMD_READ_EXT    0x24
#define CMD_READ_DMA    0xC8
#define CMD_READ_DMA_X  0x25
#define CMD_WRITE       0x30
#define CMD_WRITE_EXT   0x34
#define CMD_WRITE_DMA   0xCA
#define CMD_WRITE_DMA_X 0x35
#define CMD_VERIFY      0x40
#define CMD_VERIFY_EXT  0x42
#define CMD_PACKET      0xA0
#define CMD_IDENTIFY_P  0xA1
#define CMD_IDENTIFY    0xEC

/* Bus master registers, offsets from bus_master. */
#define BM_COMMAND   0
#define BM_STATUS    2
#define BM_TABLE     4
#define BM_START     0x01
#define BM_TO_MEMORY 0x08
#define BM_ACTIVE    0x01
#define BM_ERROR     0x02
#define BM_IRQ       0x04

#define PRD_END     0x80000000
#define PRD_ENTRIES 8

#define COMMAND_MS    10000 /* a command; a disk may have to spin up */
#define IDENTIFY_MS   3000
#define REAL_MODE_END 0x10FFF0
#define CHUNK         256 /* sectors a command: the most LBA28 can say */

static void delay_400ns(const struct drive *d)
{
    inb(d->control);
}

/* Waits, with interrupts let in, until BSY is gone; the status, or -1. */
static int wait_ready(const struct drive *d, uint32_t ms)
{
    uint8_t status = inb(d->control);
    if (!(status & ST_BSY))
        return inb(d->io + ATA_STATUS);
    uint32_t deadline = timer_after(ms);
    for (;;) {
        status = inb(d->control);
        if (!(status & ST_BSY))
            return inb(d->io + ATA_STATUS);
        if (timer_passed(deadline))
            return -1;
        irq_window();
    }
}

static uint8_t error_status(const struct drive *d, int status)
{
    if (status < 0)
        return DISK_TIMEOUT;
    if (status & ST_DF)
        return DISK_CONTROLLER;
    if (!(status & ST_ERR))
        return DISK_OK;
    uint8_t error = inb(d->io + ATA_ERROR);
    if (error & ERR_UNC)
        return DISK_ECC;
    return error & ERR_IDNF ? DISK_NOT_FOUND : DISK_BAD_COMMAND;
}

/* Selects the drive, with its interrupt off: we poll. */
static uint8_t select_drive(const struct drive *d, uint8_t device)
{
    outb(d->control, CTL_NIEN);
    int status = wait_ready(d, COMMAND_MS);
    if (status < 0)
        return DISK_TIMEOUT;
    outb(d->io + ATA_DEVICE, (uint8_t)(0xA0 | d->unit << 4 | device));
    delay_400ns(d);
    return wait_ready(d, COMMAND_MS) < 0 ? DISK_TIMEOUT : DISK_OK;
}

/* Writes the task file for count sectors at lba, in 28 bits where they suffice. */
static uint8_t start(const struct drive *d, uint64_t lba, uint32_t count, uint8_t command,
                     uint8_t command_ext)
{
    bool ext = lba + count > 0x10000000;
    uint8_t status = select_drive(d, (uint8_t)(0x40 | (ext ? 0 : lba >> 24 & 15)));
    if (status)
        return status;
    if (ext) {
        outb(d->io + ATA_COUNT, (uint8_t)(count >> 8));
        outb(d->io + ATA_LBA_LOW, (uint8_t)(lba >> 24));
        outb(d->io + ATA_LBA_MID, (uint8_t)(lba >> 32));
        outb(d->io + ATA_LBA_HIGH, (uint8_t)(lba >> 40));
    }
    outb(d->io + ATA_COUNT, (uint8_t)count);
    outb(d->io + ATA_LBA_LOW, (uint8_t)lba);
    outb(d->io + ATA_LBA_MID, (uint8_t)(lba >> 8));
    outb(d->io + ATA_LBA_HIGH, (uint8_t)(lba >> 16));
    outb(d->io + ATA_COMMAND, ext ? command_ext : command);
    delay_400ns(d);
    return DISK_OK;
}

/* ---- bus-master DMA ---- */

/*
 * The table lies in the EBDA: RAM of the plain kind, where a device sees what we write. An entry
 * must not cross 64 KiB. False: the transfer needs too many.
 */
static bool dma_prepare(const struct drive *d, uint32_t memory, uint32_t bytes, bool to_memory)
{
    uint16_t ebda = BDA->ebda;
    uint32_t at = EBDA_PRD;
    while (bytes) {
        uint32_t piece = 0x10000 - (memory & 0xFFFF);
        piece = piece > bytes ? bytes : piece;
        bytes -= piece;
        if (at == EBDA_PRD + 8 * PRD_ENTRIES)
            return false;
        far_put32(ebda, at, memory);
        far_put32(ebda, at + 4, (piece & 0xFFFF) | (bytes ? 0 : PRD_END));
        memory += piece;
        at += 8;
    }
    outl(d->bus_master + BM_TABLE, ((uint32_t)ebda << 4) + EBDA_PRD);
    outb(d->bus_master + BM_COMMAND, to_memory ? BM_TO_MEMORY : 0);
    outb(d->bus_master + BM_STATUS, inb(d->bus_master + BM_STATUS) | BM_ERROR | BM_IRQ);
    return true;
}

/* Runs the engine until it or the drive is done. */
static uint8_t dma_run(const struct drive *d, bool to_memory)
{
    uint8_t direction = to_memory ? BM_TO_MEMORY : 0, engine;
    uint32_t deadline = timer_after(COMMAND_MS);
    outb(d->bus_master + BM_COMMAND, BM_START | direction);
    while (((engine = inb(d->bus_master + BM_STATUS)) & (BM_ACTIVE | BM_ERROR)) == BM_ACTIVE) {
        if ((inb(d->control) & (ST_BSY | ST_ERR)) == ST_ERR)
            break; /* the drive gave up, the engine waits for ever */
        if (timer_passed(deadline))
            break;
        irq_window();
    }
    outb(d->bus_master + BM_COMMAND, direction);
    uint8_t status = error_status(d, wait_ready(d, COMMAND_MS));
    if (!status && (engine & (BM_ACTIVE | BM_ERROR)))
        status = DISK_CONTROLLER;
    return status;
}

/*
 * DMA needs an even buffer, and physical addresses: under a DOS memory manager (virtual-8086 mode)
 * we know linear ones only. Between A0000 and FFFFF devices may see something else than we do.
 */
static bool dma_usable(const struct drive *d, uint32_t memory, uint32_t bytes)
{
    bool plain = memory + bytes <= 0xA0000 || memory >= 0x100000;
    return d->dma && plain && !(memory & 1) && !in_protected_mode();
}

static uint8_t dma_chunk(struct drive *d, bool write, uint64_t lba, uint32_t count, uint32_t memory)
{
    uint8_t status = DISK_CONTROLLER;
    if (dma_prepare(d, memory, count * 512, !write))
        status = start(d, lba, count, write ? CMD_WRITE_DMA : CMD_READ_DMA,
                       write ? CMD_WRITE_DMA_X : CMD_READ_DMA_X);
    return status ? status : dma_run(d, !write);
}

/* ---- PIO ---- */

/* Moves one block through the data port; memory beyond the reach of real mode by way of a buffer.
 */
static void pio_block(const struct drive *d, uint32_t memory, uint32_t bytes, bool write)
{
    uint16_t seg = real_segment(memory);
    uint32_t off = memory - ((uint32_t)seg << 4);
    uint8_t bounce[512];
    if (memory + bytes <= REAL_MODE_END) {
        if (write)
            far_outsw(d->io + ATA_DATA, seg, off, bytes / 2);
        else
            far_insw(d->io + ATA_DATA, seg, off, bytes / 2);
        return;
    }
    for (uint32_t n; bytes; bytes -= n, memory += n) {
        uint32_t near = (uint32_t)bounce + BIOS_SEG_LIN;
        n = bytes < sizeof(bounce) ? bytes : sizeof(bounce);
        if (write) {
            move_flat(near, memory, n);
            far_outsw(d->io + ATA_DATA, BIOS_SEG, (uint32_t)bounce, n / 2);
        } else {
            far_insw(d->io + ATA_DATA, BIOS_SEG, (uint32_t)bounce, n / 2);
            move_flat(memory, near, n);
        }
    }
}

static uint8_t pio_chunk(struct drive *d, bool write, uint64_t lba, uint32_t count, uint32_t memory)
{
    uint8_t result = start(d, lba, count, write ? CMD_WRITE : CMD_READ,
                           write ? CMD_WRITE_EXT : CMD_READ_EXT);
    for (; !result && count; count--, memory += 512) {
        int status = wait_ready(d, COMMAND_MS);
        result = error_status(d, status);
        if (!result && !(status & ST_DRQ))
            result = DISK_CONTROLLER;
        if (!result)
            pio_block(d, memory, 512, write);
    }
    if (!result && write)
        result = error_status(d, wait_ready(d, COMMAND_MS));
    return result;
}

static uint8_t verify_chunk(const struct drive *d, uint64_t lba, uint32_t count)
{
    uint8_t status = start(d, lba, count, CMD_VERIFY, CMD_VERIFY_EXT);
    return status ? status : error_status(d, wait_ready(d, COMMAND_MS));
}

static uint8_t transfer_chunk(struct drive *d, enum disk_op op, uint64_t lba, uint32_t count,
                              uint32_t memory)
{
    if (op == OP_VERIFY)
        return verify_chunk(d, lba, count);
    if (dma_usable(d, memory, count * 512)) {
        uint8_t status = dma_chunk(d, op == OP_WRITE, lba, count, memory);
        if (status != DISK_CONTROLLER && status != DISK_TIMEOUT && status != DISK_BAD_COMMAND)
            return status;
        debug("IDE %u:%u: DMA fails (%02x), using PIO\n", d->channel, d->unit, status);
        d->dma = false;
        ata_reset(d);
    }
    return pio_chunk(d, op == OP_WRITE, lba, count, memory);
}

uint8_t ata_transfer(struct drive *d, enum disk_op op, uint64_t lba, uint32_t count,
                     uint32_t memory, uint32_t *done)
{
    uint8_t status = DISK_OK;
    for (*done = 0; !status && *done < count;) {
        uint32_t n = count - *done < CHUNK ? count - *done : CHUNK;
        status = transfer_chunk(d, op, lba + *done, n, memory + *done * 512);
        *done += status ? 0 : n;
    }
    outb(d->control, 0); /* interrupts on again for whoever comes next */
    return status;
}

uint8_t ata_reset(struct drive *d)
{
    outb(d->control, CTL_SRST | CTL_NIEN);
    timer_delay(5);
    outb(d->control, CTL_NIEN);
    timer_delay(20);
    uint8_t status = select_drive(d, 0);
    outb(d->control, 0);
    return status;
}

/* ---- packet devices ---- */

static uint8_t packet_data_pio(const struct drive *d, uint32_t memory, uint32_t bytes)
{
    for (;;) {
        int status = wait_ready(d, COMMAND_MS);
        uint8_t result = error_status(d, status);
        if (result || !(status & ST_DRQ))
            return result ? result : bytes ? DISK_CONTROLLER : DISK_OK;
        uint32_t n = inb(d->io + ATA_LBA_MID) | (uint32_t)inb(d->io + ATA_LBA_HIGH) << 8;
        if (!n || n > bytes)
            return DISK_CONTROLLER;
        pio_block(d, memory, n, false);
        memory += n;
        bytes -= n;
    }
}

static uint8_t send_packet(struct drive *d, const uint8_t *packet, uint32_t memory, uint32_t bytes,
                           bool dma)
{
    if (dma && !dma_prepare(d, memory, bytes, true))
        return DISK_CONTROLLER;
    uint8_t result = select_drive(d, 0);
    if (result)
        return result;
    outb(d->io + ATA_FEATURES, dma);
    outb(d->io + ATA_LBA_MID, 0x00);
    outb(d->io + ATA_LBA_HIGH, 0x80); /* at most 32 KiB at a time by PIO */
    outb(d->io + ATA_COMMAND, CMD_PACKET);
    delay_400ns(d);
    int status = wait_ready(d, COMMAND_MS);
    result = error_status(d, status);
    if (result || !(status & ST_DRQ))
        return result ? result : DISK_CONTROLLER;
    far_outsw(d->io + ATA_DATA, BIOS_SEG, (uint32_t)packet, 6);
    delay_400ns(d);
    return dma ? dma_run(d, true) : packet_data_pio(d, memory, bytes);
}

uint8_t atapi_command(struct drive *d, const uint8_t packet[12], uint32_t memory, uint32_t bytes)
{
    bool dma = bytes >= 2048 && dma_usable(d, memory, bytes);
    uint8_t status = send_packet(d, packet, memory, bytes, dma);
    if (dma && (status == DISK_TIMEOUT || status == DISK_CONTROLLER)) {
        d->dma = false;
        ata_reset(d);
        status = send_packet(d, packet, memory, bytes, false);
    }
    outb(d->control, 0);
    return status;
}

/* ---- finding drives ---- */

/* A register that keeps what is written: something is there. */
static bool register_answers(const struct drive *d)
{
    outb(d->io + ATA_COUNT, 0x55);
    outb(d->io + ATA_LBA_LOW, 0xAA);
    return inb(d->io + ATA_COUNT) == 0x55 && inb(d->io + ATA_LBA_LOW) == 0xAA;
}

static int identify_command(const struct drive *d, uint8_t command)
{
    outb(d->io + ATA_COMMAND, command);
    delay_400ns(d);
    if (inb(d->control) == 0)
        return 0;
    return wait_ready(d, IDENTIFY_MS);
}

/* Fills in the drive; false: nothing there that we can use. */
static bool identify(struct drive *d)
{
    uint16_t id[256];
    int status = identify_command(d, CMD_IDENTIFY);
    d->type = DRIVE_ATA;
    if (status > 0 && (status & ST_ERR)) { /* ATA/ATAPI-7, 9.12: a packet device's signature */
        if (inb(d->io + ATA_LBA_MID) != 0x14 || inb(d->io + ATA_LBA_HIGH) != 0xEB)
            return false;
        d->type = DRIVE_ATAPI;
        status = identify_command(d, CMD_IDENTIFY_P);
    }
    if (status < 0)
        screen("IDE %u:%u does not answer\n", d->channel, d->unit);
    if (status <= 0 || (status & ST_ERR) || !(status & ST_DRQ))
        return false;
    far_insw(d->io + ATA_DATA, BIOS_SEG, (uint32_t)id, 256);
    if (geometry_identify(d, id))
        return true;
    screen("IDE %u:%u: identification makes no sense, not used\n", d->channel, d->unit);
    return false;
}

static void probe_channel(struct drive d)
{
    if (inb(d.io + ATA_STATUS) == 0xFF)
        return; /* nobody pulls the lines */
    for (d.unit = 0; d.unit < 2 && rt.drive_count < MAX_DRIVES; d.unit++) {
        struct drive *slot = &rt.drive[rt.drive_count];
        outb(d.control, CTL_NIEN);
        outb(d.io + ATA_DEVICE, 0xA0 | d.unit << 4);
        delay_400ns(&d);
        if (!register_answers(&d))
            continue;
        *slot = d;
        if (!identify(slot)) {
            slot->type = DRIVE_NONE;
            continue;
        }
        slot->dma = slot->dma && slot->bus_master;
        if (slot->type == DRIVE_ATAPI)
            rt.cd[rt.cd_count++] = rt.drive_count;
        rt.drive_count++;
    }
    outb(d.control, 0);
}

/* PCI IDE controller specification 1.0: each channel in compatibility or native mode. */
static void probe_controller(uint16_t bdf)
{
    uint8_t interface = pci_read8(bdf, PCI_REVISION + 1);
    uint16_t master = interface & 0x80 ? pci_read16(bdf, PCI_BAR0 + 16) & 0xFFFC : 0;
    for (uint8_t i = 0; i < 2; i++) {
        struct drive d = { .bdf = bdf, .channel = i };
        bool native = interface & (i ? 4 : 1);
        d.io = native ? pci_read16(bdf, PCI_BAR0 + 8 * i) & 0xFFFC : i ? 0x170 : 0x1F0;
        d.control = native ? (pci_read16(bdf, PCI_BAR0 + 8 * i + 4) & 0xFFFC) + 2
                    : i    ? 0x376
                           : 0x3F6;
        d.bus_master = master ? master + 8 * i : 0;
        if (d.io)
            probe_channel(d);
    }
    if (rt.on_xen)
        pci_write16(bdf, PCI_COMMAND, pci_read16(bdf, PCI_COMMAND) | PCI_CMD_IO | PCI_CMD_MASTER);
}

void ata_init(void)
{
    if (!rt.has_pci) {
        probe_channel((struct drive){ .io = 0x1F0, .control = 0x3F6 });
        probe_channel((struct drive){ .io = 0x170, .control = 0x376, .channel = 1 });
        return;
    }
    for (unsigned i = 0; i < rt.pci_count; i++) {
        if (pci_read16(rt.pci_function[i], PCI_CLASS) == 0x0101)
            probe_controller(rt.pci_function[i]);
    }
}
