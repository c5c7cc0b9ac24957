#include "tests/qtest/qtest.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <glib/gstdio.h>

#define TIMEOUT_MS 10000 /* nothing takes that long; a test that hangs fails */
#define MAX_LINES  64    /* interrupt lines that are followed */

/* A connection with its bytes that are no whole line yet. */
struct peer {
    int fd;
    GString *in;
};

struct qtest {
    GPid pid;
    char *dir;
    struct peer test, qmp;
    bool level[MAX_LINES];
    unsigned rises[MAX_LINES];
    GQueue events; /* names, oldest first */
};

/* ---- Connections ---- */

static void wait_readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    if (poll(&p, 1, TIMEOUT_MS) <= 0)
        g_error("no answer in %d s", TIMEOUT_MS / 1000);
}

static void write_bytes(int fd, const char *data, size_t size, int pass)
{
    struct iovec iov = { (char *)(uintptr_t)data, size };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { { 0 } };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (pass >= 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pass, sizeof(pass));
    }
    while (iov.iov_len > 0) {
        ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL);
        if (n < 0)
            g_error("sendmsg: %s", g_strerror(errno));
        iov.iov_base = (char *)iov.iov_base + n;
        iov.iov_len -= (size_t)n;
        msg.msg_control = NULL;
        msg.msg_controllen = 0;
    }
}

/* A line without its end; NULL: the peer has closed. */
static char *read_line(struct peer *p)
{
    char *end, chunk[4096];

    while ((end = strchr(p->in->str, '\n')) == NULL) {
        wait_readable(p->fd);
        ssize_t n = read(p->fd, chunk, sizeof(chunk));
        if (n <= 0)
            return NULL;
        g_string_append_len(p->in, chunk, n);
    }
    char *line = g_strndup(p->in->str, (gsize)(end - p->in->str));
    g_string_erase(p->in, 0, end + 1 - p->in->str);
    return g_strchomp(line);
}

static int listen_at(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    return fd;
}

static void accept_peer(struct peer *p, int listener)
{
    wait_readable(listener);
    p->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(p->fd, >=, 0);
    p->in = g_string_new(NULL);
    close(listener);
}

static void close_peer(struct peer *p)
{
    close(p->fd);
    g_string_free(p->in, TRUE);
}

/* ---- The process ---- */

static const char *binary_path(void)
{
    const char *path = g_getenv("HVMDM_BINARY");

    return path != NULL ? path : "./hvm-dm";
}

static char **split_args(const char *binary, const char *own, const char *args)
{
    g_autofree char *all = g_strconcat(binary, " ", own, " ", args, NULL);
    char **argv;
    g_autoptr(GError) err = NULL;

    g_shell_parse_argv(all, NULL, &argv, &err);
    g_assert_no_error(err);
    return argv;
}

/* A test that fails takes its machine along. */
static void die_with_test(gpointer opaque)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void greeted(struct qtest *q)
{
    g_autofree char *greeting = qtest_qmp_line(q);

    g_assert_nonnull(greeting);
    g_assert_nonnull(strstr(greeting, "QMP"));
    qtest_qmp_do(q, "qmp_capabilities");
}

struct qtest *qtest_start_as(const char *binary, const char *args)
{
    struct qtest *q = g_new0(struct qtest, 1);
    g_autoptr(GError) err = NULL;

    g_queue_init(&q->events);
    q->dir = g_dir_make_tmp("hvm-dm-qtest-XXXXXX", &err);
    g_assert_no_error(err);
    g_autofree char *test_path = qtest_path(q, "qtest"), *qmp_path = qtest_path(q, "qmp");
    int test = listen_at(test_path), qmp = listen_at(qmp_path);
    g_autofree char *own = g_strdup_printf("-qtest unix:%s -qtest-log /dev/null"
                                           " -chardev socket,path=%s,id=char0"
                                           " -mon chardev=char0,mode=control"
                                           " -accel qtest",
                                           test_path, qmp_path);
    g_auto(GStrv) argv = split_args(binary, own, args);
    g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN,
                  die_with_test, NULL, &q->pid, &err);
    g_assert_no_error(err);
    accept_peer(&q->test, test);
    accept_peer(&q->qmp, qmp);
    greeted(q);
    return q;
}

struct qtest *qtest_start(const char *args)
{
    return qtest_start_as(binary_path(), args);
}

static int exit_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void remove_dir(const char *path)
{
    const char *name;
    GDir *dir = g_dir_open(path, 0, NULL);

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_unlink(file);
    }
    if (dir != NULL)
        g_dir_close(dir);
    g_rmdir(path);
}

