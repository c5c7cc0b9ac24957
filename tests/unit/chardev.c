/*
 * Character devices: a front end on one side, a peer of the host on the other, and what happens
 * when either of them is slow, absent or gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "base/loop.h"
#include "chardev/chardev.h"

/* ---- A front end that remembers ---- */

struct front {
    struct chardev *chr;
    size_t room;
    GString *got;
    unsigned opened, closed, breaks, writable;
};

static size_t front_can_receive(void *opaque)
{
    return ((struct front *)opaque)->room;
}

static void front_receive(void *opaque, const uint8_t *data, size_t len)
{
    struct front *f = opaque;

    g_assert_cmpuint(len, <=, f->room);
    f->room -= len;
    g_string_append_len(f->got, (const char *)data, (gssize)len);
}

static void front_event(void *opaque, enum chardev_event event)
{
    struct front *f = opaque;

    f->opened += event == CHARDEV_OPENED;
    f->closed += event == CHARDEV_CLOSED;
    f->breaks += event == CHARDEV_BREAK;
}

static void front_writable(void *opaque)
{
    ((struct front *)opaque)->writable++;
}

static const struct chardev_frontend front_ops = {
    .can_receive = front_can_receive,
    .receive = front_receive,
    .event = front_event,
    .writable = front_writable,
};

static struct chardev *make(const char *spec)
{
    g_autoptr(GError) err = NULL;
    struct chardev *chr = chardev_create_short("-serial", spec, "serial0", &err);

    g_assert_no_error(err);
    return chr;
}

static void front_open(struct front *f, const char *spec)
{
    *f = (struct front){ .chr = make(spec), .room = 4096, .got = g_string_new(NULL) };
    chardev_attach(f->chr, &front_ops, f);
}

static void front_close(struct front *f)
{
    chardev_destroy(f->chr);
    g_string_free(f->got, TRUE);
}

static void say(struct front *f, const char *text)
{
    g_assert_cmpuint(chardev_write(f->chr, (const uint8_t *)text, strlen(text)), ==, strlen(text));
}

/* Lets the loop run until it has nothing more to do, or until the condition holds. */
static void settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

#define WAIT_UNTIL(condition) \
    while (!(condition))      \
    g_main_context_iteration(NULL, TRUE)

static void expect_read(int fd, const char *text)
{
    char buf[64] = "";
    size_t len = 0;

    while (len < strlen(text)) {
        ssize_t n = read(fd, buf + len, strlen(text) - len);
        g_assert_cmpint(n, >, 0);
        len += (size_t)n;
    }
    g_assert_cmpstr(buf, ==, text);
}

/* ---- Spelling ---- */

static void every_mistake_is_named(void)
{
    static const struct {
        const char *spec, *sentence;
    } wrong[] = {
        { "vc", "-serial vc: there is no back end \"vc\"; there are null, stdio, file, pipe, pty, "
                "serial, socket, ringbuf" },
        { "null,path=x", "-serial null: path=x: there is no such key" },
        { "file", "-serial file: path= is missing" },
        { "file:/nowhere/a,b", "-serial file: path=/nowhere/a,b: No such file or directory" },
        { "/dev/nowhere", "-serial serial: path=/dev/nowhere: No such file or directory" },
        { "tcp:4444", "-serial 4444: not HOST:PORT" },
        { "socket", "-serial socket: needs path=, or host= and port=, or fd=" },
        { "unix:/x,server=maybe", "-serial /x: server=maybe: not on or off" },
        { "unix:/nowhere/x", "-serial /nowhere/x: connecting to unix:/nowhere/x: No such file or "
                             "directory" },
        { "unix:/nowhere/x,server,nowait",
          "-serial /nowhere/x: listening on unix:/nowhere/x,server=on: No such file or directory" },
        { "socket,fd=0,server=on", NULL },
        { "ringbuf,size=3", "-serial ringbuf: size=3: not a power of two" },
        { "unix:/x,wait=on", "-serial /x: wait=on is for server=on" },
        { "unix:/x,server=on,reconnect=1", "-serial /x: reconnect= is not for server=on" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) err = NULL;
        g_assert_null(chardev_create_short("-serial", wrong[i].spec, "serial0", &err));
        g_assert_nonnull(err);
        if (wrong[i].sentence != NULL)
            g_assert_cmpstr(err->message, ==, wrong[i].sentence);
    }
}

