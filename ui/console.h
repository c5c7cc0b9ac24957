/*
 * A console: what one graphics head shows, and who looks at it.
 *
 * The display device is the console's *source*. It sets a surface (its own pixels, or the guest's
 * frame buffer itself where the format allows it, with no copy), and marks rectangles as damaged
 * when their pixels have changed. *Viewers* (VNC clients, a window) hear of damage.
 *
 * Nothing runs when nobody looks: a source converts pixels only in its update callback, which is
 * called while at least one viewer wants an update, at most every 16 ms, and less and less often
 * while nothing changes. How a source learns that the guest has drawn decides what an idle screen
 * costs, see console_set_poll().
 *
 * All calls with the machine lock held.
 */
#ifndef UI_CONSOLE_H
#define UI_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>
#include <pixman.h>

#include "ui/input.h"

/* No surface is larger than this on either side. */
#define CONSOLE_MAX_SIZE 16384

/* A hardware cursor. Pixels are a8r8g8b8 in host order, not premultiplied, width * height. */
#define CURSOR_MAX_SIZE 128
struct console_cursor {
    unsigned width, height; /* 1..CURSOR_MAX_SIZE */
    unsigned hot_x, hot_y;  /* inside the picture */
    const uint32_t *pixels;
};

/* The characters of a text mode, row by row. */
struct console_text {
    unsigned columns, rows;
    uint8_t *characters; /* code page 437; columns * rows, by g_malloc */
};

/* ---- for the display device ---- */

struct console_source_ops {
    /*
     * A viewer wants fresh pixels: find out what changed since the last call, convert it and call
     * console_damage(), or console_set_surface() after a mode switch. full: the source may have
     * lost track of changes (nobody looked for a while), everything must be brought up to date.
     */
    void (*update)(void *opaque, bool full);
    /* May be NULL: the first viewer came, or the last one went: dirty tracking on or off. */
    void (*watch)(void *opaque, bool on);
    /* May be NULL. Fills text when the screen is in a text mode, else returns false. */
    bool (*text)(void *opaque, struct console_text *text);
    /* May be NULL. A viewer would like this size: the EDID's preferred mode changes. */
    void (*ui_info)(void *opaque, unsigned width, unsigned height);
};

struct console;

/*
 * A console with a black surface of 640x480. name is copied; it is shown to people ("VGA").
 * input may be shared by several consoles and must outlive them.
 */
struct console *console_create(const char *name, struct input *input);
/* All viewers must be gone. */
void console_destroy(struct console *con);

/* ops must live until another source (or NULL) is set. */
void console_set_source(struct console *con, const struct console_source_ops *ops, void *opaque);

/*
 * Shows another picture; the console takes its own reference. All of it is damaged, and viewers
 * are told to resize when the size differs. Pixels that belong to somebody else (guest memory)
 * must stay mapped until the next surface is set.
 */
void console_set_surface(struct console *con, pixman_image_t *image);
/*
 * The same for pixels in memory, without a copy: a linear mode in the guest's frame buffer.
 * stride is in bytes, a multiple of 4 (pixman's rule). -EINVAL: a size that is 0 or too large, or
 * such a stride; the surface stays as it was.
 */
int console_set_surface_memory(struct console *con, pixman_format_code_t format, unsigned width,
                               unsigned height, void *data, unsigned stride);

/* These pixels have changed; parts outside the surface are ignored. Cheap to call often. */
void console_damage(struct console *con, int x, int y, int w, int h);

/*
 * How updates are asked for while viewers look and nothing changes.
 *   slowest_ms > 0: the source has to look (a dirty log, a blinking cursor): every 16 ms first,
 *                   backing off to slowest_ms. Input from a viewer starts it again at 16 ms.
 *   slowest_ms = 0: the source is told of every guest access and calls console_wake() at the first
 *                   one after an update: an idle screen then costs nothing at all.
 * At creation: 0.
 */
void console_set_poll(struct console *con, unsigned slowest_ms);
/* Something may have changed. Cheap when an update is due already. */
void console_wake(struct console *con);

/* The picture of the hardware cursor, copied; NULL: there is none. -EINVAL: a wrong size. */
int console_define_cursor(struct console *con, const struct console_cursor *cursor);
/* The cursor's picture has its upper left corner here (may be negative) or is not visible. */
void console_move_cursor(struct console *con, int x, int y, bool visible);

/* ---- for viewers ---- */

struct console_viewer_ops {
    void (*resize)(void *opaque); /* there is a surface of another size */
    /* Pixels have changed, always inside the surface; all of it after resize. */
    void (*damage)(void *opaque, int x, int y, int w, int h);
    /* An update has ended: what was damaged so far belongs together. */
    void (*frame)(void *opaque);
    void (*cursor_define)(void *opaque);
    void (*cursor_move)(void *opaque);
    void (*pointer_mode)(void *opaque, bool absolute);
    void (*leds)(void *opaque, unsigned leds);
};

struct console_viewer;

/*
 * Any of the ops may be NULL. A callback must neither attach nor detach viewers. The viewer hears
 * nothing of the state at this moment: it asks for it.
 */
struct console_viewer *console_attach(struct console *con, const struct console_viewer_ops *ops,
                                      void *opaque);
void console_detach(struct console_viewer *viewer);
/* Whether the viewer could use an update now; not at first. */
void console_viewer_want(struct console_viewer *viewer, bool want);

/* Brings the surface up to date now: for a screenshot without a viewer. */
void console_update_now(struct console *con);

const char *console_name(const struct console *con);
struct input *console_input(const struct console *con);
/* The surface; never NULL. Valid until the console gets control again. */
pixman_image_t *console_surface(const struct console *con);
unsigned console_width(const struct console *con);
unsigned console_height(const struct console *con);
/* NULL: no hardware cursor. */
const struct console_cursor *console_cursor(const struct console *con);
bool console_cursor_position(const struct console *con, int *x, int *y);
/* See console_source_ops.text; the caller frees text->characters by g_free(). */
bool console_get_text(struct console *con, struct console_text *text);
/* A viewer's window has this size. -ENOTSUP: the device cannot be told; -EINVAL: the size. */
int console_set_ui_info(struct console *con, unsigned width, unsigned height);

#endif
