/*
 * Recording and replay of the whole program: what a machine lived through is done to it again with
 * nothing behind it, and it does the same; what does not, is found at its place.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <glib/gstdio.h>

#include "base/bytes.h"
#include "ioreq/trace.h"
#include "tests/qtest/qtest.h"

#define SECTOR 512

struct fixture {
    char *dir, *recording, *disk, *edited;
};

static void setup(struct fixture *f, gconstpointer data)
{
    char sectors[64 * SECTOR];

    f->dir = g_dir_make_tmp("hvm-dm-record-XXXXXX", NULL);
    f->recording = g_build_filename(f->dir, "recording", NULL);
    f->edited = g_build_filename(f->dir, "edited", NULL);
    f->disk = g_build_filename(f->dir, "disk", NULL);
    for (size_t i = 0; i < sizeof(sectors); i++)
        sectors[i] = (char)(i * 7 + i / SECTOR);
    g_assert_true(g_file_set_contents(f->disk, sectors, sizeof(sectors), NULL));
}

static void teardown(struct fixture *f, gconstpointer data)
{
    g_unlink(f->recording);
    g_unlink(f->edited);
    g_unlink(f->disk);
    g_rmdir(f->dir);
    g_free(f->recording);
    g_free(f->edited);
    g_free(f->disk);
    g_free(f->dir);
}

static struct qtest *start(const struct fixture *f, const char *args)
{
    g_autofree char *all = g_strdup_printf("-record %s %s", f->recording, args);

    return qtest_start(all);
}

/* The one line that a replay of a file ends with; it must have this status. */
static char *replay(const char *file, int wanted)
{
    g_autofree char *args = g_strdup_printf("-accel replay,file=%s", file);
    g_autofree char *errors = NULL;
    char *output = NULL;
    int status = qtest_run(args, &output, &errors);

    g_test_message("%s%s", output, errors);
    g_assert_cmpint(status, ==, wanted);
    if (*output != '\0')
        return output;
    g_free(output);
    return g_steal_pointer(&errors);
}

static void replay_is_the_same(const struct fixture *f)
{
    g_autofree char *line = replay(f->recording, 0);

    g_assert_nonnull(strstr(line, "no difference"));
}

/* ---- Lives ---- */

static void use_timers(struct qtest *q)
{
    qtest_outb(q, 0x43, 0x34); /* PIT, counter 0: rate generator */
    qtest_outb(q, 0x40, 0xa9);
    qtest_outb(q, 0x40, 0x04); /* a millisecond */
    for (unsigned i = 0; i < 5; i++)
        qtest_step(q, 700000);
    qtest_outb(q, 0x70, 0x00); /* RTC: seconds */
    qtest_inb(q, 0x71);
}

/* A string comes out of the serial port. */
static void use_serial(struct qtest *q)
{
    for (const char *p = "recorded\n"; *p != '\0'; p++) {
        qtest_outb(q, 0x3f8, (uint8_t)*p);
        qtest_step(q, 1000000);
    }
}

static void press_keys(struct qtest *q)
{
    g_autoptr(JsonObject) reply = qtest_qmp(
        q, "\"execute\": \"send-key\", \"arguments\": {\"hold-time\": 1, \"keys\": "
           "[{\"type\": \"qcode\", \"data\": \"a\"}]}");

    g_assert_true(json_object_has_member(reply, "return"));
    for (unsigned i = 0; i < 4; i++) {
        qtest_step(q, 10000000);
        qtest_inb(q, 0x60);
    }
}

/* The absolute pointer: the guest asks by CPU registers. */
static void use_pointer(struct qtest *q)
{
    static const char *const registers[] = { "0x45414552 41", "1 39", "0x53424152 41" };

    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        g_free(qtest_ask(q, "registers 0x564d5868 %s 0 0 0", registers[i]));
        qtest_inl(q, 0x5658);
    }
    g_autoptr(JsonObject) reply = qtest_qmp(
        q, "\"execute\": \"input-send-event\", \"arguments\": {\"events\": [{\"type\": \"abs\", "
           "\"data\": {\"axis\": \"x\", \"value\": 5}}]}");
    g_assert_true(json_object_has_member(reply, "return"));
    g_free(qtest_ask(q, "registers 0x564d5868 4 39 0 0 0"));
    qtest_inl(q, 0x5658);
    qtest_expect(q, "registers",
                 "OK 0x00000000 0x0000000a 0x00000000 0x00000000 0x00000000 0x00000000");
}