static void a_chardev_has_its_id_as_label(void)
{
    g_autoptr(GError) err = NULL;
    struct opts *opts = opts_parse("-chardev", "null,id=libxl-cmd", "backend", &err);
    struct chardev *chr = chardev_create(opts, NULL, &err);

    g_assert_no_error(err);
    g_assert_cmpstr(chardev_label(chr), ==, "libxl-cmd");
    g_assert_cmpstr(chardev_filename(chr), ==, "null");
    chardev_destroy(chr);
    opts_free(opts);
    opts = opts_parse("-chardev", "null", "backend", &err);
    g_assert_null(chardev_create(opts, NULL, &err));
    g_assert_cmpstr(err->message, ==, "-chardev null: id= is missing");
    opts_free(opts);
}

/* ---- Ring buffer ---- */

static void a_ring_buffer_keeps_the_last_bytes(void)
{
    struct front f;
    uint8_t buf[16];

    front_open(&f, "ringbuf,size=8");
    say(&f, "hello world");
    g_assert_cmpuint(chardev_ringbuf_read(f.chr, buf, 3), ==, 3);
    g_assert_cmpmem(buf, 3, "lo ", 3);
    g_assert_cmpuint(chardev_ringbuf_read(f.chr, buf, sizeof(buf)), ==, 5);
    g_assert_cmpmem(buf, 5, "world", 5);
    f.room = 2;
    g_assert_cmpuint(chardev_ringbuf_send(f.chr, (const uint8_t *)"abc", 3), ==, 2);
    g_assert_cmpstr(f.got->str, ==, "ab");
    settle();
    g_assert_cmpuint(f.opened, ==, 1); /* attached to a peer that was there */
    front_close(&f);
}

/* ---- Files and pipes ---- */

static void a_file_is_cut_or_continued(void)
{
    g_autofree char *dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "log", NULL);
    g_autofree char *spec = g_strconcat("file:", path, NULL);
    g_autofree char *append = g_strconcat("file,append=on,path=", path, NULL);
    g_autofree char *text = NULL;
    struct front f;

    front_open(&f, spec);
    say(&f, "first");
    front_close(&f);
    front_open(&f, spec);
    say(&f, "second");
    front_close(&f);
    front_open(&f, append);
    say(&f, " third");
    front_close(&f);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "second third");
    unlink(path);
    rmdir(dir);
}

static void a_pipe_is_a_pair_of_fifos(void)
{
    g_autofree char *dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
    g_autofree char *in = g_build_filename(dir, "p.in", NULL);
    g_autofree char *out = g_build_filename(dir, "p.out", NULL);
    g_autofree char *spec = g_strdup_printf("pipe:%s/p", dir);
    struct front f;

    g_assert_cmpint(mkfifo(in, 0600), ==, 0);
    g_assert_cmpint(mkfifo(out, 0600), ==, 0);
    front_open(&f, spec);
    say(&f, "out");
    int peer = open(out, O_RDONLY);
    expect_read(peer, "out");
    close(peer);
    say(&f, "nobody reads"); /* the reader went: no error, no signal */
    peer = open(in, O_WRONLY);
    g_assert_cmpint(write(peer, "in", 2), ==, 2);
    close(peer);
    WAIT_UNTIL(f.got->len == 2);
    g_assert_cmpstr(f.got->str, ==, "in");
    front_close(&f);
    unlink(in);
    unlink(out);
    rmdir(dir);
}

/* ---- Sockets ---- */

