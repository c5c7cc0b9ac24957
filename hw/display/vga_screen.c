/*
 * The console's source: what changed since the last look is converted and shown.
 *
 * Modes of 32 bits are shown where they are, without a copy. In the others a scan line is drawn
 * again when its bytes were written; only what then differs from the picture is damage.
 */
#include "hw/display/vga_screen.h"

#include <string.h>

#include "hw/core/clock.h"
#include "hw/core/device.h"
#include "hw/display/vga_line.h"

#define FRAME_NS      (NS_PER_S / 70)
#define CURSOR_FRAMES 16 /* on, and off */
#define BLINK_FRAMES  32
#define TEXT_POLL_MS  200 /* a blinking cursor is seen as blinking */
#define LOG_POLL_MS   250 /* slowest look at the dirty log */

struct vga_screen {
    struct vga_mode shown;
    pixman_image_t *image; /* NULL: video memory itself is shown */
    uint8_t *dirty;        /* a bit per page of video memory, since the last update */
    size_t dirty_size;
    uint8_t *bounce;
    uint32_t *line;
    const uint32_t *dots;   /* what is in line */
    struct vga_scan drawn;  /* and where from; only while dots is not NULL */
    struct vga_phase phase; /* of what is shown */
    bool font_changed;
    unsigned poll_ms;
    /* damage that is not reported yet: lines top to bottom - 1, dots left to right - 1 */
    unsigned top, bottom, left, right;
};

/* ---- What changed ---- */

void vga_touch(struct vga *v)
{
    if (v->con != NULL)
        console_wake(v->con);
}

void vga_font_changed(struct vga *v)
{
    v->screen->font_changed = true;
}

static void mark(struct vga *v, uint32_t first, uint32_t last)
{
    for (uint32_t page = first / MEM_PAGE; page <= last / MEM_PAGE; page++)
        v->screen->dirty[page / 8] |= (uint8_t)(1u << page % 8);
    memmap_wrote(v->dev->services->mem, &v->vram, first, last - first + 1);
}

void vga_wrote(struct vga *v, uint32_t offset, uint32_t size)
{
    uint32_t mask = v->memory_size - 1;

    if (size == 0)
        return;
    if (size > mask) {
        mark(v, 0, mask);
    } else {
        uint32_t first = offset & mask, last = (offset + size - 1) & mask;
        if (last >= first) {
            mark(v, first, last);
        } else {
            mark(v, first, mask);
            mark(v, 0, last);
        }
    }
    vga_touch(v);
}

static bool any_dirty(const struct vga_screen *s, uint32_t first, uint32_t last)
{
    for (uint32_t page = first / MEM_PAGE; page <= last / MEM_PAGE; page++)
        if ((s->dirty[page / 8] >> page % 8 & 1) != 0)
            return true;
    return false;
}

static bool line_dirty(const struct vga *v, const struct vga_mode *m, const struct vga_scan *scan)
{
    uint32_t mask = v->memory_size - 1, first, last;

    vga_scan_bytes(m, scan, &first, &last);
    first &= mask;
    last &= mask;
    return first <= last ? any_dirty(v->screen, first, last)
                         : any_dirty(v->screen, first, mask) || any_dirty(v->screen, 0, last);
}

/* ---- The cursor of text modes ---- */

/* A cursor that came, went, moved or blinks: its lines, old and new, are drawn again. */
static bool cursor_line(const struct vga_mode *m, const struct vga_scan *scan)
{
    return m->format == VGA_TEXT && m->cursor &&
           ((m->cursor_address - scan->address) & 0xffff) <= m->columns;
}

static bool cursor_changed(const struct vga_mode *a, const struct vga_mode *b)
{
    return a->cursor != b->cursor || a->cursor_address != b->cursor_address ||
           a->cursor_first != b->cursor_first || a->cursor_last != b->cursor_last;
}

/* ---- The sprite ---- */

static bool sprite_line(const struct vga_mode *m, unsigned y)
{
    return m->has_sprite && (int)y >= m->sprite.y && (int)y < m->sprite.y + (int)m->sprite.size;
}

static bool sprite_changed(const struct vga *v, const struct vga_mode *a, const struct vga_mode *b)
{
    const struct vga_sprite *s = &a->sprite;

    return memcmp(s, &b->sprite, sizeof(*s)) != 0 ||
           (a->has_sprite && any_dirty(v->screen, s->pattern, s->pattern + s->pattern_size - 1));
}

/* Over what was drawn, which then is no more what memory says. */
static void add_sprite(struct vga *v, const struct vga_mode *m, unsigned y)
{
    struct vga_screen *s = v->screen;

    v->ops->draw_sprite(v->chip, &m->sprite, (unsigned)((int)y - m->sprite.y),
                        s->line + (s->dots - s->line), m->width);
}

/* ---- Damage ---- */