int qtest_wait(struct qtest *q)
{
    int status;

    g_assert_cmpint(waitpid(q->pid, &status, 0), ==, q->pid);
    close_peer(&q->test);
    close_peer(&q->qmp);
    g_queue_clear_full(&q->events, g_free);
    remove_dir(q->dir);
    g_free(q->dir);
    g_free(q);
    return exit_status(status);
}

GPid qtest_pid(const struct qtest *q)
{
    return q->pid;
}

void qtest_end(struct qtest *q)
{
    kill(q->pid, SIGTERM);
    g_assert_cmpint(qtest_wait(q), ==, 0);
}

int qtest_run(const char *args, char **output, char **errors)
{
    g_auto(GStrv) argv = split_args(binary_path(), "", args);
    g_autoptr(GError) err = NULL;
    int status;

    g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, output, errors, &status, &err);
    g_assert_no_error(err);
    return exit_status(status);
}

char *qtest_path(struct qtest *q, const char *name)
{
    return g_build_filename(q->dir, name, NULL);
}

/* ---- Lines ---- */

/* Takes note of an interrupt that came between the answers. */
static bool take_irq(struct qtest *q, const char *line)
{
    bool level = g_str_has_prefix(line, "IRQ raise ");

    if (!level && !g_str_has_prefix(line, "IRQ lower "))
        return false;
    uint64_t n = g_ascii_strtoull(line + strlen("IRQ raise "), NULL, 10);
    g_assert_cmpuint(n, <, MAX_LINES);
    q->rises[n] += level && !q->level[n];
    q->level[n] = level;
    return true;
}

static char *answer(struct qtest *q)
{
    for (;;) {
        char *line = read_line(&q->test);
        if (line == NULL)
            g_error("the machine has closed the test's connection");
        if (!take_irq(q, line))
            return line;
        g_free(line);
    }
}

char *qtest_ask(struct qtest *q, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    write_bytes(q->test.fd, line, strlen(line), -1);
    return answer(q);
}

void qtest_expect(struct qtest *q, const char *line, const char *wanted)
{
    g_autofree char *got = qtest_ask(q, "%s", line);

    g_assert_cmpstr(got, ==, wanted);
}

static void done(char *got)
{
    g_assert_cmpstr(got, ==, "OK");
    g_free(got);
}

static uint64_t value(char *got)
{
    char *end;

    g_assert_true(g_str_has_prefix(got, "OK "));
    uint64_t v = g_ascii_strtoull(got + 3, &end, 0);
    g_assert_cmpstr(end, ==, "");
    g_free(got);
    return v;
}

uint8_t qtest_inb(struct qtest *q, uint16_t port)
{
    return (uint8_t)value(qtest_ask(q, "inb 0x%x", port));
}

uint16_t qtest_inw(struct qtest *q, uint16_t port)
{
    return (uint16_t)value(qtest_ask(q, "inw 0x%x", port));
}

uint32_t qtest_inl(struct qtest *q, uint16_t port)
{
    return (uint32_t)value(qtest_ask(q, "inl 0x%x", port));
}

void qtest_outb(struct qtest *q, uint16_t port, uint8_t v)
{
    done(qtest_ask(q, "outb 0x%x 0x%x", port, v));
}

void qtest_outw(struct qtest *q, uint16_t port, uint16_t v)
{
    done(qtest_ask(q, "outw 0x%x 0x%x", port, v));
}

void qtest_outl(struct qtest *q, uint16_t port, uint32_t v)
{
    done(qtest_ask(q, "outl 0x%x 0x%x", port, v));
}

uint8_t qtest_readb(struct qtest *q, uint64_t addr)
{
    return (uint8_t)value(qtest_ask(q, "readb 0x%" PRIx64, addr));
}

uint32_t qtest_readl(struct qtest *q, uint64_t addr)
{
    return (uint32_t)value(qtest_ask(q, "readl 0x%" PRIx64, addr));
}

uint64_t qtest_readq(struct qtest *q, uint64_t addr)
{
    return value(qtest_ask(q, "readq 0x%" PRIx64, addr));
}

void qtest_writeb(struct qtest *q, uint64_t addr, uint8_t v)
{
    done(qtest_ask(q, "writeb 0x%" PRIx64 " 0x%x", addr, v));
}

void qtest_writel(struct qtest *q, uint64_t addr, uint32_t v)
{
    done(qtest_ask(q, "writel 0x%" PRIx64 " 0x%x", addr, v));
}

void qtest_writeq(struct qtest *q, uint64_t addr, uint64_t v)
{
    done(qtest_ask(q, "writeq 0x%" PRIx64 " 0x%" PRIx64, addr, v));
}

