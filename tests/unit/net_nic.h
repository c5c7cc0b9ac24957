/* A NIC as small as can be: it keeps what it receives, and receives as much as the test allows. */
#ifndef TESTS_UNIT_NET_NIC_H
#define TESTS_UNIT_NET_NIC_H

#include "net/backend.h"

struct test_nic {
    struct net_backend *net;
    unsigned room;      /* packets it still takes */
    GPtrArray *packets; /* GBytes */
    unsigned writable, link_changes, unplugged;
};

void test_nic_attach(struct test_nic *nic, struct net_backend *net);
void test_nic_release(struct test_nic *nic);
unsigned test_nic_send(struct test_nic *nic, const void *frame, size_t len);
const uint8_t *test_nic_packet(const struct test_nic *nic, unsigned i, size_t *len);

/* Runs the main loop until *value is at least `wanted`; fails the test after 10 s. */
void test_wait(const unsigned *value, unsigned wanted);

/* Runs the main loop until nic holds n packets. */
void test_nic_wait(struct test_nic *nic, unsigned n);

#endif
