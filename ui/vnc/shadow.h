/*
 * The server's private copy of the screen. Updates from the console are compared with it, so that
 * only pixels that really changed are sent; encoders read it outside the machine lock.
 */
#ifndef UI_VNC_SHADOW_H
#define UI_VNC_SHADOW_H

#include <stdbool.h>
#include <stdint.h>
#include <pixman.h>

struct vnc_shadow;

/* A black picture with one reference; another thread may hold further ones. */
struct vnc_shadow *vnc_shadow_create(unsigned width, unsigned height);
struct vnc_shadow *vnc_shadow_ref(struct vnc_shadow *shadow);
void vnc_shadow_unref(struct vnc_shadow *shadow);

unsigned vnc_shadow_width(const struct vnc_shadow *shadow);
unsigned vnc_shadow_height(const struct vnc_shadow *shadow);

/*
 * Copies the damaged part of a surface of the same size, and adds to *changed the tiles of which a
 * pixel differed. damage must lie within the surface.
 */
void vnc_shadow_update(struct vnc_shadow *shadow, pixman_image_t *surface,
                       pixman_region32_t *damage, pixman_region32_t *changed);

/*
 * Looks whether the surface shows inside the box what the shadow does, only scrolled. If so, the
 * shadow's rows are moved the same way: the pixels at *to came from dy rows further down. What
 * else has changed vnc_shadow_update() finds as always, so a wrong guess does no harm.
 */
bool vnc_shadow_scroll(struct vnc_shadow *shadow, pixman_image_t *surface,
                       const pixman_box32_t *box, pixman_box32_t *to, int *dy);

/*
 * Copies the pixels (0x00RRGGBB, in host order) of a rectangle inside the picture, row by
 * row, to wherever. From any thread.
 */
void vnc_shadow_fetch(struct vnc_shadow *shadow, const pixman_box32_t *box, void *pixels);

#endif
