/*
 * The guest's side of fw_cfg: by DMA where the machine offers it, else byte by byte from the data
 * port, which is how it works under Xen.
 */
#include "linuxboot.h"

#define SELECTOR_PORT 0x510
#define DMA_PORT      0x514

#define KEY_SIGNATURE 0x00
#define KEY_ID        0x01
#define QEMU          0x554d4551 /* the signature, "QEMU" */
#define ID_DMA        0x02

#define DMA_ERROR  0x01
#define DMA_READ   0x02
#define DMA_SELECT 0x08

#define MIB          0x100000u
#define PORT_PIECE   0x10000u   /* read at once with interrupts off */
#define DMA_PATIENCE 0x4000000u /* looks at the control word before giving up */

/* The DMA command, big-endian. */
static struct {
    volatile uint32_t control;
    uint32_t length;
    uint32_t address_high, address_low;
} dma_command;

static bool dma;

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static void read_ports(uint16_t key, uint32_t address, uint32_t size, void (*progress)(void))
{
    outw(SELECTOR_PORT, key);
    for (uint32_t done = 0; done < size;) {
        uint32_t piece = size - done < PORT_PIECE ? size - done : PORT_PIECE;
        read_port_to(address + done, piece);
        done += piece;
        if (progress && done % MIB == 0)
            progress();
    }
}

static enum fwcfg_status read_dma(uint16_t key, uint32_t address, uint32_t size)
{
    dma_command.control = __builtin_bswap32((uint32_t)key << 16 | DMA_SELECT | DMA_READ);
    dma_command.length = __builtin_bswap32(size);
    dma_command.address_high = 0;
    dma_command.address_low = __builtin_bswap32(address);
    __asm__ volatile("" : : : "memory"); /* all of the command is written before it is started */
    outl(DMA_PORT, 0);
    outl(DMA_PORT + 4, __builtin_bswap32(linear(&dma_command)));

    for (uint32_t i = 0; i < DMA_PATIENCE; i++) {
        uint32_t control = __builtin_bswap32(dma_command.control);
        if (control & DMA_ERROR)
            return FWCFG_ERROR;
        if (control == 0)
            return FWCFG_OK;
        __asm__ volatile("pause" : : : "memory");
    }
    return FWCFG_TIMEOUT;
}

bool fwcfg_probe(void)
{
    dma = false;
    if (fwcfg_number(KEY_SIGNATURE) != QEMU)
        return false;
    dma = fwcfg_number(KEY_ID) & ID_DMA;
    return true;
}

bool fwcfg_has_dma(void)
{
    return dma;
}

enum fwcfg_status fwcfg_read(uint16_t key, uint32_t address, uint32_t size, void (*progress)(void))
{
    if (dma)
        return read_dma(key, address, size);
    read_ports(key, address, size, progress);
    return FWCFG_OK;
}

uint32_t fwcfg_number(uint16_t key)
{
    uint32_t value = 0;
    read_ports(key, linear(&value), sizeof(value), NULL);
    return *(volatile uint32_t *)&value; /* written behind the compiler's back */
}
