/*
 * The protocol: a command a line, an answer a line ("OK ..." or "FAIL reason"); interrupt lines
 * that were asked for come in between as "IRQ raise N" and "IRQ lower N".
 */
#include "ioreq/qtest.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "chardev/chardev.h"
#include "hw/core/clock.h"
#include "hw/core/dma.h"

#define LINE_MAX_BYTES (64u << 20) /* a `write` of 32 MiB in hexadecimal */
#define MAX_WORDS      7
#define MAX_TRANSFER   (32u << 20)

struct qtest {
    struct core core;
    struct chardev *chr;
    FILE *log;
    GString *in;                    /* what came and is no whole line yet */
    GByteArray *out;                /* what the connection did not take yet */
    bool answering;                 /* more lines follow: they go out together */
    bool overlong;                  /* the line being received is dropped */
    bool intercepted;               /* IRQ lines are wanted */
    struct cpu_registers registers; /* of the CPU that there is not */
};

/* ---- The connection ---- */

static void flush(void *opaque)
{
    struct qtest *q = opaque;
    size_t n = chardev_write(q->chr, q->out->data, q->out->len);

    g_byte_array_remove_range(q->out, 0, (guint)n);
}

static void send_line(struct qtest *q, const char *line)
{
    if (q->log != NULL)
        fprintf(q->log, "[S] %s\n", line);
    g_byte_array_append(q->out, (const uint8_t *)line, (guint)strlen(line));
    g_byte_array_append(q->out, (const uint8_t *)"\n", 1);
    if (!q->answering)
        flush(q);
}

static void send_format(struct qtest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void send_format(struct qtest *q, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *line = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    send_line(q, line);
}

/* ---- Accesses ---- */

static uint64_t request(struct qtest *q, enum ioreq_type type, uint64_t addr, unsigned size,
                        bool read, uint64_t value)
{
    struct ioreq req = { .addr = addr,
                         .data = value,
                         .count = 1,
                         .size = size,
                         .flags = read ? IOREQ_READ : 0,
                         .type = (uint8_t)type };

    ioreq_dispatch(q->core.dispatch, &req);
    return req.data;
}

static bool is_memory(struct qtest *q, uint64_t addr, uint64_t size, bool write)
{
    uint64_t len = size;
    void *host = dma_map(q->core.dispatch->mem, addr, &len, write);

    if (host == NULL)
        return false;
    dma_unmap(q->core.dispatch->mem, addr, host, len, false);
    return len == size;
}

/* What a CPU's load or store would do: memory where there is memory, else a device. */
static uint64_t load(struct qtest *q, uint64_t addr, unsigned size)
{
    uint8_t bytes[8];

    if (!is_memory(q, addr, size, false))
        return request(q, IOREQ_TYPE_COPY, addr, size, true, 0) & size_mask(size);
    dma_read(q->core.dispatch->mem, addr, bytes, size);
    return get_le(bytes, size);
}

static void store(struct qtest *q, uint64_t addr, unsigned size, uint64_t value)
{
    uint8_t bytes[8];

    put_le(bytes, value, size);
    if (is_memory(q, addr, size, true))
        dma_write(q->core.dispatch->mem, addr, bytes, size);
    else
        request(q, IOREQ_TYPE_COPY, addr, size, false, value);
}

/* The widest naturally aligned access within what is left, as a copying CPU would use. */
static unsigned step(uint64_t addr, uint64_t left)
{
    unsigned size = 8;

    while (size > left || (addr & (size - 1)) != 0)
        size >>= 1;
    return size;
}

static void load_range(struct qtest *q, uint64_t addr, uint8_t *data, uint64_t left)
{
    if (is_memory(q, addr, left, false)) {
        dma_read(q->core.dispatch->mem, addr, data, left);
        return;
    }
    for (unsigned n; left > 0; addr += n, data += n, left -= n) {
        n = step(addr, left);
        put_le(data, load(q, addr, n), n);
    }
}

static void store_range(struct qtest *q, uint64_t addr, const uint8_t *data, uint64_t left)
{
    if (is_memory(q, addr, left, true)) {
        dma_write(q->core.dispatch->mem, addr, data, left);
        return;
    }
    for (unsigned n; left > 0; addr += n, data += n, left -= n) {
        n = step(addr, left);
        store(q, addr, n, get_le(data, n));
    }
}

/* ---- Commands ---- */

struct command {
    const char *name;
    unsigned min_words; /* with the command itself */
    void (*run)(struct qtest *q, char **words, unsigned arg);
    unsigned arg; /* the width in bytes, where there is one */
};

static bool number(const char *text, uint64_t *value)
{
    char *end;

    *value = g_ascii_strtoull(text, &end, 0);
    return end != text && *end == '\0';
}

/* Two numbers from words 1 and 2; answers FAIL and returns false when they are none. */
static bool two_numbers(struct qtest *q, char **words, uint64_t *a, uint64_t *b)
{
    bool ok = number(words[1], a) && (b == NULL || number(words[2], b));

    if (!ok)
        send_format(q, "FAIL %s: not a number", words[0]);
    return ok;
}

static bool transfer_args(struct qtest *q, char **words, uint64_t *addr, uint64_t *size)
{
    if (!two_numbers(q, words, addr, size))
        return false;
    if (*size <= MAX_TRANSFER)
        return true;
    send_format(q, "FAIL %s: more than %u bytes", words[0], MAX_TRANSFER);
    return false;
}

static void run_out(struct qtest *q, char **words, unsigned size)
{
    uint64_t port, value;

    if (!two_numbers(q, words, &port, &value))
        return;
    request(q, IOREQ_TYPE_PIO, port & 0xffff, size, false, value & size_mask(size));
    send_line(q, "OK");
}

static void run_in(struct qtest *q, char **words, unsigned size)
{
    uint64_t port;

    if (!two_numbers(q, words, &port, NULL))
        return;
    uint64_t value = request(q, IOREQ_TYPE_PIO, port & 0xffff, size, true, 0);
    send_format(q, "OK 0x%04" PRIx64, value & size_mask(size));
}

static void run_store(struct qtest *q, char **words, unsigned size)
{
    uint64_t addr, value;

    if (!two_numbers(q, words, &addr, &value))
        return;
    store(q, addr, size, value & size_mask(size));
    send_line(q, "OK");
}

static void run_load(struct qtest *q, char **words, unsigned size)
{
    uint64_t addr;

    if (two_numbers(q, words, &addr, NULL))
        send_format(q, "OK 0x%016" PRIx64, load(q, addr, size));
}

static void run_read(struct qtest *q, char **words, unsigned arg)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t addr, size;

    if (!transfer_args(q, words, &addr, &size))
        return;
    g_autofree uint8_t *data = g_malloc(size + 1);
    g_autoptr(GString) line = g_string_new("OK 0x");
    load_range(q, addr, data, size);
    for (uint64_t i = 0; i < size; i++) {
        g_string_append_c(line, digits[data[i] >> 4]);
        g_string_append_c(line, digits[data[i] & 15]);
    }
    send_line(q, line->str);
}

