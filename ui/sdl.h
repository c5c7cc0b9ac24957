/*
 * A window for a console, by SDL2: -display sdl.
 *
 * The picture is scaled to the window's size. A click into the window, or Ctrl+Alt+G, grabs
 * keyboard and mouse for the guest; Ctrl+Alt+G gives them back; Ctrl+Alt+F switches full screen,
 * Ctrl+Alt+U the size back to the guest's. An absolute pointer needs no grab.
 *
 * A module of its own, hvm-dm-sdl.so: SDL brings fifty libraries of a windowing system, and a guest
 * without a window is not to wait for them.
 *
 * All calls with the machine lock held, on the main thread (SDL's rule).
 */
#ifndef UI_SDL_H
#define UI_SDL_H

#include <glib.h>

#include "ui/console.h"

struct sdl_options {
    bool full_screen;
    /* The user closes the window. */
    void (*close)(void *opaque);
    void *opaque;
};

struct sdl;

/* What the module has to offer. */
struct sdl_ops {
    /* NULL with *err: there is no display. name: the machine's, for the title; copied. */
    struct sdl *(*create)(struct console *con, const char *name, const struct sdl_options *options,
                          GError **err);
    void (*destroy)(struct sdl *sdl);
    /* What the title says behind the name: "paused"; NULL: nothing. Copied. */
    void (*set_state)(struct sdl *sdl, const char *state);
};

/* Loads the module; it stays for the life of the process. NULL with *err: it can't be loaded. */
const struct sdl_ops *sdl_load(const char *path, GError **err);

#endif
