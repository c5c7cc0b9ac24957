/*
 * A network card in the whole program: frames from the guest's ring to a peer on a socket and back,
 * with the interrupt at the end (8254x SDM, 3.2 and 3.3).
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "base/bytes.h"
#include "tests/qtest/qtest.h"

#define DEVFN 0x18 /* slot 3 */
#define BAR   0xe0000000u
#define LINE  11

enum { CTRL = 0x0, ICR = 0xc0, IMS = 0xd0, RCTL = 0x100, TCTL = 0x400, RX = 0x2800, TX = 0x3800 };
enum { RING_LOW = 0x0, RING_LENGTH = 0x8, RING_HEAD = 0x10, RING_TAIL = 0x18 };

#define CTRL_SLU            0x40
#define RCTL_ON_PROMISCUOUS 0x1a /* EN, UPE, MPE */
#define TCTL_ON             0x02
#define ICR_TXDW            0x01
#define ICR_RXT0            0x80
#define TX_EOP_RS           0x09000000u
#define STATUS_DD           0x01

#define TX_RING   0x10000
#define RX_RING   0x11000
#define TX_BUFFER 0x12000
#define RX_BUFFER 0x14000
#define RING_SIZE 128 /* bytes: eight descriptors */

struct cable {
    char *dir, *path;
    int listener, peer;
    struct qtest *q;
};

static void plug_in(struct cable *c, gconstpointer data)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    c->dir = g_dir_make_tmp("hvm-dm-e1000-XXXXXX", NULL);
    c->path = g_build_filename(c->dir, "net", NULL);
    c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_strlcpy(addr.sun_path, c->path, sizeof(addr.sun_path));
    g_assert_cmpint(bind(c->listener, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(c->listener, 1), ==, 0);
    g_autofree char *args = g_strdup_printf("-netdev stream,id=n,addr.type=unix,addr.path=%s"
                                            " -device e1000,netdev=n,addr=3",
                                            c->path);
    c->q = qtest_start(args);
    c->peer = accept(c->listener, NULL, NULL);
    g_assert_cmpint(c->peer, >=, 0);
    qtest_intercept(c->q);
    qtest_pci_write(c->q, 0x08, 0x60, 0x0b0b0b0b, 4); /* PIIX3: all pins to line 11 */
    qtest_pci_write(c->q, DEVFN, 0x10, BAR, 4);
    qtest_pci_write(c->q, DEVFN, 0x04, 6, 2);
    qtest_writel(c->q, BAR + CTRL, CTRL_SLU);
    qtest_step(c->q, INT64_C(5000000000)); /* negotiation takes its time */
}

static void pull_out(struct cable *c, gconstpointer data)
{
    qtest_end(c->q);
    close(c->peer);
    close(c->listener);
    g_unlink(c->path);
    g_rmdir(c->dir);
    g_free(c->path);
    g_free(c->dir);
}

static void set(struct cable *c, unsigned reg, uint32_t value)
{
    qtest_writel(c->q, BAR + reg, value);
}

static void make_frame(uint8_t *frame, size_t size, uint8_t seed)
{
    memset(frame, 0xff, 6);
    for (size_t i = 6; i < size; i++)
        frame[i] = (uint8_t)(seed + i * 3);
}

static void read_exactly(int fd, uint8_t *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, to + done, size - done);
        g_assert_cmpint(n, >, 0);
        done += (size_t)n;
    }
}

/* A descriptor with one frame; the head meets the tail, and the peer has the frame. */
static void send_frame(struct cable *c, unsigned at, size_t size)
{
    uint8_t frame[1514], got[1518], desc[16] = { 0 };

    make_frame(frame, size, (uint8_t)at);
    qtest_memwrite(c->q, TX_BUFFER, frame, size);
    put_le64(desc, TX_BUFFER);
    put_le32(desc + 8, (uint32_t)size | TX_EOP_RS);
    qtest_memwrite(c->q, TX_RING + at * 16, desc, sizeof(desc));
    set(c, TX + RING_TAIL, at + 1);
    for (unsigned i = 0; qtest_readl(c->q, BAR + TX + RING_HEAD) != at + 1; i++) {
        g_assert_cmpuint(i, <, 100);
        qtest_step(c->q, 1000000);
    }
    read_exactly(c->peer, got, 4);
    g_assert_cmpuint(get_be32(got), ==, size);
    read_exactly(c->peer, got, size);
    g_assert_cmpmem(got, size, frame, size);
    g_assert_cmphex(qtest_readb(c->q, TX_RING + at * 16 + 12) & STATUS_DD, ==, STATUS_DD);
}

static void test_transmit(struct cable *c, gconstpointer data)
{
    static const size_t sizes[] = { 60, 61, 512, 1514 };

    set(c, TX + RING_LOW, TX_RING);
    set(c, TX + RING_LENGTH, RING_SIZE);
    set(c, IMS, ICR_TXDW);
    set(c, TCTL, TCTL_ON);
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++)
        send_frame(c, i, sizes[i]);
    qtest_step(c->q, 10000000); /* longer than any moderation */
    g_assert_true(qtest_irq(c->q, LINE));
    g_assert_cmphex(qtest_readl(c->q, BAR + ICR) & ICR_TXDW, ==, ICR_TXDW);
    g_assert_false(qtest_irq(c->q, LINE)); /* reading the causes took the interrupt back */
}

/* Frames land in the guest's buffers in order, with length and status. */
static void test_receive(struct cable *c, gconstpointer data)
{
    uint8_t frame[64], head[4], desc[16], got[64];

    for (unsigned i = 0; i < 8; i++) {
        memset(desc, 0, sizeof(desc));
        put_le64(desc, RX_BUFFER + i * 2048);
        qtest_memwrite(c->q, RX_RING + i * 16, desc, sizeof(desc));
    }
    set(c, RX + RING_LOW, RX_RING);
    set(c, RX + RING_LENGTH, RING_SIZE);
    set(c, RX + RING_TAIL, 7);
    set(c, IMS, ICR_RXT0);
    set(c, RCTL, RCTL_ON_PROMISCUOUS);
    for (unsigned n = 0; n < 3; n++) {
        make_frame(frame, sizeof(frame), (uint8_t)(n + 100));
        put_be32(head, sizeof(frame));
        g_assert_cmpint(write(c->peer, head, sizeof(head)), ==, sizeof(head));
        g_assert_cmpint(write(c->peer, frame, sizeof(frame)), ==, sizeof(frame));
        for (unsigned i = 0; (qtest_readb(c->q, RX_RING + n * 16 + 12) & STATUS_DD) == 0; i++) {
            g_assert_cmpuint(i, <, 10000);
            g_usleep(100);
        }
        qtest_memread(c->q, RX_RING + n * 16, desc, sizeof(desc));
        g_assert_cmpuint(get_le16(desc + 8), ==, sizeof(frame) + 4); /* with the FCS */
        qtest_memread(c->q, RX_BUFFER + n * 2048, got, sizeof(got));
        g_assert_cmpmem(got, sizeof(got), frame, sizeof(frame));
    }
    qtest_step(c->q, 10000000);
    g_assert_true(qtest_irq(c->q, LINE));
    g_assert_cmphex(qtest_readl(c->q, BAR + ICR) & ICR_RXT0, ==, ICR_RXT0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/e1000/transmit", struct cable, NULL, plug_in, test_transmit, pull_out);
    g_test_add("/e1000/receive", struct cable, NULL, plug_in, test_receive, pull_out);
    return g_test_run();
}