/* Missing digits are zeroes, as in QEMU. */
static void run_write(struct qtest *q, char **words, unsigned arg)
{
    uint64_t addr, size;

    if (!transfer_args(q, words, &addr, &size))
        return;
    if (strncmp(words[3], "0x", 2) != 0) {
        send_line(q, "FAIL write: data does not begin with 0x");
        return;
    }
    const char *hex = words[3] + 2;
    size_t digits = strlen(hex);
    g_autofree uint8_t *data = g_malloc0(size + 1);
    for (uint64_t i = 0; i < size && 2 * i + 1 < digits; i++) {
        int high = g_ascii_xdigit_value(hex[2 * i]), low = g_ascii_xdigit_value(hex[2 * i + 1]);
        data[i] = high < 0 || low < 0 ? 0 : (uint8_t)(high << 4 | low);
    }
    store_range(q, addr, data, size);
    send_line(q, "OK");
}

static void run_b64read(struct qtest *q, char **words, unsigned arg)
{
    uint64_t addr, size;

    if (!transfer_args(q, words, &addr, &size))
        return;
    g_autofree uint8_t *data = g_malloc(size + 1);
    load_range(q, addr, data, size);
    g_autofree char *text = g_base64_encode(data, size);
    send_format(q, "OK %s", text);
}

static void run_b64write(struct qtest *q, char **words, unsigned arg)
{
    uint64_t addr, size;
    gsize length;

    if (!transfer_args(q, words, &addr, &size))
        return;
    g_autofree uint8_t *data = g_base64_decode(words[3], &length);
    if (length < size) {
        send_format(q, "FAIL b64write: %zu bytes of data, not %" PRIu64, length, size);
        return;
    }
    store_range(q, addr, data, size);
    send_line(q, "OK");
}

