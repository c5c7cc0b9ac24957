#include "ui/sdl_window.h"

#include <SDL2/SDL.h>
#include <errno.h>
#include <gmodule.h>

#include "base/error.h"
#include "ui/sdl_keys.h"

/* SDL has no descriptor to wait for: its events are looked for this often, more seldom while the
   user does nothing. */
#define POLL_BUSY_MS 8
#define POLL_IDLE_MS 40
#define BUSY_POLLS   50

struct sdl {
    struct console *con;
    struct console_viewer *viewer;
    struct input_source *input;
    struct sdl_options options;
    char *name, *state;

    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture;     /* as large as the surface */
    SDL_Cursor *cursor;       /* the guest's; NULL: none */
    pixman_region32_t damage; /* not yet in the texture */
    bool grabbed, full_screen;
    unsigned buttons;

    guint poll;
    unsigned poll_ms, quiet_polls;
};

static gboolean poll_events(gpointer opaque);

/* ---- the picture ---- */

static void create_texture(struct sdl *sdl)
{
    int width = (int)console_width(sdl->con), height = (int)console_height(sdl->con);

    if (sdl->texture != NULL)
        SDL_DestroyTexture(sdl->texture);
    sdl->texture = SDL_CreateTexture(sdl->renderer, SDL_PIXELFORMAT_RGB888,
                                     SDL_TEXTUREACCESS_STREAMING, width, height);
    SDL_RenderSetLogicalSize(sdl->renderer, width, height);
    pixman_region32_clear(&sdl->damage);
    pixman_region32_union_rect(&sdl->damage, &sdl->damage, 0, 0, (unsigned)width, (unsigned)height);
}

/* pixman converts from any format of the surface straight into the texture's memory. */
static void update_texture(struct sdl *sdl, const pixman_box32_t *box)
{
    int width = box->x2 - box->x1, height = box->y2 - box->y1, stride;
    SDL_Rect rect = { box->x1, box->y1, width, height };
    void *pixels;

    if (SDL_LockTexture(sdl->texture, &rect, &pixels, &stride) < 0)
        return;
    pixman_image_t *to = pixman_image_create_bits_no_clear(PIXMAN_x8r8g8b8, width, height, pixels,
                                                           stride);
    pixman_image_composite32(PIXMAN_OP_SRC, console_surface(sdl->con), NULL, to, box->x1, box->y1,
                             0, 0, 0, 0, width, height);
    pixman_image_unref(to);
    SDL_UnlockTexture(sdl->texture);
}

static void present(struct sdl *sdl)
{
    SDL_RenderClear(sdl->renderer);
    SDL_RenderCopy(sdl->renderer, sdl->texture, NULL, NULL);
    SDL_RenderPresent(sdl->renderer);
}

static void on_resize(void *opaque)
{
    struct sdl *sdl = opaque;

    create_texture(sdl);
    if (!sdl->full_screen)
        SDL_SetWindowSize(sdl->window, (int)console_width(sdl->con), (int)console_height(sdl->con));
}

static void on_damage(void *opaque, int x, int y, int w, int h)
{
    struct sdl *sdl = opaque;

    pixman_region32_union_rect(&sdl->damage, &sdl->damage, x, y, (unsigned)w, (unsigned)h);
}

static void on_frame(void *opaque)
{
    struct sdl *sdl = opaque;
    int n;
    const pixman_box32_t *box = pixman_region32_rectangles(&sdl->damage, &n);

    if (n == 0 || sdl->texture == NULL)
        return;
    for (; n > 0; n--, box++)
        update_texture(sdl, box);
    pixman_region32_clear(&sdl->damage);
    present(sdl);
}

/* ---- cursor, grab, title ---- */

static void show_cursor(struct sdl *sdl)
{
    bool absolute = input_is_absolute(console_input(sdl->con));

    if (sdl->cursor != NULL)
        SDL_SetCursor(sdl->cursor);
    /* A guest with a mouse draws its own pointer, somewhere else than the host's is. */
    SDL_ShowCursor(!sdl->grabbed || (absolute && sdl->cursor != NULL) ? SDL_ENABLE : SDL_DISABLE);
}

static void on_cursor_define(void *opaque)
{
    struct sdl *sdl = opaque;
    const struct console_cursor *c = console_cursor(sdl->con);
    SDL_Surface *picture;

    if (sdl->cursor != NULL)
        SDL_FreeCursor(sdl->cursor);
    sdl->cursor = NULL;
    if (c != NULL) {
        picture = SDL_CreateRGBSurfaceWithFormatFrom((void *)(uintptr_t)c->pixels, (int)c->width,
                                                     (int)c->height, 32, (int)c->width * 4,
                                                     SDL_PIXELFORMAT_ARGB8888);
        sdl->cursor = SDL_CreateColorCursor(picture, (int)c->hot_x, (int)c->hot_y);
        SDL_FreeSurface(picture);
    }
    show_cursor(sdl);
}

