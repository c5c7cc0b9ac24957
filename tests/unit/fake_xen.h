/*
 * Xen for tests of the Xen core: the functions of its libraries, by one HVM domain in this process.
 * The test is the guest and the toolstack. What the core says to the hypervisor is written down,
 * a line for each call.
 */
#ifndef TESTS_UNIT_FAKE_XEN_H
#define TESTS_UNIT_FAKE_XEN_H

#include "ioreq/ioreq.h"
#include "ioreq/xen_ring.h"

#define FAKE_DOMAIN    7
#define FAKE_PAGES     8192u /* that the domain may have, wherever they are */
#define FAKE_RING_PORT 1u
#define FAKE_VCPU_PORT 2u /* of the first vCPU */
#define FAKE_MAX_VCPUS 4u

/* A domain with pages 0 to ram_pages - 1. */
void fake_xen_create(unsigned vcpus, unsigned ram_pages);
void fake_xen_destroy(void);

/* The page at a frame number, as the guest sees it; NULL: none. */
uint8_t *fake_xen_page(uint64_t gfn);
void fake_xen_give(uint64_t gfn);    /* the domain gets a page */
void fake_xen_balloon(uint64_t gfn); /* the guest gives it back; INVALIDATE is the test's to send */
/* How many of the domain's pages this process has mapped, as its kernel counts. */
unsigned fake_xen_mapped(void);

/* Whether the core claimed an address. */
bool fake_xen_claimed(bool mmio, uint64_t addr);

/* The page of requests. */
struct ioreq *fake_xen_slot(unsigned vcpu);
/*
 * A vCPU's request: shown to the core, with an event; and waiting for the answer, with the machine
 * lock released. The answer's data; the slot is free then.
 */
void fake_xen_request(unsigned vcpu, const struct ioreq *req);
bool fake_xen_answered(unsigned vcpu);
uint64_t fake_xen_wait(unsigned vcpu);
/* A buffered write, of 1 to 8 bytes; without an event, as when the ring's is masked. */
void fake_xen_buffer(uint8_t type, uint32_t addr, unsigned size, uint64_t data);
void fake_xen_event(unsigned port);

/* What the core said since the last call: lines, to be freed. */
char *fake_xen_said(void);
/* Fails the test where it is not this, and frees nothing of it. */
void fake_xen_expect(const char *said);

/* The hypervisor refuses the next call with that name in fake_xen.c's words; NULL: none. */
void fake_xen_refuse(const char *call);

#endif