static void run_memset(struct qtest *q, char **words, unsigned arg)
{
    uint64_t addr, size, value;

    if (!transfer_args(q, words, &addr, &size))
        return;
    if (!number(words[3], &value)) {
        send_line(q, "FAIL memset: not a number");
        return;
    }
    g_autofree uint8_t *data = g_malloc(size + 1);
    memset(data, (int)(value & 0xff), size);
    store_range(q, addr, data, size);
    send_line(q, "OK");
}

static void run_clock(struct qtest *q, int64_t to)
{
    clock_step_to(q->core.clock, to);
    send_format(q, "OK %" PRId64, clock_now(q->core.clock));
}

/* Without an argument: to the next deadline; nowhere if there is none. */
static void run_clock_step(struct qtest *q, char **words, unsigned arg)
{
    int64_t now = clock_now(q->core.clock), next = clock_next_deadline(q->core.clock);
    uint64_t ns;

    if (words[1] == NULL)
        run_clock(q, next == INT64_MAX ? now : next);
    else if (two_numbers(q, words, &ns, NULL))
        run_clock(q, ns > INT64_MAX - (uint64_t)now ? now : now + (int64_t)ns);
}

static void run_clock_set(struct qtest *q, char **words, unsigned arg)
{
    uint64_t ns;

    if (two_numbers(q, words, &ns, NULL))
        run_clock(q, ns > INT64_MAX ? clock_now(q->core.clock) : (int64_t)ns);
}

/*
 * The lines of the board are what a test wants to see; QEMU's path for them is the IOAPIC's, or
 * the 8259's, or those chips' outputs. Any path is taken for them.
 */
static void run_irq_intercept(struct qtest *q, char **words, unsigned arg)
{
    q->intercepted = true;
    send_line(q, "OK");
}

static void run_set_irq_in(struct qtest *q, char **words, unsigned arg)
{
    uint64_t n, level;

    if (!number(words[3], &n) || !number(words[4], &level)) {
        send_line(q, "FAIL set_irq_in: not a number");
        return;
    }
    if (q->core.events.drive_gsi != NULL)
        q->core.events.drive_gsi(q->core.events.opaque, (unsigned)n, level != 0);
    send_line(q, "OK");
}

static void run_endianness(struct qtest *q, char **words, unsigned arg)
{
    send_line(q, "OK little");
}

/*
 * Ours, QEMU has no such thing: `registers EAX EBX ECX EDX ESI EDI` is what a device will find in
 * the CPU's registers; `registers` says what they are. EAX: the answer to an `inl` is there.
 */
static void run_registers(struct qtest *q, char **words, unsigned arg)
{
    struct cpu_registers *r = &q->registers;
    uint64_t n[6] = { r->eax, r->ebx, r->ecx, r->edx, r->esi, r->edi };

    for (unsigned i = 0; words[1] != NULL && i < G_N_ELEMENTS(n); i++) {
        if (words[1 + i] == NULL || !number(words[1 + i], &n[i])) {
            send_format(q, "FAIL %s: six numbers, or none", words[0]);
            return;
        }
    }
    *r = (struct cpu_registers){ (uint32_t)n[0], (uint32_t)n[1], (uint32_t)n[2],
                                 (uint32_t)n[3], (uint32_t)n[4], (uint32_t)n[5] };
    send_format(q, "OK 0x%08x 0x%08x 0x%08x 0x%08x 0x%08x 0x%08x", r->eax, r->ebx, r->ecx, r->edx,
                r->esi, r->edi);
}