#define IDE      0x1f0
#define IDE_PCI  0x09 /* slot 1, function 1 */
#define BMDMA    0xc000
#define PRD      0x2000
#define TRANSFER 0x4000

static void wait_for_disk(struct qtest *q)
{
    for (unsigned i = 0; (qtest_inb(q, IDE + 7) & 0x88) == 0x80; i++)
        g_assert_cmpuint(i, <, 100000);
}

static void ide_command(struct qtest *q, uint8_t command, uint8_t count)
{
    qtest_outb(q, IDE + 6, 0xe0);
    qtest_outb(q, IDE + 2, count);
    qtest_outb(q, IDE + 3, 3);
    qtest_outb(q, IDE + 4, 0);
    qtest_outb(q, IDE + 5, 0);
    qtest_outb(q, IDE + 7, command);
}

/* A sector by the data port. */
static void read_by_pio(struct qtest *q)
{
    ide_command(q, 0x20, 1);
    wait_for_disk(q);
    for (unsigned i = 0; i < SECTOR / 2; i++)
        qtest_inw(q, IDE);
}

static void move_by_dma(struct qtest *q, uint8_t command, uint8_t direction)
{
    qtest_pci_write(q, IDE_PCI, 0x20, BMDMA, 4);
    qtest_pci_write(q, IDE_PCI, 0x04, 5, 2);
    qtest_writel(q, PRD, TRANSFER);
    qtest_writel(q, PRD + 4, 0x80000000u | 4 * SECTOR);
    qtest_outl(q, BMDMA + 4, PRD);
    qtest_outb(q, BMDMA, direction);
    ide_command(q, command, 4);
    qtest_outb(q, BMDMA, direction | 1);
    for (unsigned i = 0; (qtest_inb(q, BMDMA + 2) & 4) == 0; i++)
        g_assert_cmpuint(i, <, 100000);
    qtest_inb(q, IDE + 7);
    qtest_outb(q, BMDMA, 0);
    qtest_outb(q, BMDMA + 2, 6);
}

static void use_disk(struct qtest *q)
{
    qtest_pci_write(q, IDE_PCI, 0x40, 0x8000, 2); /* IDETIM: the channel is decoded */
    read_by_pio(q);
    move_by_dma(q, 0xc8, 8); /* READ DMA */
    qtest_memwrite(q, TRANSFER, "written by the guest", 20);
    move_by_dma(q, 0xca, 0); /* WRITE DMA */
    move_by_dma(q, 0xc8, 8);
}

/* Two cards on a hub's two ends: what one sends, the other is told. */
#define NIC(slot)     ((slot) << 3)
#define NIC_BAR(slot) (0xe0000000u + (slot)*0x20000u)
#define RING          0x10000
#define PACKET        0x11000
#define E1000_RCTL    0x0100
#define E1000_TCTL    0x0400
#define E1000_TX(reg) (0x3800 + (reg))
#define RING_LOW      0x00
#define RING_LEN      0x08
#define RING_TAIL     0x18

static void send_packet(struct qtest *q, unsigned slot)
{
    uint8_t frame[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 1, 2, 3, 0x88, 0xb5 };
    uint8_t desc[16] = { 0 };
    uint64_t bar = NIC_BAR(slot);

    qtest_pci_write(q, NIC(slot), 0x10, (uint32_t)bar, 4);
    qtest_pci_write(q, NIC(slot), 0x04, 6, 2);
    put_le64(desc, PACKET);
    put_le32(desc + 8, sizeof(frame) | 0x0b000000); /* EOP, IFCS, RS */
    qtest_memwrite(q, RING, desc, sizeof(desc));
    qtest_memwrite(q, PACKET, frame, sizeof(frame));
    qtest_writel(q, bar + E1000_TX(RING_LOW), RING);
    qtest_writel(q, bar + E1000_TX(RING_LEN), 128);
    qtest_writel(q, bar + E1000_TCTL, 2);
    qtest_writel(q, bar + E1000_TX(RING_TAIL), 1);
    for (unsigned i = 0; (qtest_readb(q, RING + 12) & 1) == 0 && i < 100; i++)
        qtest_step(q, 1000000);
    g_assert_cmphex(qtest_readb(q, RING + 12) & 1, ==, 1);
}

