/*
 * The I/O request: one access of the guest to a device, in the layout that Xen shares with device
 * models (Xen public headers, hvm/ioreq.h). Every core produces this record; a trace is a row of
 * them.
 */
#ifndef IOREQ_IOREQ_H
#define IOREQ_IOREQ_H

#include <assert.h>
#include <stdint.h>

enum ioreq_type {
    IOREQ_TYPE_PIO = 0,
    IOREQ_TYPE_COPY = 1,       /* MMIO */
    IOREQ_TYPE_PCI_CONFIG = 2, /* addr: see IOREQ_PCI_* */
    IOREQ_TYPE_TIMEOFFSET = 7, /* data: the guest moved the RTC by so many seconds (signed) */
    IOREQ_TYPE_INVALIDATE = 8, /* drop every cached mapping of guest memory */
};

/* Bits of `flags`. */
#define IOREQ_STATE_MASK  0x0f /* the hand-over between Xen and the device model; else 0 */
#define IOREQ_DATA_IS_PTR 0x10 /* data is a guest-physical address, not the value */
#define IOREQ_READ        0x20 /* from the device to the guest */
#define IOREQ_DF          0x40 /* repetitions go downwards */

/*
 * count repetitions of size bytes. With IOREQ_DATA_IS_PTR the values are in guest memory at data,
 * going up (or down) by size. A port stays the same for all repetitions; an MMIO address goes
 * along. For a read without the pointer the last value read is left in data.
 */
struct ioreq {
    uint64_t addr; /* port, guest-physical address, or packed PCI address */
    uint64_t data;
    uint32_t count;
    uint32_t size;     /* bytes: PIO and PCI 1, 2, 4; MMIO also 8 */
    uint32_t vp_eport; /* Xen: the vCPU's event channel; else 0 */
    uint16_t pad;
    uint8_t flags;
    uint8_t type;
};

static_assert(sizeof(struct ioreq) == 32, "Xen's layout");

/* A PCI_CONFIG address: segment 63..48, bus 47..40, device 39..35, function 34..32, register. */
#define IOREQ_PCI_SEGMENT(addr) ((unsigned)((addr) >> 48 & 0xffff))
#define IOREQ_PCI_BUS(addr)     ((unsigned)((addr) >> 40 & 0xff))
#define IOREQ_PCI_DEVFN(addr)   ((uint8_t)((addr) >> 32 & 0xff))
#define IOREQ_PCI_OFFSET(addr)  ((uint32_t)(addr))

#endif
