/*
 * A client for machines without CPUs: starts the program the way QEMU's libqtest does, with a
 * socket for the accesses and one for QMP, and fails the test when an answer is not what it must
 * be. The test plays the guest's CPU; time moves only when it says so.
 *
 * HVMDM_BINARY says what is started.
 */
#ifndef TESTS_QTEST_QTEST_H
#define TESTS_QTEST_QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>
#include <json-glib/json-glib.h>

struct qtest;

/* The machine with these more arguments (words parted by blanks; "" or more). */
struct qtest *qtest_start(const char *args);
/* The same by another name of the program. */
struct qtest *qtest_start_as(const char *binary, const char *args);
/* SIGTERM, and it must end with status 0. */
void qtest_end(struct qtest *q);
/* Waits until it has ended by itself; returns its exit status, or 128 + the signal. */
int qtest_wait(struct qtest *q);

GPid qtest_pid(const struct qtest *q);

/* Runs the program to its end. Returns as qtest_wait(); *errors: its stderr, owned by the caller.
 */
int qtest_run(const char *args, char **output, char **errors);

/* A raw line, and the answer to it. The caller owns it. */
char *qtest_ask(struct qtest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* The same with nothing but the answer that is wanted. */
void qtest_expect(struct qtest *q, const char *line, const char *answer);

uint8_t qtest_inb(struct qtest *q, uint16_t port);
uint16_t qtest_inw(struct qtest *q, uint16_t port);
uint32_t qtest_inl(struct qtest *q, uint16_t port);
void qtest_outb(struct qtest *q, uint16_t port, uint8_t value);
void qtest_outw(struct qtest *q, uint16_t port, uint16_t value);
void qtest_outl(struct qtest *q, uint16_t port, uint32_t value);
uint8_t qtest_readb(struct qtest *q, uint64_t addr);
uint32_t qtest_readl(struct qtest *q, uint64_t addr);
uint64_t qtest_readq(struct qtest *q, uint64_t addr);
void qtest_writeb(struct qtest *q, uint64_t addr, uint8_t value);
void qtest_writel(struct qtest *q, uint64_t addr, uint32_t value);
void qtest_writeq(struct qtest *q, uint64_t addr, uint64_t value);
void qtest_memread(struct qtest *q, uint64_t addr, void *data, size_t size);
void qtest_memwrite(struct qtest *q, uint64_t addr, const void *data, size_t size);

/* PCI configuration by ports 0xCF8 and 0xCFC, bus 0; size 1, 2 or 4. */
uint32_t qtest_pci_read(struct qtest *q, uint8_t devfn, unsigned offset, unsigned size);
void qtest_pci_write(struct qtest *q, uint8_t devfn, unsigned offset, uint32_t value,
                     unsigned size);

/* Time, ns; both return the new one. A step without ns: to the next deadline. */
int64_t qtest_step(struct qtest *q, int64_t ns);
int64_t qtest_step_next(struct qtest *q);

/* From now on the levels of the board's lines are followed. */
void qtest_intercept(struct qtest *q);
/* The level of a line as of now, and how often it has risen. */
bool qtest_irq(struct qtest *q, unsigned gsi);
unsigned qtest_irq_rises(struct qtest *q, unsigned gsi);

/*
 * QMP: a command, and the whole reply ("return" or "error"); events in between are kept. The
 * caller owns the reply. json: the request without its braces, e.g. "\"execute\": \"stop\"".
 */
JsonObject *qtest_qmp(struct qtest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* A command without arguments that must succeed. */
void qtest_qmp_do(struct qtest *q, const char *command);
/* What query-status says; the caller owns it. */
char *qtest_qmp_status(struct qtest *q);
/* Waits for an event of this name (one may have come already) and forgets those before it. */
void qtest_qmp_wait_event(struct qtest *q, const char *name);
/* Bytes as they are (fd: sent along; -1: none), and the next line; the caller owns it. */
void qtest_qmp_send(struct qtest *q, const char *data, size_t size, int fd);
char *qtest_qmp_line(struct qtest *q);
/* Closes the connection for good; the machine lives on. */
void qtest_qmp_hang_up(struct qtest *q);

/* A path in the test's own folder, which goes with the test. The caller owns it. */
char *qtest_path(struct qtest *q, const char *name);

#endif