/* ---- Stories ---- */

static void test_small(struct fixture *f, gconstpointer data)
{
    struct qtest *q = start(f, "-nodefaults -serial null");

    use_timers(q);
    use_serial(q);
    qtest_end(q);
    replay_is_the_same(f);
}

/* Keys, a pointer, a disk, a network card, reset, and the power button, with the host's part in
 * between. */
static void test_everything(struct fixture *f, gconstpointer data)
{
    g_autofree char *args = g_strdup_printf("-drive file=%s,format=raw -serial null"
                                            " -nic user,model=e1000,addr=3 -machine vmport=on",
                                            f->disk);
    struct qtest *q = start(f, args);

    use_timers(q);
    press_keys(q);
    use_pointer(q);
    use_disk(q);
    send_packet(q, 3);
    qtest_qmp_do(q, "system_powerdown");
    qtest_qmp_do(q, "stop");
    qtest_qmp_do(q, "cont");
    qtest_qmp_do(q, "system_reset");
    use_serial(q);
    qtest_end(q);
    g_unlink(f->disk); /* the recording has what was read */
    replay_is_the_same(f);
}

/* A disk without its option. */
static void test_disk_alone(struct fixture *f, gconstpointer data)
{
    struct qtest *q = start(f, f->disk);

    use_disk(q);
    qtest_end(q);
    replay_is_the_same(f);
}

/* The guest resets the machine, and switches it off, which is the end. */
static void test_power(struct fixture *f, gconstpointer data)
{
    struct qtest *q = start(f, "-nodefaults");

    qtest_outb(q, 0xcf9, 0x06);
    qtest_qmp_wait_event(q, "RESET");
    qtest_pci_write(q, 0x0b, 0x40, 0xb001, 4); /* PIIX4: PMBA, and PMREGMISC: enable */
    qtest_pci_write(q, 0x0b, 0x80, 0x01, 1);
    g_free(qtest_ask(q, "outw 0xb004 0x2000")); /* S5 */
    g_assert_cmpint(qtest_wait(q), ==, 0);
    replay_is_the_same(f);
}

/* What it asks for while it is stopped is done then, or when it goes on. */
static void test_power_while_stopped(struct fixture *f, gconstpointer data)
{
    struct qtest *q = start(f, "-nodefaults");

    qtest_qmp_do(q, "stop");
    qtest_outb(q, 0xcf9, 0x06);
    qtest_qmp_wait_event(q, "RESET");
    qtest_pci_write(q, 0x0b, 0x40, 0xb001, 4);
    qtest_pci_write(q, 0x0b, 0x80, 0x01, 1);
    qtest_outw(q, 0xb004, 0x2400); /* S3 */
    qtest_qmp_do(q, "cont");
    qtest_qmp_wait_event(q, "SUSPEND");
    qtest_qmp_do(q, "system_wakeup");
    qtest_qmp_wait_event(q, "WAKEUP");
    use_timers(q);
    qtest_end(q);
    replay_is_the_same(f);
}

/* Not by the event RESUME: it may come before the monitor is told of events. */
static void wait_until_it_runs(struct qtest *q)
{
    for (;;) {
        g_autofree char *status = qtest_qmp_status(q);
        if (strcmp(status, "running") == 0)
            return;
        g_usleep(1000);
    }
}

/* A machine that goes on from a saved state has it in its recording. */
static void test_saved_state(struct fixture *f, gconstpointer data)
{
    struct qtest *q = qtest_start("-nodefaults -serial null");
    g_autofree char *state = g_build_filename(f->dir, "state", NULL);
    g_autofree char *args = g_strdup_printf("-nodefaults -serial null -incoming file:%s", state);

    use_timers(q);
    qtest_qmp_do(q, "stop");
    g_autoptr(JsonObject) reply = qtest_qmp(
        q, "\"execute\": \"xen-save-devices-state\", \"arguments\": {\"filename\": \"%s\"}", state);
    g_assert_true(json_object_has_member(reply, "return"));
    qtest_end(q);

    q = start(f, args);
    wait_until_it_runs(q);
    use_timers(q);
    use_serial(q);
    qtest_end(q);
    g_unlink(state);
    replay_is_the_same(f);
}

