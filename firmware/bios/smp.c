/*
 * Memory types and secondary processors (Intel SDM 3, chapters 9 and 12; MP specification 1.4, B).
 */
#include "bda.h"
#include "fwcfg.h"
#include "post.h"
#include "print.h"
#include "timer.h"
#include "x86.h"

#define APIC_BASE_MSR   0x1B
#define FEATURE_MSR     0x3A
#define MTRR_CAP        0xFE
#define MTRR_PHYS_BASE0 0x200
#define MTRR_FIX_64K    0x250
#define MTRR_FIX_16K    0x258
#define MTRR_FIX_4K     0x268
#define MTRR_DEFAULT    0x2FF

#define MTRR_WRITE_BACK 0x0606060606060606
#define MTRR_UNCACHED   0x0000000000000000
#define MTRR_WRITE_PROT 0x0505050505050505

#define APIC            0xFEE00000
#define APIC_SPURIOUS   0xF0
#define APIC_ICR_LOW    0x300
#define APIC_ICR_HIGH   0x310
#define APIC_LINT0      0x350
#define APIC_LINT1      0x360
#define ICR_INIT_OTHERS 0x000C4500
#define ICR_SIPI_OTHERS 0x000C4600

#define CPUID_MSR  (1 << 5)
#define CPUID_APIC (1 << 9)
#define CPUID_MTRR (1 << 12)

volatile uint32_t ap_lock, ap_count;
uint8_t ap_stack[512] __attribute__((aligned(16)));
extern uint8_t ap_stack_end[] __asm__("ap_stack_end");
__asm__(".globl ap_stack_end\n.set ap_stack_end, ap_stack + 512");

static volatile uint32_t apic_ids[8];
static uint64_t feature_control; /* what the host wants in IA32_FEATURE_CONTROL, 0: nothing */

static uint32_t features(void)
{
    uint32_t v[4];
    cpuid(1, v);
    return v[3];
}

static volatile uint32_t *apic(uint32_t reg)
{
    return (volatile uint32_t *)(APIC + reg);
}

static uint64_t physical_mask(void)
{
    uint32_t v[4];
    cpuid(0x80000000, v);
    unsigned bits = 36;
    if (v[0] >= 0x80000008) {
        cpuid(0x80000008, v);
        bits = v[0] & 0xFF;
    }
    return (UINT64_C(1) << bits) - 1;
}

/* Write-back by default; the range of PCI windows below 4 GiB uncached; the usual first MiB. */
void mtrr_setup(void)
{
    if ((features() & (CPUID_MTRR | CPUID_MSR)) != (CPUID_MTRR | CPUID_MSR))
        return;
    uint64_t cap = rdmsr(MTRR_CAP);
    wrmsr(MTRR_DEFAULT, 0);
    if (cap & 0x100) {
        wrmsr(MTRR_FIX_64K, MTRR_WRITE_BACK);
        wrmsr(MTRR_FIX_16K, MTRR_WRITE_BACK);
        wrmsr(MTRR_FIX_16K + 1, MTRR_UNCACHED);
        for (unsigned i = 0; i < 8; i++)
            wrmsr(MTRR_FIX_4K + i, MTRR_WRITE_PROT);
    }
    uint32_t hole = 0x80000000; /* the smallest power of two from 4 GiB down that spares the RAM */
    while (hole > 0x10000000 && rt.low_memory_end <= -(hole >> 1) && -(hole >> 1) <= 0xE0000000)
        hole >>= 1;
    unsigned n = cap & 0xFF;
    for (unsigned i = 1; i < n; i++)
        wrmsr(MTRR_PHYS_BASE0 + 2 * i + 1, 0);
    if (n) {
        wrmsr(MTRR_PHYS_BASE0, -hole);
        wrmsr(MTRR_PHYS_BASE0 + 1, (physical_mask() & -(uint64_t)hole) | 0x800);
    }
    wrmsr(MTRR_DEFAULT, 0xC06);
}

static void feature_control_setup(void)
{
    if (feature_control)
        wrmsr(FEATURE_MSR, feature_control);
}

static void note_apic_id(void)
{
    uint32_t v[4];
    cpuid(1, v);
    uint8_t id = (uint8_t)(v[1] >> 24);
    apic_ids[id / 32] |= 1U << id % 32;
}

bool smp_has_apic(uint8_t id)
{
    return apic_ids[id / 32] >> id % 32 & 1;
}

/* Every secondary processor, one after the other, on the shared stack (entry.S). */
void smp_ap_main(void);
void smp_ap_main(void)
{
    mtrr_setup();
    feature_control_setup();
    note_apic_id();
    ap_count++;
}

/* Virtual wire: the 8259 and NMI reach the first processor through its local APIC. */
static void apic_enable(void)
{
    *apic(APIC_SPURIOUS) = 0x10F;
    *apic(APIC_LINT0) = 0x8700;
    *apic(APIC_LINT1) = 0x8400;
}

void smp_setup(void)
{
    uint16_t expected = fwcfg_u16(FWCFG_NB_CPUS);
    if (!expected)
        expected = cmos_read(0x5F) + 1U;
    rt.cpu_count = 1;
    note_apic_id();
    feature_control = fwcfg_integer("etc/msr_feature_control", 0);
    feature_control_setup();
    if (!(features() & CPUID_APIC))
        return;
    apic_enable();
    if (expected == 1)
        return;
    ap_count = 0;
    *apic(APIC_ICR_LOW) = ICR_INIT_OTHERS;
    timer_delay(50); /* 10 ms was for chips of 1995; virtual ones take INIT at once */
    *apic(APIC_ICR_LOW) = ICR_SIPI_OTHERS | SIPI_VECTOR;
    uint32_t deadline = timer_after(2000);
    while (ap_count + 1 < expected && !timer_passed(deadline))
        cpu_pause();
    rt.cpu_count = (uint16_t)(ap_count + 1);
    if (rt.cpu_count != expected)
        screen("%u of %u processors answer\n", rt.cpu_count, expected);
}
