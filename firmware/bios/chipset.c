/*
 * The parts every PC has: A20, interrupt controllers, timer, clock, coprocessor; the PAM registers
 * of the 440FX; interrupt vectors and BIOS data area.
 */
#include "bda.h"
#include "pci.h"
#include "post.h"
#include "print.h"
#include "x86.h"

#define I440FX_PAM0 0x59

/* 8259A datasheet: ICW1-4, then the mask (OCW1). */
static void pic_init(void)
{
    outb(0x20, 0x11);
    outb(0xA0, 0x11);
    outb(0x21, 0x08);
    outb(0xA1, 0x70);
    outb(0x21, 0x04);
    outb(0xA1, 0x02);
    outb(0x21, 0x01);
    outb(0xA1, 0x01);
    outb(0x21, 0xB8); /* timer, keyboard, cascade, floppy */
    outb(0xA1, 0x8F); /* mouse, coprocessor, IDE */
}

/*
 * 8254: channel 0 gives 18.2 Hz; mode 2 rather than the PC's mode 3, so that the count falls by
 * one and can serve as a clock. Channel 1 refreshed memory once. Channel 2: speaker, off.
 */
static void pit_init(void)
{
    outb(0x43, 0x34);
    outb(0x40, 0);
    outb(0x40, 0);
    outb(0x43, 0xB6);
    outb(0x42, 0x00);
    outb(0x42, 0x05);
    outb(0x61, inb(0x61) & 0xFC);
}

/* 8237A: both controllers cleared; the second one's channel 0 passes the first one's requests on.
 */
static void dma_init(void)
{
    outb(0x0D, 0);
    outb(0xDA, 0);
    outb(0xD6, 0xC0);
    outb(0xD4, 0x00);
}

/* MC146818: 32768 Hz, interrupt rate 1024 Hz, 24 hours BCD, no interrupts. */
static void rtc_init(void)
{
    cmos_write(0x0A, 0x26);
    cmos_write(0x0B, 0x02 | (cmos_read(0x0B) & 0x01));
    cmos_read(0x0C);
    cmos_read(0x0D);
    cmos_write(0x0F, 0);
}

static uint32_t from_bcd(uint8_t v)
{
    return (v >> 4) * 10U + (v & 15);
}

/* Timer ticks since midnight: 1193182 / 65536 a second. */
static uint32_t ticks_from_rtc(void)
{
    uint32_t seconds = from_bcd(cmos_read(4)) * 3600 + from_bcd(cmos_read(2)) * 60 +
                       from_bcd(cmos_read(0));
    return (uint32_t)((uint64_t)(seconds % 86400) * 1193182 >> 16);
}

void chipset_init(void)
{
    outb(0x92, (inb(0x92) | 0x02) & 0xFE); /* A20 on, no reset */
    pic_init();
    pit_init();
    dma_init();
    rtc_init();
}

void chipset_resume(void)
{
    pic_init();
    pit_init();
    dma_init();
    cmos_write(0x0F, 0);
}

void chipset_lock(void)
{
    if (rt.on_xen || pci_read32(0, PCI_VENDOR) != 0x12378086)
        return;
    static const uint8_t pam[7] = {
        0x10,                   /* F0000-FFFFF: read only */
        0x11, 0x11, 0x11, 0x11, /* C0000-DFFFF: read only */
        0x11, 0x31,             /* E0000-EBFFF: read only; EC000-EFFFF: ours, writable */
    };
    for (unsigned i = 0; i < sizeof(pam); i++)
        pci_write8(0, I440FX_PAM0 + i, pam[i]);
}

extern uint8_t vec_iret[], vec_int05[], vec_int08[], vec_int09[], vec_int0e[], vec_int10[];
extern uint8_t vec_int11[], vec_int12[], vec_int13[], vec_int14[], vec_int15[], vec_int16[];
extern uint8_t vec_int40[], vec_int17[], vec_int18[], vec_int19[], vec_int1a[], vec_int70[],
    vec_int74[];
extern uint8_t vec_int75[], vec_int76[], vec_irq_master[], vec_irq_slave[];
extern uint8_t diskette_parameters[];

static void vector(uint8_t number, const uint8_t *entry)
{
    ((volatile uint32_t *)0)[number] = 0xF0000000 | (uint16_t)(uint32_t)entry;
}

static void vectors_init(void)
{
    static uint8_t *const first[] = {
        vec_iret,       vec_iret,       vec_iret,  vec_iret,       vec_iret,       vec_int05,
        vec_iret,       vec_iret,       vec_int08, vec_int09,      vec_irq_master, vec_irq_master,
        vec_irq_master, vec_irq_master, vec_int0e, vec_irq_master, vec_int10,      vec_int11,
        vec_int12,      vec_int13,      vec_int14, vec_int15,      vec_int16,      vec_int17,
        vec_int18,      vec_int19,      vec_int1a,
    };
    for (unsigned i = 0; i < 256; i++)
        vector(i, vec_iret);
    for (unsigned i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        vector(i, first[i]);
    vector(0x1E, diskette_parameters);
    vector(0x40, vec_int40);
    for (unsigned i = 0x60; i < 0x68; i++)
        ((volatile uint32_t *)0)[i] = 0; /* free for user programs, which look for zero */
    for (unsigned i = 0x70; i < 0x78; i++)
        vector(i, vec_irq_slave);
    vector(0x70, vec_int70);
    vector(0x74, vec_int74);
    vector(0x75, vec_int75);
    vector(0x76, vec_int76);
}

void ivt_init(void)
{
    vectors_init();
    memset((void *)0x400, 0, 0x100);
    memset((void *)EBDA_LIN, 0, EBDA_KIB * 1024);
    *(volatile uint8_t *)(EBDA_LIN + EBDA_SIZE) = EBDA_KIB;
    BDA->ebda = EBDA_SEG;
    BDA->memory_kib = 640 - EBDA_KIB;
    BDA->equipment = 0x0002; /* coprocessor; the rest as it is found */
    BDA->key_head = BDA->key_tail = BDA->key_start = 0x1E;
    BDA->key_end = 0x3E;
    BDA->shift_ext[0] = SHIFT_EXT_101KEY;
    BDA->ticks = ticks_from_rtc();
    for (unsigned i = 0; i < 4; i++) {
        BDA->lpt_timeout[i] = 20;
        BDA->com_timeout[i] = 1;
    }
}