static void flush_damage(struct vga *v)
{
    struct vga_screen *s = v->screen;

    if (s->bottom > s->top)
        console_damage(v->con, (int)s->left, (int)s->top, (int)(s->right - s->left),
                       (int)(s->bottom - s->top));
    s->top = s->bottom = 0;
}

static void add_damage(struct vga *v, unsigned y, unsigned left, unsigned right)
{
    struct vga_screen *s = v->screen;

    if (s->bottom > s->top && y == s->bottom) {
        s->left = MIN(s->left, left);
        s->right = MAX(s->right, right);
    } else {
        flush_damage(v);
        s->top = y;
        s->left = left;
        s->right = right;
    }
    s->bottom = y + 1;
}

/* ---- Drawing ---- */

/* Puts a line into the picture; the part that differs is damage. */
static void show_line(struct vga *v, unsigned y, unsigned width, const uint32_t *dots)
{
    pixman_image_t *image = v->screen->image;
    uint32_t *row = pixman_image_get_data(image) +
                    (size_t)y * (size_t)(pixman_image_get_stride(image) / 4);
    unsigned left = 0, right = width;

    while (left < right && row[left] == dots[left])
        left++;
    while (right > left && row[right - 1] == dots[right - 1])
        right--;
    if (left == right)
        return;
    memcpy(row + left, dots + left, (right - left) * sizeof(*row));
    add_damage(v, y, left, right);
}

static void draw_line(struct vga *v, const struct vga_mode *m, const struct vga_scan *scan,
                      unsigned y)
{
    struct vga_screen *s = v->screen;

    if (s->image == NULL) {
        add_damage(v, y, 0, m->width);
        return;
    }
    if (s->dots == NULL || !vga_scan_same(m, &s->drawn, scan)) {
        s->dots = vga_draw_line(m, scan, v->memory, v->memory_size - 1, &s->phase, s->bounce,
                                s->line);
        s->drawn = *scan;
    }
    if (sprite_line(m, y))
        add_sprite(v, m, y);
    show_line(v, y, m->width, s->dots);
    if (sprite_line(m, y))
        s->dots = NULL;
}

/* What moved on the screen since the last update, beside memory. */
struct moved {
    bool all, cursor, sprite;
};

static bool line_moved(const struct moved *moved, const struct vga_mode *m,
                       const struct vga_mode *old, const struct vga_scan *scan, unsigned y)
{
    return moved->all || (moved->cursor && (cursor_line(m, scan) || cursor_line(old, scan))) ||
           (moved->sprite && (sprite_line(m, y) || sprite_line(old, y)));
}

static void draw(struct vga *v, const struct vga_mode *m, const struct vga_mode *old,
                 const struct moved *moved)
{
    struct vga_scan scan = vga_scan_first(m);

    v->screen->dots = NULL;
    for (unsigned y = 0; y < m->height; y++) {
        if (line_moved(moved, m, old, &scan, y) || line_dirty(v, m, &scan))
            draw_line(v, m, &scan, y);
        vga_scan_next(m, &scan, y);
    }
    flush_damage(v);
}

/* ---- Surfaces ---- */

/* Each scan line is in memory once, one behind the other. */
static bool lines_in_order(const struct vga_mode *m)
{
    return m->rows == 1 && !m->double_scan && m->line_compare >= m->height;
}

static bool can_show_memory(const struct vga *v, const struct vga_mode *m)
{
    return m->format == VGA_LINEAR && m->bits == 32 && !m->has_sprite && lines_in_order(m) &&
           m->stride % 4 == 0 && m->start % 4 == 0 &&
           m->start + (uint64_t)m->stride * (m->height - 1) + m->width * 4u <= v->memory_size;
}

static pixman_format_code_t memory_format(const struct vga_mode *m)
{
    bool as_host = m->big_endian == (G_BYTE_ORDER == G_BIG_ENDIAN);

    return as_host ? PIXMAN_x8r8g8b8 : PIXMAN_b8g8r8x8;
}

static void forget_image(struct vga_screen *s)
{
    if (s->image != NULL)
        pixman_image_unref(s->image);
    s->image = NULL;
}

/* The surface for this mode. All of it is then damaged, where it is another one. */
static void set_surface(struct vga *v, const struct vga_mode *m)
{
    struct vga_screen *s = v->screen;

    if (can_show_memory(v, m) &&
        console_set_surface_memory(v->con, memory_format(m), m->width, m->height,
                                   v->memory + m->start, m->stride) == 0) {
        forget_image(s);
        return;
    }
    if (s->image != NULL && pixman_image_get_width(s->image) == (int)m->width &&
        pixman_image_get_height(s->image) == (int)m->height)
        return;
    forget_image(s);
    s->image = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)m->width, (int)m->height, NULL, 0);
    if (s->image != NULL) /* else no memory: the last picture stays */
        console_set_surface(v->con, s->image);
}

/* ---- Updates ---- */

