/*
 * The EEPROM: a 93C46 of 64 words on a Microwire bus, which the driver works bit by bit through
 * EECD, or reads word by word through EERD (SDM chapter 5, 13.4.3, 13.4.4).
 */
#include "hw/net/e1000_internal.h"

#include "base/bytes.h"

#define CHECKSUM_WORD 0x3f
#define CHECKSUM      0xbaba /* the sum of all words (SDM 5.6.35) */

/* Microwire commands: a start bit, 2 bits of opcode, 6 of address. */
enum { OP_EXTENDED, OP_WRITE, OP_READ, OP_ERASE };
#define COMMAND_BITS  8 /* without the start bit */
#define DATA_BITS     16
#define EXTENDED_EWEN 3 /* the upper two address bits of an extended command */
#define EXTENDED_EWDS 0

void e1000_eeprom_init(struct e1000 *d, const uint8_t *mac)
{
    const struct pci_info *info = d->pci.dev.kind->pci;
    uint16_t *word = d->eeprom, sum = 0;

    for (unsigned i = 0; i < E1000_EEPROM_WORDS; i++)
        word[i] = 0xffff; /* erased: what no software of ours needs */
    for (unsigned i = 0; i < 3; i++)
        word[i] = get_le16(mac + 2 * i);
    word[0x03] = 0x0000; /* compatibility: nothing special */
    word[0x04] = 0x0000; /* LED defaults */
    word[0x0a] = 0x6403; /* control 1: signature 01, 32-bit BAR, full duplex, load IDs */
    word[0x0b] = info->subsystem;
    word[0x0c] = info->subsystem_vendor;
    word[0x0d] = info->device;
    word[0x0e] = info->vendor;
    word[0x0f] = 0x3040; /* control 2: PAUSE capable */
    word[0x10] = 0x0008;
    for (unsigned i = 0; i < CHECKSUM_WORD; i++)
        sum = (uint16_t)(sum + word[i]);
    word[CHECKSUM_WORD] = (uint16_t)(CHECKSUM - sum);
}

void e1000_eeprom_load_address(struct e1000 *d)
{
    d->ra[0] = (uint32_t)d->eeprom[1] << 16 | d->eeprom[0];
    d->ra[1] = RAH_AV | d->eeprom[2];
}

static void run_command(struct e1000 *d)
{
    struct e1000_microwire *m = &d->microwire;
    unsigned op = (m->in >> 6) & 3;

    m->address = m->in & 0x3f;
    if (op == OP_READ) {
        m->reading = true;
        m->out = d->eeprom[m->address];
        m->out_count = DATA_BITS;
        m->level = false; /* the dummy bit before the data */
    } else if (op == OP_ERASE && m->write_enabled) {
        d->eeprom[m->address] = 0xffff;
    } else if (op == OP_EXTENDED) {
        if (m->address >> 4 == EXTENDED_EWEN)
            m->write_enabled = true;
        else if (m->address >> 4 == EXTENDED_EWDS)
            m->write_enabled = false;
    }
}

static void shift_out(struct e1000 *d)
{
    struct e1000_microwire *m = &d->microwire;

    if (m->out_count == 0) { /* reading goes on with the next word while CS stays high */
        m->address = (uint8_t)((m->address + 1) % E1000_EEPROM_WORDS);
        m->out = d->eeprom[m->address];
        m->out_count = DATA_BITS;
    }
    m->level = m->out >> 15 != 0;
    m->out = (uint16_t)(m->out << 1);
    m->out_count--;
}

/* A rising edge of SK while CS is high. */
static void clock_in(struct e1000 *d, bool bit)
{
    struct e1000_microwire *m = &d->microwire;

    if (m->reading) {
        shift_out(d);
        return;
    }
    if (m->in_count == 0 && !bit)
        return; /* waits for the start bit */
    if (m->in_count == 0) {
        m->in = 0;
        m->in_count = 1;
        return;
    }
    if (m->in_count > COMMAND_BITS + DATA_BITS)
        return;
    m->in = m->in << 1 | bit;
    m->in_count++;
    if (m->in_count == 1 + COMMAND_BITS)
        run_command(d);
    /* All 16 data bits of a write are here; address and opcode were seen before them. */
    if (m->in_count == 1 + COMMAND_BITS + DATA_BITS && (m->in >> 22 & 3) == OP_WRITE &&
        m->write_enabled)
        d->eeprom[m->address] = (uint16_t)m->in;
}

void e1000_write_eecd(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;
    struct e1000_microwire *m = &d->microwire;

    if ((value & EECD_CS) == 0) {
        m->in_count = m->out_count = 0;
        m->reading = false;
        m->level = true; /* ready: writing took no time */
    } else if ((value & EECD_SK) != 0 && (old & EECD_SK) == 0) {
        clock_in(d, (value & EECD_DI) != 0);
    }
}

uint64_t e1000_read_eecd(void *dev, unsigned index, uint64_t stored)
{
    const struct e1000 *d = dev;
    uint64_t value = stored | EECD_EE_PRES;

    if ((stored & EECD_EE_REQ) != 0)
        value |= EECD_EE_GNT;
    if (d->microwire.level)
        value |= EECD_DO;
    return value;
}

void e1000_write_eerd(void *dev, unsigned index, uint64_t old, uint64_t value)
{
    struct e1000 *d = dev;
    unsigned address = (value >> EERD_ADDR_SHIFT) & 0xff;

    if ((value & EERD_START) == 0)
        return;
    uint32_t data = address < E1000_EEPROM_WORDS ? d->eeprom[address] : 0xffff;
    d->eerd = data << EERD_DATA_SHIFT | address << EERD_ADDR_SHIFT | EERD_DONE;
}