static void set_title(struct sdl *sdl)
{
    g_autofree char *title = g_strdup_printf(
        "%s%s%s%s%s", sdl->name, sdl->state != NULL ? " [" : "",
        sdl->state != NULL ? sdl->state : "", sdl->state != NULL ? "]" : "",
        sdl->grabbed ? " - press Ctrl+Alt+G to release the mouse and keyboard" : "");

    SDL_SetWindowTitle(sdl->window, title);
}

static void set_grab(struct sdl *sdl, bool grab)
{
    bool relative = !input_is_absolute(console_input(sdl->con));

    sdl->grabbed = grab;
    SDL_SetWindowGrab(sdl->window, grab ? SDL_TRUE : SDL_FALSE);
    SDL_SetRelativeMouseMode(grab && relative ? SDL_TRUE : SDL_FALSE);
    show_cursor(sdl);
    set_title(sdl);
}

static void on_pointer_mode(void *opaque, bool absolute)
{
    struct sdl *sdl = opaque;

    set_grab(sdl, sdl->grabbed);
}

static void set_full_screen(struct sdl *sdl, bool on)
{
    sdl->full_screen = on;
    SDL_SetWindowFullscreen(sdl->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    set_grab(sdl, on);
}

/* ---- input ---- */

static bool hotkey(struct sdl *sdl, const SDL_KeyboardEvent *key)
{
    if ((key->keysym.mod & KMOD_CTRL) == 0 || (key->keysym.mod & KMOD_ALT) == 0)
        return false;
    switch (key->keysym.scancode) {
    case SDL_SCANCODE_G: set_grab(sdl, !sdl->grabbed); break;
    case SDL_SCANCODE_F: set_full_screen(sdl, !sdl->full_screen); break;
    case SDL_SCANCODE_U:
        SDL_SetWindowSize(sdl->window, (int)console_width(sdl->con), (int)console_height(sdl->con));
        break;
    default: return false;
    }
    input_release_keys(sdl->input); /* the guest saw Ctrl and Alt go down */
    return true;
}

static void on_key(struct sdl *sdl, const SDL_KeyboardEvent *key)
{
    bool down = key->type == SDL_KEYDOWN;

    if (down && key->repeat == 0 && hotkey(sdl, key))
        return;
    input_key(sdl->input, sdl_key_code(key->keysym.scancode), down);
}

/* SDL gives positions in the picture, by the renderer's logical size. */
static void send_pointer(struct sdl *sdl, int x, int y, int dx, int dy, int wheel, int hwheel)
{
    struct pointer_event event = { .wheel = wheel, .hwheel = hwheel, .buttons = sdl->buttons };
    int width = (int)console_width(sdl->con), height = (int)console_height(sdl->con);

    if (input_is_absolute(console_input(sdl->con))) {
        event.x = width > 1 ? CLAMP(x, 0, width - 1) * POINTER_MAX / (width - 1) : 0;
        event.y = height > 1 ? CLAMP(y, 0, height - 1) * POINTER_MAX / (height - 1) : 0;
        input_pointer_absolute(sdl->input, &event);
    } else if (sdl->grabbed) {
        event.x = dx;
        event.y = dy;
        input_pointer_relative(sdl->input, &event);
    }
}

static void on_button(struct sdl *sdl, const SDL_MouseButtonEvent *button)
{
    static const unsigned bits[] = {
        [SDL_BUTTON_LEFT] = POINTER_LEFT,   [SDL_BUTTON_MIDDLE] = POINTER_MIDDLE,
        [SDL_BUTTON_RIGHT] = POINTER_RIGHT, [SDL_BUTTON_X1] = POINTER_SIDE,
        [SDL_BUTTON_X2] = POINTER_EXTRA,
    };
    bool down = button->type == SDL_MOUSEBUTTONDOWN;

    if (button->button >= G_N_ELEMENTS(bits))
        return;
    if (down && !sdl->grabbed && !input_is_absolute(console_input(sdl->con))) {
        set_grab(sdl, true); /* this click is for the window */
        return;
    }
    if (down)
        sdl->buttons |= bits[button->button];
    else
        sdl->buttons &= ~bits[button->button];
    send_pointer(sdl, button->x, button->y, 0, 0, 0, 0);
}

static void on_wheel(struct sdl *sdl, const SDL_MouseWheelEvent *wheel)
{
    int x = 0, y = 0, sign = wheel->direction == SDL_MOUSEWHEEL_FLIPPED ? -1 : 1;

    SDL_GetMouseState(&x, &y);
    send_pointer(sdl, x, y, 0, 0, wheel->y * sign, wheel->x * sign);
}

static void on_window(struct sdl *sdl, const SDL_WindowEvent *window)
{
    switch (window->event) {
    case SDL_WINDOWEVENT_EXPOSED:
    case SDL_WINDOWEVENT_SIZE_CHANGED: present(sdl); break;
    case SDL_WINDOWEVENT_FOCUS_LOST:
        input_release_keys(sdl->input);
        if (!sdl->full_screen)
            set_grab(sdl, false);
        break;
    case SDL_WINDOWEVENT_HIDDEN:
    case SDL_WINDOWEVENT_MINIMIZED: console_viewer_want(sdl->viewer, false); break;
    case SDL_WINDOWEVENT_SHOWN:
    case SDL_WINDOWEVENT_RESTORED: console_viewer_want(sdl->viewer, true); break;
    default: break;
    }
}

static void on_event(struct sdl *sdl, const SDL_Event *event)
{
    switch (event->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP: on_key(sdl, &event->key); break;
    case SDL_MOUSEMOTION:
        send_pointer(sdl, event->motion.x, event->motion.y, event->motion.xrel, event->motion.yrel,
                     0, 0);
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP: on_button(sdl, &event->button); break;
    case SDL_MOUSEWHEEL: on_wheel(sdl, &event->wheel); break;
    case SDL_WINDOWEVENT: on_window(sdl, &event->window); break;
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
        create_texture(sdl);
        on_frame(sdl);
        break;
    case SDL_QUIT:
        if (sdl->options.close != NULL)
            sdl->options.close(sdl->options.opaque);
        break;
    default: break;
    }
}

static void set_poll(struct sdl *sdl, unsigned ms)
{
    if (sdl->poll_ms == ms)
        return;
    if (sdl->poll != 0)
        g_source_remove(sdl->poll);
    sdl->poll_ms = ms;
    sdl->poll = g_timeout_add(ms, poll_events, sdl);
}

static gboolean poll_events(gpointer opaque)
{
    struct sdl *sdl = opaque;
    guint this_poll = sdl->poll;
    SDL_Event event;
    bool any = false;

    while (SDL_PollEvent(&event)) {
        on_event(sdl, &event);
        any = true;
    }
    sdl->quiet_polls = any ? 0 : sdl->quiet_polls + 1;
    set_poll(sdl, sdl->quiet_polls < BUSY_POLLS ? POLL_BUSY_MS : POLL_IDLE_MS);
    return sdl->poll == this_poll ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* ---- life ---- */

static const struct console_viewer_ops viewer_ops = {
    .resize = on_resize,
    .damage = on_damage,
    .frame = on_frame,
    .cursor_define = on_cursor_define,
    .pointer_mode = on_pointer_mode,
};

static int open_window(struct sdl *sdl, GError **err)
{
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1"); /* SIGTERM is the machine's */
    SDL_SetHint(SDL_HINT_GRAB_KEYBOARD, "1");
    if (SDL_InitSubSystem(SDL_INIT_VIDEO) < 0)
        return fail(err, ENODEV, "-display sdl: %s", SDL_GetError());
    sdl->window = SDL_CreateWindow(sdl->name, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                                   (int)console_width(sdl->con), (int)console_height(sdl->con),
                                   SDL_WINDOW_RESIZABLE);
    if (sdl->window != NULL)
        sdl->renderer = SDL_CreateRenderer(sdl->window, -1, 0);
    if (sdl->renderer == NULL)
        return fail(err, ENODEV, "-display sdl: %s", SDL_GetError());
    create_texture(sdl);
    return 0;
}

struct sdl *sdl_create(struct console *con, const char *name, const struct sdl_options *options,
                       GError **err)
{
    struct sdl *sdl = g_new0(struct sdl, 1);

    sdl->con = con;
    sdl->options = *options;
    sdl->name = g_strdup(name);
    sdl->input = input_source_create(console_input(con));
    pixman_region32_init(&sdl->damage);
    if (open_window(sdl, err) < 0) {
        sdl_destroy(sdl);
        return NULL;
    }
    sdl->viewer = console_attach(con, &viewer_ops, sdl);
    console_viewer_want(sdl->viewer, true);
    on_cursor_define(sdl);
    set_title(sdl);
    if (options->full_screen)
        set_full_screen(sdl, true);
    set_poll(sdl, POLL_BUSY_MS);
    return sdl;
}

void sdl_destroy(struct sdl *sdl)
{
    if (sdl->poll != 0)
        g_source_remove(sdl->poll);
    if (sdl->viewer != NULL)
        console_detach(sdl->viewer);
    input_source_destroy(sdl->input);
    if (sdl->cursor != NULL)
        SDL_FreeCursor(sdl->cursor);
    if (sdl->texture != NULL)
        SDL_DestroyTexture(sdl->texture);
    if (sdl->renderer != NULL)
        SDL_DestroyRenderer(sdl->renderer);
    if (sdl->window != NULL)
        SDL_DestroyWindow(sdl->window);
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    pixman_region32_fini(&sdl->damage);
    g_free(sdl->name);
    g_free(sdl->state);
    g_free(sdl);
}

void sdl_set_state(struct sdl *sdl, const char *state)
{
    g_free(sdl->state);
    sdl->state = g_strdup(state);
    set_title(sdl);
}

G_MODULE_EXPORT const struct sdl_ops hvm_dm_sdl_ops = {
    .create = sdl_create,
    .destroy = sdl_destroy,
    .set_state = sdl_set_state,
};