static struct vga_phase phase_now(const struct vga *v)
{
    int64_t frame = clock_now(v->dev->services->clock) / FRAME_NS;

    return (struct vga_phase){ .cursor = frame / CURSOR_FRAMES % 2 == 0,
                               .dark = frame / BLINK_FRAMES % 2 != 0 };
}

static void set_poll(struct vga *v, const struct vga_mode *m)
{
    struct vga_screen *s = v->screen;
    unsigned ms = 0;

    if (m->format == VGA_TEXT && (m->cursor || s->phase.has_blink))
        ms = TEXT_POLL_MS;
    else if (m->format == VGA_LINEAR || v->mapped_window.mapped)
        ms = LOG_POLL_MS;
    if (ms != s->poll_ms)
        console_set_poll(v->con, ms);
    s->poll_ms = ms;
}

static void update(void *opaque, bool full)
{
    struct vga *v = opaque;
    struct vga_screen *s = v->screen;
    struct vga_phase phase = phase_now(v);
    struct vga_mode mode, old = s->shown;

    vga_get_mode(v, &mode);
    bool other = memcmp(&mode, &old, offsetof(struct vga_mode, cursor)) != 0;
    struct moved moved = {
        .all = full || other || (mode.format == VGA_TEXT && s->font_changed) ||
               (s->phase.has_blink && phase.dark != s->phase.dark),
        .cursor = cursor_changed(&mode, &old) || phase.cursor != s->phase.cursor,
    };
    phase.has_blink = s->phase.has_blink && !moved.all;
    s->phase = phase;
    s->font_changed = false;
    memmap_take_dirty(v->dev->services->mem, &v->vram, s->dirty);
    vga_window_collect(v);
    moved.sprite = sprite_changed(v, &mode, &old);
    if (other)
        set_surface(v, &mode);
    draw(v, &mode, &old, &moved);
    memset(s->dirty, 0, s->dirty_size);
    s->shown = mode;
    set_poll(v, &mode);
    if (v->ops->updated != NULL)
        v->ops->updated(v->chip);
}

static bool text(void *opaque, struct console_text *t)
{
    const struct vga *v = opaque;
    struct vga_mode m;

    vga_get_mode(v, &m);
    if (m.format != VGA_TEXT)
        return false;
    unsigned scan_lines = m.rows * (m.double_scan ? 2 : 1);
    t->columns = m.columns;
    t->rows = MAX(m.height / scan_lines, 1);
    t->characters = g_malloc((size_t)t->columns * t->rows);
    for (unsigned y = 0; y < t->rows; y++) {
        struct vga_scan scan = { .address = m.start + y * m.stride };
        for (unsigned x = 0; x < t->columns; x++)
            t->characters[y * t->columns + x] = vga_cell(&m, &scan, x, v->memory,
                                                         v->memory_size - 1)[0];
    }
    return true;
}

static void ui_info(void *opaque, unsigned width, unsigned height)
{
    struct vga *v = opaque;

    if (v->ops->ui_info == NULL ||
        !journal_begin(&v->journal, JOURNAL_NUMBERS_OF(JOURNAL_SCREEN_SIZE, width, height)))
        return;
    v->ops->ui_info(v->chip, width, height);
    journal_end(&v->journal);
}

void vga_screen_play(void *opaque, const struct journal_entry *entry, const uint8_t *data,
                     size_t len)
{
    if (entry->kind == JOURNAL_SCREEN_SIZE)
        ui_info(opaque, (unsigned)entry->n[0], (unsigned)entry->n[1]);
}

static const struct console_source_ops source_ops = {
    .update = update,
    .text = text,
    .ui_info = ui_info,
};

/* ---- Life ---- */

void vga_screen_create(struct vga *v)
{
    struct vga_screen *s = g_new0(struct vga_screen, 1);

    s->dirty_size = (v->memory_size / MEM_PAGE + 7) / 8;
    s->dirty = g_malloc0(s->dirty_size);
    s->bounce = g_malloc(VGA_MAX_BYTES);
    s->line = g_new0(uint32_t, VGA_LINE_ROOM);
    v->screen = s;
    if (v->con != NULL)
        console_set_source(v->con, &source_ops, v);
}

void vga_screen_destroy(struct vga *v)
{
    struct vga_screen *s = v->screen;

    if (s == NULL)
        return;
    if (v->con != NULL) {
        console_set_source(v->con, NULL, NULL);
        if (s->image == NULL && s->shown.format == VGA_LINEAR) { /* memory is about to go */
            pixman_image_t *last = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)s->shown.width,
                                                            (int)s->shown.height, NULL, 0);
            console_set_surface(v->con, last);
            pixman_image_unref(last);
        }
    }
    forget_image(s);
    g_free(s->dirty);
    g_free(s->bounce);
    g_free(s->line);
    g_free(s);
    v->screen = NULL;
}
