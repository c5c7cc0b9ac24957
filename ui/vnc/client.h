/*
 * One connection of a viewer.
 */
#ifndef UI_VNC_CLIENT_H
#define UI_VNC_CLIENT_H

#include "ui/vnc/server.h"
#include "ui/vnc/stream.h"

struct vnc_client;

/*
 * Understands one message at the start of n bytes (at least 1). Returns its length, or 0 when it
 * is not complete or the connection is to end (vnc_client_close()).
 */
typedef size_t vnc_handler(struct vnc_client *client, const uint8_t *data, size_t n);

/* What a client said it understands, by SetEncodings. */
enum {
    VNC_CAN_RESIZE = 1 << 0,
    VNC_CAN_EXT_RESIZE = 1 << 1,
    VNC_CAN_CURSOR = 1 << 2,
    VNC_CAN_POINTER_TYPE = 1 << 3,
    VNC_CAN_EXT_KEY = 1 << 4,
    VNC_CAN_LEDS = 1 << 5,
    VNC_CAN_NAME = 1 << 6,
    VNC_CAN_CONTINUOUS = 1 << 7,
    VNC_CAN_FENCE = 1 << 8,
    VNC_CAN_COPYRECT = 1 << 9,
};

/* What the client is to be told, apart from pixels. Said in the order of the bits. */
enum {
    VNC_TELL_SIZE = 1 << 0,         /* the screen has another size than the client knows */
    VNC_TELL_RESIZE_REPLY = 1 << 1, /* SetDesktopSize is answered */
    VNC_TELL_CURSOR = 1 << 2,
    VNC_TELL_POINTER_TYPE = 1 << 3,
    VNC_TELL_EXT_KEY = 1 << 4,
    VNC_TELL_LEDS = 1 << 5,
    VNC_TELL_NAME = 1 << 6,
};

#define VNC_KEYS_HELD 32

struct vnc_job;

struct vnc_client {
    struct vnc_server *server;
    struct vnc_stream *stream;
    vnc_handler *handler;
    bool websocket;
    bool skip_auth;
    bool ready; /* past ClientInit */
    bool closing;
    guint timer; /* ends the connection when authentication takes too long */
    guint death; /* the idle callback that frees it */

    struct vnc_address local, peer;
    char *x509_dname;
    unsigned minor; /* RFB 3.minor: 3, 7 or 8 */
    bool vnc_auth;  /* a password is asked for, inside TLS or not */
    uint8_t challenge[16];
    const char *auth; /* its name for query-vnc */

    unsigned can, tell;
    struct vnc_settings settings;
    unsigned width, height; /* of the screen, as the client knows it */
    uint8_t resize_status;
    size_t skip; /* bytes of a cut text that are still to come */

    pixman_region32_t dirty;     /* the client's picture is out of date here */
    pixman_region32_t requested; /* it asked for this */
    pixman_region32_t continuous_area;
    bool continuous;
    pixman_box32_t copied; /* empty, or: the next update begins with a copy to here, ... */
    int copied_dy;         /* ... from so many rows further down */
    struct vnc_encoder *encoder;
    struct vnc_job *job;  /* an update that is being encoded */
    GByteArray *deferred; /* messages that wait for the end of the update */

    struct input_source *input;
    uint8_t buttons;
    bool has_position;
    int last_x, last_y; /* of the pointer */
    struct {
        uint32_t keysym;
        uint16_t code;
    } held[VNC_KEYS_HELD]; /* by keysym; code 0: free */
};

/* A client on a connected socket, which it takes over; it is on the server's list. */
struct vnc_client *vnc_client_create(struct vnc_server *server, int fd, bool websocket,
                                     bool skip_auth);
/* Frees it at once; otherwise it closes itself. */
void vnc_client_destroy(struct vnc_client *client);
/* Ends the connection soon; nothing more is handled. why: for the log. */
void vnc_client_close(struct vnc_client *client, const char *why);
/* ClientInit was understood: the client sees the screen from now on. */
void vnc_client_become_ready(struct vnc_client *client, bool shared);

/* Sends a message between updates. */
void vnc_client_send(struct vnc_client *client, const void *data, size_t n);
/* Tells (VNC_TELL_*), if the client can understand it, with the next update. */
void vnc_client_tell(struct vnc_client *client, unsigned what);

/* auth.c: the first handler, which leads to vnc_message(). Sends the greeting. */
void vnc_auth_start(struct vnc_client *client);
void vnc_auth_secured(struct vnc_client *client); /* TLS is established */
/* What query-vnc calls the server's way of authentication. */
const char *vnc_auth_name(const struct vnc_server *server);

/* messages.c: the handler of all messages after ClientInit. */
vnc_handler vnc_message;

/* keys.c, pointer.c: input events as they come from the wire. */
void vnc_key_event(struct vnc_client *client, uint32_t keysym, bool down);
void vnc_ext_key_event(struct vnc_client *client, uint32_t keysym, uint32_t xt, bool down);
void vnc_pointer_event(struct vnc_client *client, uint8_t buttons, unsigned x, unsigned y);

/* update.c */
bool vnc_update_wanted(const struct vnc_client *client);
/* Sends what is to be said and shown, as far as the client asked for it and can take it. */
void vnc_update_send(struct vnc_client *client);
/*
 * What is to be shown at `to` the client shows dy rows further down: it is told to copy, if it can
 * and its picture is up to date, by the vnc_update_send() that must follow at once. Else these
 * pixels are out of date.
 */
void vnc_update_scroll(struct vnc_client *client, const pixman_box32_t *to, int dy);
/* The client's socket takes more. */
void vnc_update_continue(struct vnc_client *client);
/* The worker's function: encodes a slice of a job. */
void vnc_update_encode(gpointer job, gpointer scratch);
void vnc_update_abandon(struct vnc_client *client);

/* pseudo.c: appends the rectangles for `what` and returns how many these are. */
unsigned vnc_put_pseudo_rects(struct vnc_client *client, unsigned what, GByteArray *out);

#endif