static const struct command commands[] = {
    { "outb", 3, run_out, 1 },
    { "outw", 3, run_out, 2 },
    { "outl", 3, run_out, 4 },
    { "inb", 2, run_in, 1 },
    { "inw", 2, run_in, 2 },
    { "inl", 2, run_in, 4 },
    { "writeb", 3, run_store, 1 },
    { "writew", 3, run_store, 2 },
    { "writel", 3, run_store, 4 },
    { "writeq", 3, run_store, 8 },
    { "readb", 2, run_load, 1 },
    { "readw", 2, run_load, 2 },
    { "readl", 2, run_load, 4 },
    { "readq", 2, run_load, 8 },
    { "read", 3, run_read, 0 },
    { "write", 4, run_write, 0 },
    { "memset", 4, run_memset, 0 },
    { "b64read", 3, run_b64read, 0 },
    { "b64write", 4, run_b64write, 0 },
    { "clock_step", 1, run_clock_step, 0 },
    { "clock_set", 2, run_clock_set, 0 },
    { "irq_intercept_in", 2, run_irq_intercept, 0 },
    { "irq_intercept_out", 2, run_irq_intercept, 0 },
    { "set_irq_in", 5, run_set_irq_in, 0 },
    { "endianness", 1, run_endianness, 0 },
    { "registers", 1, run_registers, 0 },
};

static void run_line(struct qtest *q, char *line)
{
    char *words[MAX_WORDS + 1] = { NULL };
    unsigned n = 0;

    if (q->log != NULL)
        fprintf(q->log, "[R] %s\n", line);
    for (char *save = NULL, *word = strtok_r(line, " \t\r", &save); word != NULL && n < MAX_WORDS;
         word = strtok_r(NULL, " \t\r", &save))
        words[n++] = word;
    if (n == 0)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, words[0]) != 0)
            continue;
        if (n < commands[i].min_words)
            send_format(q, "FAIL %s: too few arguments", words[0]);
        else
            commands[i].run(q, words, commands[i].arg);
        return;
    }
    send_format(q, "FAIL Unknown command '%s'", words[0]);
}

/* ---- Receiving ---- */

static size_t can_receive(void *opaque)
{
    return 65536;
}

/* Lines may come in pieces, and several at once; an endless one is dropped and told. */
static void receive(void *opaque, const uint8_t *data, size_t len)
{
    struct qtest *q = opaque;

    q->answering = true;
    for (size_t i = 0; i < len;) {
        const uint8_t *end = memchr(data + i, '\n', len - i);
        size_t n = end != NULL ? (size_t)(end - (data + i)) : len - i;
        q->overlong |= q->in->len + n > LINE_MAX_BYTES;
        if (!q->overlong)
            g_string_append_len(q->in, (const char *)data + i, (gssize)n);
        i += n + 1;
        if (end == NULL)
            break;
        if (q->overlong)
            send_line(q, "FAIL the line is too long");
        else
            run_line(q, q->in->str);
        q->overlong = false;
        g_string_truncate(q->in, 0);
    }
    q->answering = false;
    flush(q);
}

static const struct chardev_frontend frontend = {
    .can_receive = can_receive,
    .receive = receive,
    .writable = flush,
};

/* ---- The core ---- */

static void qtest_gsi(struct core *core, unsigned gsi, bool level)
{
    struct qtest *q = (struct qtest *)core;

    if (q->intercepted)
        send_format(q, "IRQ %s %u", level ? "raise" : "lower", gsi);
}

static void qtest_get_registers(struct core *core, struct cpu_registers *regs)
{
    *regs = ((struct qtest *)core)->registers;
}

void qtest_core_set_registers(struct core *core, const struct cpu_registers *regs)
{
    ((struct qtest *)core)->registers = *regs;
}

static int qtest_start(struct core *core, GError **err)
{
    struct qtest *q = (struct qtest *)core;

    if (q->chr != NULL)
        chardev_attach(q->chr, &frontend, q);
    return 0;
}

static void qtest_destroy(struct core *core)
{
    struct qtest *q = (struct qtest *)core;

    chardev_destroy(q->chr);
    if (q->log != NULL)
        fclose(q->log);
    g_string_free(q->in, TRUE);
    g_byte_array_unref(q->out);
    g_free(q);
}

static const struct core_ops qtest_ops = {
    .name = "qtest",
    .chips = CORE_HAS_REGISTERS,
    .virtual_time = true,
    .create_cpus = qtest_start,
    .gsi = qtest_gsi,
    .get_registers = qtest_get_registers,
    .set_registers = qtest_core_set_registers,
    .destroy = qtest_destroy,
};

struct core *qtest_core_create(unsigned n_cpus, struct chardev *chr, FILE *log)
{
    struct qtest *q = g_new0(struct qtest, 1);

    q->core.ops = &qtest_ops;
    q->core.n_cpus = n_cpus;
    q->chr = chr;
    q->log = log;
    q->in = g_string_new(NULL);
    q->out = g_byte_array_new();
    return &q->core;
}