/* A front end on one end of a socket pair; returns the other end. */
static int open_pair(struct front *f)
{
    int pair[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_autofree char *spec = g_strdup_printf("socket,fd=%d", pair[0]);
    front_open(f, spec);
    return pair[1];
}

static void a_slow_guest_holds_back_its_peer(void)
{
    struct front f;
    int peer = open_pair(&f);

    f.room = 3;
    g_assert_cmpint(write(peer, "abcdef", 6), ==, 6);
    WAIT_UNTIL(f.got->len == 3);
    settle(); /* and no more, and no spinning */
    g_assert_cmpstr(f.got->str, ==, "abc");
    f.room = 10;
    settle();
    g_assert_cmpstr(f.got->str, ==, "abc"); /* nobody has told it yet */
    chardev_accept_input(f.chr);
    WAIT_UNTIL(f.got->len == 6);
    front_close(&f);
    close(peer);
}

static void a_slow_peer_holds_back_the_guest(void)
{
    static const uint8_t block[4096];
    struct front f;
    int peer = open_pair(&f);
    size_t sent = 0, n;

    while ((n = chardev_write(f.chr, block, sizeof(block))) > 0)
        sent += n;
    settle();
    g_assert_cmpuint(f.writable, ==, 0);
    uint8_t *sink = g_malloc(sent);
    g_assert_cmpint(recv(peer, sink, sent, MSG_WAITALL), ==, (ssize_t)sent);
    WAIT_UNTIL(f.writable == 1);
    g_assert_cmpuint(chardev_write(f.chr, block, 1), ==, 1);
    g_free(sink);
    front_close(&f);
    close(peer);
}

static void a_peer_that_goes_frees_the_writer(void)
{
    static const uint8_t block[4096];
    struct front f;
    int peer = open_pair(&f);

    while (chardev_write(f.chr, block, sizeof(block)) > 0)
        ;
    close(peer);
    WAIT_UNTIL(f.closed == 1 && f.writable >= 1);
    g_assert_false(chardev_connected(f.chr));
    say(&f, "into the void");
    settle();
    g_assert_cmpuint(f.closed, ==, 1);
    front_close(&f);
}

static void pass_fd(int socket, const char *text, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec iov = { .iov_base = g_strdup(text), .iov_len = strlen(text) };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    g_assert_cmpint(sendmsg(socket, &msg, 0), ==, (ssize_t)strlen(text));
    g_free(iov.iov_base);
}

/* As libxl passes one: with the "{" of a command, the rest of the command in another packet. */
static void file_descriptors_come_with_the_bytes(void)
{
    struct front f;
    int peer = open_pair(&f), ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    g_assert_cmpint(chardev_take_fd(f.chr), ==, -1);
    pass_fd(peer, "{", ends[1]);
    WAIT_UNTIL(f.got->len == 1);
    int fd = chardev_take_fd(f.chr);
    g_assert_cmpint(write(fd, "x", 1), ==, 1);
    expect_read(ends[0], "x");
    close(fd);
    g_assert_cmpint(chardev_take_fd(f.chr), ==, -1);

    /* A peer can't fill our table: what is above the limit is closed. */
    for (unsigned i = 0; i < 20; i++)
        pass_fd(peer, "x", ends[1]);
    WAIT_UNTIL(f.got->len == 21);
    unsigned kept = 0;
    while ((fd = chardev_take_fd(f.chr)) >= 0) {
        close(fd);
        kept++;
    }
    g_assert_cmpuint(kept, ==, 16);
    /* Those nobody takes go with the peer. */
    pass_fd(peer, "y", ends[1]);
    WAIT_UNTIL(f.got->len == 22);
    close(peer);
    close(ends[1]);
    WAIT_UNTIL(f.closed == 1);
    char c;
    g_assert_cmpint(read(ends[0], &c, 1), ==, 0); /* no writer is left */
    close(ends[0]);
    front_close(&f);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_strlcpy(un.sun_path, path, sizeof(un.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
    return fd;
}

static void a_listening_socket_serves_one_peer_after_the_other(void)
{
    g_autofree char *dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *spec = g_strdup_printf("unix:%s,server=on,wait=off", path);
    g_autofree char *name = g_strdup_printf("unix:%s,server=on", path);
    struct front f;

    front_open(&f, spec);
    g_assert_true(g_str_has_prefix(chardev_filename(f.chr), "disconnected:unix:"));
    say(&f, "lost");
    int first = connect_unix(path), second = connect_unix(path);
    WAIT_UNTIL(f.opened == 1);
    g_assert_cmpstr(chardev_filename(f.chr), ==, name);
    say(&f, "one");
    expect_read(first, "one");
    close(first);
    WAIT_UNTIL(f.opened == 2);
    g_assert_cmpuint(f.closed, ==, 1);
    say(&f, "two");
    expect_read(second, "two");
    close(second);
    front_close(&f);
    g_assert_cmpint(g_access(path, F_OK), ==, -1);
    rmdir(dir);
}

static void *connect_in_a_moment(void *path)
{
    while (g_access(path, F_OK) < 0)
        g_usleep(1000);
    return GINT_TO_POINTER(connect_unix(path));
}

static void wait_on_means_before_the_machine_starts(void)
{
    g_autofree char *dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *spec = g_strdup_printf("unix:%s,server", path);
    GThread *thread = g_thread_new("peer", connect_in_a_moment, path);
    struct front f;

    front_open(&f, spec);
    g_assert_true(chardev_connected(f.chr));
    int peer = GPOINTER_TO_INT(g_thread_join(thread));
    say(&f, "hello");
    expect_read(peer, "hello");
    close(peer);
    front_close(&f);
    rmdir(dir);
}

static void tcp_connects_again_when_the_peer_is_back(void)
{
    struct front server, client;

    front_open(&server, "tcp:127.0.0.1:0,server=on,wait=off");
    g_auto(GStrv) parts = g_strsplit(chardev_filename(server.chr), ":", 0);
    g_assert_cmpuint(g_strv_length(parts), ==, 4); /* disconnected tcp 127.0.0.1 PORT,server=on */
    int port = (int)g_ascii_strtoull(parts[3], NULL, 10);
    g_autofree char *spec = g_strdup_printf("tcp:127.0.0.1:%d,reconnect=1", port);
    g_autofree char *again = g_strdup_printf("tcp:127.0.0.1:%d,server,nowait", port);

    front_open(&client, spec);
    WAIT_UNTIL(server.opened == 1 && client.opened == 1);
    g_assert_nonnull(strstr(chardev_filename(server.chr), ",server=on <-> 127.0.0.1:"));
    say(&client, "ping");
    WAIT_UNTIL(server.got->len == 4);
    front_close(&server);
    WAIT_UNTIL(client.closed == 1);
    say(&client, "lost");
    front_open(&server, again);
    WAIT_UNTIL(client.opened == 2);
    say(&client, "pong");
    WAIT_UNTIL(server.got->len == 4);
    g_assert_cmpstr(server.got->str, ==, "pong");
    front_close(&client);
    front_close(&server);
}

/* ---- Terminals ---- */

static void a_pty_works_with_and_without_a_peer(void)
{
    g_autofree char *dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
    g_autofree char *link = g_build_filename(dir, "tty", NULL);
    g_autofree char *spec = g_strconcat("pty:", link, NULL);
    struct front f;

    front_open(&f, spec);
    g_assert_true(g_str_has_prefix(chardev_filename(f.chr), "pty:/dev/pts/"));
    for (unsigned i = 0; i < 10000; i++)
        say(&f, "nobody is there, so nothing fills up");
    settle();
    g_assert_cmpuint(f.opened, ==, 0);

    int peer = open(link, O_RDWR | O_NOCTTY);
    g_assert_cmpint(write(peer, "\003hi\n", 4), ==, 4);
    WAIT_UNTIL(f.got->len == 4);
    g_assert_cmpuint(f.opened, ==, 1);
    g_assert_cmpstr(f.got->str, ==, "\003hi\n");
    say(&f, "login: \n"); /* raw: what the guest sends comes as it is, and is not echoed to it */
    expect_read(peer, "login: \n");
    close(peer);
    WAIT_UNTIL(f.closed == 1);
    g_assert_cmpuint(f.got->len, ==, 4);
    say(&f, "lost");

    /* A peer that only listens is found by the guest's next write. */
    peer = open(link, O_RDWR | O_NOCTTY);
    unsigned before = f.writable;
    g_assert_cmpuint(chardev_write(f.chr, (const uint8_t *)"x", 1), ==, 0);
    WAIT_UNTIL(f.writable > before);
    say(&f, "x");
    expect_read(peer, "x");
    close(peer);
    front_close(&f);
    g_assert_cmpint(g_access(link, F_OK), ==, -1);
    rmdir(dir);
}

static void stdio_in_a_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    struct termios before, during, after;
    struct front f;

    grantpt(master);
    unlockpt(master);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    tcgetattr(slave, &before);
    dup2(slave, STDIN_FILENO);
    dup2(slave, STDOUT_FILENO);
    loop_init();
    front_open(&f, "mon:stdio");
    tcgetattr(slave, &during);
    g_assert_cmphex(during.c_lflag & (ICANON | ECHO | ISIG), ==, 0);
    say(&f, "out");
    expect_read(master, "out");
    g_assert_cmpint(write(master, "a\003\001\001\001bz", 7), ==, 7);
    WAIT_UNTIL(f.got->len == 4);
    g_assert_cmpstr(f.got->str, ==, "a\003\001z");
    g_assert_cmpuint(f.breaks, ==, 1);
    g_assert_cmpint(write(master, "\001x", 2), ==, 2);
    loop_run(); /* until Ctrl-A x */
    g_autoptr(GError) err = NULL;
    g_assert_null(chardev_create_short("-serial", "stdio", "serial1", &err));
    g_assert_cmpstr(err->message, ==, "-serial stdio: stdio is in use by another character device");
    front_close(&f);
    tcgetattr(slave, &after);
    g_assert_cmphex(after.c_lflag, ==, before.c_lflag);
    g_assert_cmphex(after.c_iflag, ==, before.c_iflag);
    g_assert_cmphex((unsigned)fcntl(slave, F_GETFL) & O_NONBLOCK, ==, 0);
}

static void stdio_is_raw_and_comes_back(void)
{
    g_test_trap_subprocess("/chardev/stdio/subprocess/terminal", 0, 0);
    g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev/mistakes", every_mistake_is_named);
    g_test_add_func("/chardev/label", a_chardev_has_its_id_as_label);
    g_test_add_func("/chardev/ringbuf", a_ring_buffer_keeps_the_last_bytes);
    g_test_add_func("/chardev/file", a_file_is_cut_or_continued);
    g_test_add_func("/chardev/pipe", a_pipe_is_a_pair_of_fifos);
    g_test_add_func("/chardev/socket/slow-guest", a_slow_guest_holds_back_its_peer);
    g_test_add_func("/chardev/socket/slow-peer", a_slow_peer_holds_back_the_guest);
    g_test_add_func("/chardev/socket/gone", a_peer_that_goes_frees_the_writer);
    g_test_add_func("/chardev/socket/fds", file_descriptors_come_with_the_bytes);
    g_test_add_func("/chardev/socket/server", a_listening_socket_serves_one_peer_after_the_other);
    g_test_add_func("/chardev/socket/wait", wait_on_means_before_the_machine_starts);
    g_test_add_func("/chardev/socket/tcp", tcp_connects_again_when_the_peer_is_back);
    g_test_add_func("/chardev/pty", a_pty_works_with_and_without_a_peer);
    g_test_add_func("/chardev/stdio", stdio_is_raw_and_comes_back);
    g_test_add_func("/chardev/stdio/subprocess/terminal", stdio_in_a_terminal);
    return g_test_run();
}
