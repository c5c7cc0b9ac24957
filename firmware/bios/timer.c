/*
 * Time-outs.
 */
#include "timer.h"
#include "runtime.h"
#include "x86.h"

/* The 8254's channel 0 counts down from 65536 (chipset.c: mode 2). */
static uint32_t pit_count(void)
{
    outb(0x43, 0x00);
    uint32_t low = inb(0x40);
    return 0xFFFF & -(low | (uint32_t)inb(0x40) << 8);
}

uint32_t timer_ticks(void)
{
    uint32_t wrap = rt.pm_timer ? 0x1000000 : 3 * 0x10000;
    uint32_t now = rt.pm_timer ? inl(rt.pm_timer) & 0xFFFFFF : 3 * pit_count();
    uint32_t before = rt.pm_timer_last % wrap;
    rt.pm_timer_last += now >= before ? now - before : now + wrap - before;
    return rt.pm_timer_last;
}

uint32_t timer_after(uint32_t ms)
{
    return timer_ticks() + ms * (TIMER_HZ / 1000);
}

bool timer_passed(uint32_t deadline)
{
    return (int32_t)(timer_ticks() - deadline) >= 0;
}

void timer_delay(uint32_t us)
{
    uint32_t deadline = timer_ticks() + us * 4; /* 3.58 rounded up */
    while (!timer_passed(deadline))
        cpu_pause();
}
