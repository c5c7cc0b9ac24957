/*
 * Cursor, characters and scrolling. Where a character cell is, and what is in it, is cell.c's.
 */
#include "text.h"

#include "cell.h"
#include "mode.h"
#include "vga.h"

#define CONTROL_NO_CURSOR_EMULATION 0x01 /* 40:87 */
#define SHAPE_OFF                   0x20

/* ---- Cursor ---- */

/*
 * Shapes are for characters of 8 lines. On taller ones, lines 6 and 7 stay at the bottom, one line
 * above the last as IBM has it; others are scaled.
 */
static uint8_t emulate(uint8_t line, uint8_t height)
{
    return (uint8_t)(line >= 6 ? line + height - 9 : line * height / 8);
}

void text_set_shape(uint16_t shape)
{
    uint8_t start = (uint8_t)(shape >> 8), end = (uint8_t)shape,
            height = (uint8_t)BDA->video_height;
    BDA->video_shape = shape;
    if (!(BDA->video_control & CONTROL_NO_CURSOR_EMULATION) && !(start & SHAPE_OFF) && height > 8 &&
        start < 8 && end < 8) {
        start = emulate(start, height);
        end = emulate(end, height);
    }
    vga_write(BDA->video_crtc, CRTC_CURSOR_START, start & 0x3F);
    vga_write(BDA->video_crtc, CRTC_CURSOR_END, end & 0x1F);
}

void text_shape_service(struct regs *r)
{
    text_set_shape(r->cx.x);
}

static void move_cursor(uint8_t page, uint16_t position)
{
    BDA->video_cursor[page] = position;
    if (page == BDA->video_page && mode_kind() == KIND_TEXT)
        crtc_write16(CRTC_CURSOR,
                     (uint16_t)(BDA->video_start / 2 + (position >> 8) * BDA->video_columns +
                                (position & 0xFF)));
}

void text_set_cursor_service(struct regs *r)
{
    move_cursor(r->bx.h & 7, r->dx.x);
}

void text_get_cursor_service(struct regs *r)
{
    r->dx.x = BDA->video_cursor[r->bx.h & 7];
    r->cx.x = BDA->video_shape;
}

void text_page_service(struct regs *r)
{
    uint8_t page = r->ax.l & 7;
    enum mode_kind kind = mode_kind();
    uint16_t start = (uint16_t)(page * BDA->video_page_size);
    if (kind != KIND_TEXT && kind != KIND_PLANES)
        return;
    BDA->video_page = page;
    BDA->video_start = start;
    crtc_write16(CRTC_START, kind == KIND_TEXT ? start / 2 : start);
    move_cursor(page, BDA->video_cursor[page]);
}

/* ---- Scrolling ---- */

struct window {
    uint8_t left, top, right, bottom;
};

/* Brings a window into the screen. False: nothing is left of it. */
static bool clip(struct window *w)
{
    uint8_t last = (uint8_t)(BDA->video_columns - 1);
    if (w->right > last)
        w->right = last;
    if (w->bottom > BDA->video_rows)
        w->bottom = BDA->video_rows;
    return w->left <= w->right && w->top <= w->bottom;
}

/* n rows up, or down; 0 clears the window. */
static void scroll(struct window w, uint8_t page, uint8_t n, uint8_t attr, bool down)
{
    if (!clip(&w))
        return;
    uint8_t width = (uint8_t)(w.right - w.left + 1), height = (uint8_t)(w.bottom - w.top + 1);
    if (n == 0 || n > height)
        n = height;
    for (uint8_t i = 0; i < height; i++) {
        uint8_t row = down ? (uint8_t)(w.bottom - i) : (uint8_t)(w.top + i);
        if (i + n < height)
            cell_move((struct cell){ row, w.left, page },
                      down ? (uint8_t)(row - n) : (uint8_t)(row + n), width);
        else
            cell_clear((struct cell){ row, w.left, page }, width, attr);
    }
}

static void scroll_service(struct regs *r, bool down)
{
    struct window w = { r->cx.l, r->cx.h, r->dx.l, r->dx.h };
    scroll(w, BDA->video_page, r->ax.l, r->bx.h, down);
}

void text_scroll_up_service(struct regs *r)
{
    scroll_service(r, false);
}

void text_scroll_down_service(struct regs *r)
{
    scroll_service(r, true);
}

/* ---- Characters ---- */

static struct cell cell_at(uint16_t position, uint8_t page)
{
    return (struct cell){ (uint8_t)(position >> 8), (uint8_t)position, page };
}

void text_read_service(struct regs *r)
{
    uint8_t page = r->bx.h & 7;
    r->ax.x = cell_read(cell_at(BDA->video_cursor[page], page));
}

/* The same character n times from the cursor on; in graphics modes up to the end of the row. */
static void write_many(struct regs *r, bool with_attr)
{
    uint8_t page = r->bx.h & 7;
    struct cell at = cell_at(BDA->video_cursor[page], page);
    for (unsigned n = r->cx.x; n; n--) {
        cell_write(at, r->ax.l, r->bx.l, with_attr);
        if (++at.column >= BDA->video_columns) {
            at.column = 0;
            if (mode_kind() != KIND_TEXT || at.row == 0xFF)
                return;
            at.row++;
        }
    }
}

void text_write_service(struct regs *r)
{
    write_many(r, true);
}

void text_write_char_service(struct regs *r)
{
    write_many(r, false);
}

/* A blank line at the bottom, of the attribute that the cursor is on. */
static void line_feed(uint8_t page)
{
    struct window all = { 0, 0, 0xFF, 0xFF };
    uint8_t attr = 0;
    if (mode_kind() == KIND_TEXT)
        attr = (uint8_t)(cell_read(cell_at(BDA->video_cursor[page], page)) >> 8);
    scroll(all, page, 1, attr, false);
}

/* One character, or what BS, LF, CR do; BEL is silent. Returns nothing: the cursor has moved. */
static void teletype(uint8_t page, uint8_t c, uint8_t attr, bool with_attr)
{
    uint16_t position = BDA->video_cursor[page];
    uint8_t row = (uint8_t)(position >> 8), column = (uint8_t)position;
    switch (c) {
    case 7: return;
    case 8: column -= column > 0; break;
    case 10: row++; break;
    case 13: column = 0; break;
    default:
        cell_write(cell_at(position, page), c, attr, with_attr);
        if (++column >= BDA->video_columns) {
            column = 0;
            row++;
        }
    }
    if (row > BDA->video_rows) {
        row = BDA->video_rows;
        BDA->video_cursor[page] = (uint16_t)(row << 8 | column);
        line_feed(page);
    }
    move_cursor(page, (uint16_t)(row << 8 | column));
}

void text_teletype_service(struct regs *r)
{
    teletype(BDA->video_page, r->ax.l, r->bx.l, mode_kind() != KIND_TEXT);
}

/* AL bit 0: the cursor moves along; bit 1: each character is followed by its attribute. */
void text_string_service(struct regs *r)
{
    uint8_t page = r->bx.h & 7;
    uint16_t before = BDA->video_cursor[page];
    uint16_t from = r->bp.x;
    if (r->ax.l > 3)
        return;
    move_cursor(page, r->dx.x);
    for (unsigned n = r->cx.x; n; n--) {
        uint8_t c = far_get8(r->es, from++);
        uint8_t attr = r->ax.l & 2 ? far_get8(r->es, from++) : r->bx.l;
        teletype(page, c, attr, true);
    }
    if (!(r->ax.l & 1))
        move_cursor(page, before);
}
