/* SDL's scan codes as key codes. */
#ifndef UI_SDL_KEYS_H
#define UI_SDL_KEYS_H

#include <SDL2/SDL_scancode.h>

/* 0: a key that we do not know. */
unsigned sdl_key_code(SDL_Scancode scancode);

#endif
