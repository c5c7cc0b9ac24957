/*
 * stdin and stdout. A terminal is made raw, and is put back however the process ends.
 *
 * With mux=on ("mon:stdio") all keys go to the guest, Ctrl-C too, and Ctrl-A is an escape, as in
 * QEMU: Ctrl-A x ends the process, Ctrl-A b sends a break, Ctrl-A h lists these.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"
#include "chardev/stream.h"

#define ESCAPE 0x01 /* Ctrl-A */

struct stdio {
    struct chardev chr;
    struct stream stream;
    bool mux, signals;
    bool escaped; /* the last byte was the escape */
    bool opened;
};

/* The process has one terminal: what it was before. Kept for atexit(). */
static struct {
    bool in_use, raw;
    struct termios saved;
    int flags[2]; /* of stdin and stdout; shared with the shell */
} terminal;

/*
 * A job in the background (`hvm-dm &`, `timeout hvm-dm`) must leave the terminal to the shell. It
 * would also be stopped for touching it, and a stopped device model hangs its guest.
 */
static bool in_foreground(void)
{
    pid_t foreground = tcgetpgrp(STDIN_FILENO);

    return foreground < 0 || foreground == getpgrp(); /* -1: not our controlling terminal */
}

static void restore_terminal(void)
{
    if (!terminal.in_use)
        return;
    if (terminal.raw && in_foreground())
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal.saved);
    for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
        fcntl(fd, F_SETFL, terminal.flags[fd]);
    terminal.in_use = terminal.raw = false;
}

static void make_raw(bool signals)
{
    struct termios tio = terminal.saved;

    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    if (!in_foreground())
        return;
    tio.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    tio.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals)
        tio.c_lflag &= ~(tcflag_t)ISIG;
    tio.c_cflag = (tio.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    tio.c_cc[VMIN] = 1;
    tio.c_cc[VTIME] = 0;
    terminal.raw = tcsetattr(STDIN_FILENO, TCSANOW, &tio) == 0;
}

/* ---- Escapes ---- */

static void print_help(struct stdio *s)
{
    static const char help[] = "\r\n"
                               "Ctrl-A h       this list\r\n"
                               "Ctrl-A x       end the virtual machine\r\n"
                               "Ctrl-A b       send a break\r\n"
                               "Ctrl-A Ctrl-A  send Ctrl-A\r\n";

    stream_write(&s->stream, (const uint8_t *)help, sizeof(help) - 1);
}

/* Whether the byte after the escape is for the guest. */
static bool run_escape(struct stdio *s, uint8_t byte)
{
    switch (byte) {
    case 'h':
    case '?': print_help(s); return false;
    case 'x': loop_quit(); return false;
    case 'b': chardev_report(&s->chr, CHARDEV_BREAK); return false;
    default: return byte == ESCAPE;
    }
}

static void filter_escapes(struct stream *stream, uint8_t *data, size_t len)
{
    struct stdio *s = (struct stdio *)stream->chr;
    size_t kept = 0;

    for (size_t i = 0; i < len; i++) {
        if (s->escaped ? run_escape(s, data[i]) : data[i] != ESCAPE)
            data[kept++] = data[i];
        s->escaped = !s->escaped && data[i] == ESCAPE;
    }
    chardev_deliver(stream->chr, data, kept);
}

/* ---- The back end ---- */

static int stdio_configure(struct chardev *chr, struct opts *opts, GError **err)
{
    struct stdio *s = (struct stdio *)chr;
    int rc = opts_get_bool(opts, "mux", &s->mux, err);

    s->signals = !s->mux;
    return rc < 0 ? rc : opts_get_bool(opts, "signal", &s->signals, err);
}

static int stdio_open(struct chardev *chr, GError **err)
{
    struct stdio *s = (struct stdio *)chr;
    static bool registered;

    if (terminal.in_use)
        return fail(err, EBUSY, "%s: stdio is in use by another character device", chr->where);
    if (!registered)
        atexit(restore_terminal);
    registered = true;
    s->opened = terminal.in_use = true;
    for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
        terminal.flags[fd] = fcntl(fd, F_GETFL);
    if (tcgetattr(STDIN_FILENO, &terminal.saved) == 0)
        make_raw(s->signals);
    if (s->mux)
        s->stream.received = filter_escapes;
    stream_start(&s->stream, chr, STDIN_FILENO, STDOUT_FILENO);
    chr->connected = true;
    return 0;
}

static void stdio_close(struct chardev *chr)
{
    struct stdio *s = (struct stdio *)chr;

    stream_stop(&s->stream);
    if (s->opened)
        restore_terminal();
}

static size_t stdio_write(struct chardev *chr, const uint8_t *data, size_t len)
{
    return stream_write(&((struct stdio *)chr)->stream, data, len);
}

static void stdio_accept_input(struct chardev *chr)
{
    stream_accept_input(&((struct stdio *)chr)->stream);
}

const struct chardev_backend chardev_stdio = {
    .name = "stdio",
    .size = sizeof(struct stdio),
    .configure = stdio_configure,
    .open = stdio_open,
    .close = stdio_close,
    .write = stdio_write,
    .accept_input = stdio_accept_input,
};