void qtest_memread(struct qtest *q, uint64_t addr, void *data, size_t size)
{
    g_autofree char *got = qtest_ask(q, "b64read 0x%" PRIx64 " 0x%zx", addr, size);
    gsize length;

    g_assert_true(g_str_has_prefix(got, "OK "));
    g_autofree guchar *bytes = g_base64_decode(got + 3, &length);
    g_assert_cmpuint(length, ==, size);
    memcpy(data, bytes, size);
}

void qtest_memwrite(struct qtest *q, uint64_t addr, const void *data, size_t size)
{
    g_autofree char *text = g_base64_encode(data, size);

    done(qtest_ask(q, "b64write 0x%" PRIx64 " 0x%zx %s", addr, size, text));
}

uint32_t qtest_pci_read(struct qtest *q, uint8_t devfn, unsigned offset, unsigned size)
{
    uint16_t port = (uint16_t)(0xcfc + (offset & 3));

    qtest_outl(q, 0xcf8, 0x80000000u | (uint32_t)devfn << 8 | (offset & 0xfc));
    return size == 1 ? qtest_inb(q, port) : size == 2 ? qtest_inw(q, port) : qtest_inl(q, port);
}

void qtest_pci_write(struct qtest *q, uint8_t devfn, unsigned offset, uint32_t v, unsigned size)
{
    uint16_t port = (uint16_t)(0xcfc + (offset & 3));

    qtest_outl(q, 0xcf8, 0x80000000u | (uint32_t)devfn << 8 | (offset & 0xfc));
    switch (size) {
    case 1: qtest_outb(q, port, (uint8_t)v); break;
    case 2: qtest_outw(q, port, (uint16_t)v); break;
    default: qtest_outl(q, port, v); break;
    }
}

int64_t qtest_step(struct qtest *q, int64_t ns)
{
    return (int64_t)value(qtest_ask(q, "clock_step %" PRId64, ns));
}

int64_t qtest_step_next(struct qtest *q)
{
    return (int64_t)value(qtest_ask(q, "clock_step"));
}

void qtest_intercept(struct qtest *q)
{
    done(qtest_ask(q, "irq_intercept_in ioapic"));
}

/* Any command is answered after the interrupts of the one before it. */
bool qtest_irq(struct qtest *q, unsigned gsi)
{
    g_free(qtest_ask(q, "endianness"));
    return q->level[gsi];
}

unsigned qtest_irq_rises(struct qtest *q, unsigned gsi)
{
    g_free(qtest_ask(q, "endianness"));
    return q->rises[gsi];
}

/* ---- QMP ---- */

void qtest_qmp_send(struct qtest *q, const char *data, size_t size, int fd)
{
    write_bytes(q->qmp.fd, data, size, fd);
}

char *qtest_qmp_line(struct qtest *q)
{
    return read_line(&q->qmp);
}

void qtest_qmp_hang_up(struct qtest *q)
{
    shutdown(q->qmp.fd, SHUT_RDWR);
}

/* The next object; an event is also kept. */
static JsonObject *read_object(struct qtest *q)
{
    g_autofree char *line = qtest_qmp_line(q);
    g_autoptr(JsonParser) parser = json_parser_new();

    if (line == NULL || !json_parser_load_from_data(parser, line, -1, NULL))
        g_error("QMP: not an object: %s", line != NULL ? line : "(closed)");
    JsonObject *o = json_object_ref(json_node_get_object(json_parser_get_root(parser)));
    if (json_object_has_member(o, "event"))
        g_queue_push_tail(&q->events, g_strdup(json_object_get_string_member(o, "event")));
    return o;
}

JsonObject *qtest_qmp(struct qtest *q, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *inside = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *text = g_strdup_printf("{%s}\n", inside);
    qtest_qmp_send(q, text, strlen(text), -1);
    for (;;) {
        JsonObject *o = read_object(q);
        if (!json_object_has_member(o, "event"))
            return o;
        json_object_unref(o);
    }
}

void qtest_qmp_do(struct qtest *q, const char *command)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"%s\"", command);

    g_assert_true(json_object_has_member(reply, "return"));
}

char *qtest_qmp_status(struct qtest *q)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"query-status\"");
    JsonObject *status = json_object_get_object_member(reply, "return");

    return g_strdup(json_object_get_string_member(status, "status"));
}

void qtest_qmp_wait_event(struct qtest *q, const char *name)
{
    for (;;) {
        while (!g_queue_is_empty(&q->events)) {
            g_autofree char *event = g_queue_pop_head(&q->events);
            if (strcmp(event, name) == 0)
                return;
        }
        json_object_unref(read_object(q));
    }
}
