/*
 * Keyboard controller.
 */
#include "i8042.h"
#include "timer.h"
#include "x86.h"

#define IN_FULL    0x02
#define TIMEOUT_MS 50
#define ACK        0xFA

static bool wait_input_empty(void)
{
    if (!(inb(I8042_STATUS) & IN_FULL))
        return true;
    uint32_t deadline = timer_after(TIMEOUT_MS);
    while (inb(I8042_STATUS) & IN_FULL) {
        if (timer_passed(deadline))
            return false;
    }
    return true;
}

bool i8042_command(uint8_t command)
{
    if (!wait_input_empty())
        return false;
    outb(I8042_STATUS, command);
    return true;
}

bool i8042_data(uint8_t data)
{
    if (!wait_input_empty())
        return false;
    outb(I8042_DATA, data);
    return true;
}

int i8042_read(uint32_t ms)
{
    if (inb(I8042_STATUS) & I8042_OUT_FULL)
        return inb(I8042_DATA);
    uint32_t deadline = timer_after(ms);
    while (!timer_passed(deadline)) {
        if (inb(I8042_STATUS) & I8042_OUT_FULL)
            return inb(I8042_DATA);
    }
    return -1;
}

void i8042_flush(void)
{
    for (unsigned i = 0; i < 32 && (inb(I8042_STATUS) & I8042_OUT_FULL); i++)
        inb(I8042_DATA);
}

bool i8042_send(bool aux, uint8_t byte)
{
    if (aux && !i8042_command(0xD4))
        return false;
    return i8042_data(byte) && i8042_read(TIMEOUT_MS) == ACK;
}

int i8042_get_mode(void)
{
    return i8042_command(0x20) ? i8042_read(TIMEOUT_MS) : -1;
}

bool i8042_set_mode(uint8_t mode)
{
    return i8042_command(0x60) && i8042_data(mode);
}