/* ---- Recordings that differ ---- */

/* Copies a recording with a change of one number of the nth entry of a kind. */
static uint64_t edit(const struct fixture *f, enum journal_kind kind, unsigned nth, unsigned number)
{
    struct trace_reader *from = trace_open(f->recording, NULL);
    struct trace_writer *to = trace_create(f->edited, trace_strings(from), NULL);
    struct trace_entry e;
    uint64_t at = 0, changed = 0;

    while (trace_next(from, &e, NULL) > 0 && e.kind != TRACE_STOP) {
        at++;
        if (e.kind == kind && nth-- == 0) {
            e.n[number] ^= 1;
            changed = at;
        }
        trace_copy(to, &e);
    }
    trace_close(to);
    trace_reader_free(from);
    g_assert_cmpuint(changed, >, 0);
    return changed;
}

static void differs_at(const struct fixture *f, uint64_t entry, const char *what)
{
    g_autofree char *line = replay(f->edited, 1);
    g_autofree char *where = g_strdup_printf("entry %" PRIu64 " at ", entry);

    g_assert_nonnull(strstr(line, where));
    g_assert_nonnull(strstr(line, what));
    g_assert_true(strchr(line, '\n') == line + strlen(line) - 1);
}

static void test_difference(struct fixture *f, gconstpointer data)
{
    struct qtest *q = start(f, "-nodefaults -serial null");

    qtest_inb(q, 0x3fd);
    use_timers(q);
    use_serial(q);
    qtest_end(q);
    differs_at(f, edit(f, JOURNAL_ANSWER, 0, 0), "isa-serial.0");
    differs_at(f, edit(f, JOURNAL_LINE, 2, 1), "line gsi=0x0");
    differs_at(f, edit(f, JOURNAL_TIMER, 1, 0), "timer");
    edit(f, JOURNAL_IOREQ, 3, 2); /* to another port: what follows from it differs */
    g_autofree char *line = replay(f->edited, 1);
    g_assert_nonnull(strstr(line, "replay differs: entry "));
}

/* ---- Files that are none ---- */

static void refused(const char *file, const char *contents, size_t size, const char *why)
{
    g_assert_true(g_file_set_contents(file, contents, (gssize)size, NULL));
    g_autofree char *line = replay(file, 1);
    g_assert_nonnull(strstr(line, why));
    g_assert_true(strchr(line, '\n') == line + strlen(line) - 1);
}

static void test_damaged(struct fixture *f, gconstpointer data)
{
    struct qtest *q = start(f, "-nodefaults");
    g_autofree char *contents = NULL;
    gsize size;

    use_timers(q);
    qtest_end(q);
    g_assert_true(g_file_get_contents(f->recording, &contents, &size, NULL));
    refused(f->edited, "", 0, "no recording");
    refused(f->edited, "HVMDMSAV is something else", 26, "no recording");
    refused(f->edited, contents, 20, "cut off");
    refused(f->edited, contents, size - 1, "cut off");
    contents[size - 3] ^= 4;
    refused(f->edited, contents, size, "checksum");
    contents[8] = 9;
    refused(f->edited, contents, size, "format 9");
}

/* A process that died left no end, and what there is still replays. */
static void test_no_end(struct fixture *f, gconstpointer data)
{
    struct qtest *q = start(f, "-nodefaults");

    use_timers(q);
    kill(qtest_pid(q), SIGABRT);
    g_assert_cmpint(qtest_wait(q), ==, 128 + SIGABRT);
    g_autofree char *line = replay(f->recording, 1);
    g_assert_nonnull(strstr(line, "no difference; the recording has no end"));
}

#define STORY(name, function) \
    g_test_add("/record/" name, struct fixture, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    STORY("small", test_small);
    STORY("everything", test_everything);
    STORY("disk-alone", test_disk_alone);
    STORY("power", test_power);
    STORY("power-while-stopped", test_power_while_stopped);
    STORY("saved-state", test_saved_state);
    STORY("difference", test_difference);
    STORY("damaged", test_damaged);
    STORY("no-end", test_no_end);
    return g_test_run();
}
