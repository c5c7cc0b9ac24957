/*
 * The host's side of the devices on the board (tests/fuzz/board.h): disks in memory, a screen that
 * somebody looks at, a line to somebody who types, keys and a mouse. Whatever a device asks for by
 * a property is made for it and named after its kind.
 */
#ifndef TESTS_FUZZ_HOST_H
#define TESTS_FUZZ_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "hw/core/device.h"

struct fuzz_host;

/* What happens there while the guest runs. */
enum fuzz_host_event {
    FUZZ_LOOK, /* the screens are brought up to date */
    FUZZ_TYPE, /* up to 8 characters come in on the lines, as many as value's top byte says */
    FUZZ_KEY,  /* a key goes down, or (bit 8) up */
    FUZZ_POINTER_MOVE, /* the mouse: i8 x, i8 y, i8 wheel, u8 buttons */
    FUZZ_TRAY,         /* the disks' trays: bit 0 opens, bit 1 by force; else they are closed */
    FUZZ_MEDIUM,       /* the disk in an open tray is taken out, or (bit 0) put in again */
    FUZZ_HOST_EVENTS
};

struct fuzz_host *fuzz_host_create(void);
void fuzz_host_destroy(struct fuzz_host *h);

/* As struct machine_host.resolve; opaque is the fuzz_host. */
void *fuzz_host_resolve(void *opaque, struct device *dev, const char *kind, const char *name,
                        GError **err);
/* The option that gives hvm-dm the same for `-device KIND,host=KIND`; NULL: none is needed. */
char *fuzz_host_option(const char *host, const char *kind);

/* Disks as they were, trays closed, no key held. The machine was reset before. */
void fuzz_host_reset(struct fuzz_host *h);
/* Ends what the devices wait for. */
void fuzz_host_settle(struct fuzz_host *h);
void fuzz_host_event(struct fuzz_host *h, enum fuzz_host_event event, uint64_t value);

#endif
