/* The window itself: what ui/sdl.h says, inside the module. */
#ifndef UI_SDL_WINDOW_H
#define UI_SDL_WINDOW_H

#include "ui/sdl.h"

struct sdl *sdl_create(struct console *con, const char *name, const struct sdl_options *options,
                       GError **err);
void sdl_destroy(struct sdl *sdl);
void sdl_set_state(struct sdl *sdl, const char *state);

#endif
