/*
 * Inside the server: what its files share.
 */
#ifndef UI_VNC_SERVER_H
#define UI_VNC_SERVER_H

#include "ui/keymap.h"
#include "ui/vnc/encode.h"
#include "ui/vnc/shadow.h"
#include "ui/vnc/vnc.h"

/*
 * Connections at a time, and of these, not yet past authentication, before the oldest of the latter
 * has to go for the next one. Who is past authentication is never sent away.
 */
#define VNC_MAX_CLIENTS 128
#define VNC_MAX_UNKNOWN 32

struct vnc_server {
    struct vnc_config config;
    char *name;
    const struct keymap *keymap;
    struct vnc_tls_creds *creds; /* NULL: no TLS */
    int web_root_fd;             /* -1: none */
    GPtrArray *listeners;        /* of struct vnc_listener */

    char *password; /* NULL: none is accepted */
    int64_t password_ends;

    void (*event)(void *opaque, enum vnc_event event, const struct vnc_address *local,
                  const struct vnc_client_info *client);
    void *event_opaque;

    struct console *con;
    GPtrArray *clients; /* of struct vnc_client */

    /* While there are clients past authentication: */
    struct console_viewer *viewer;
    struct vnc_shadow *shadow;
    pixman_region32_t damage; /* not yet in the shadow */
    struct vnc_scratch *scratch;
    GThreadPool *worker; /* one thread: encodes slices of jobs */
};

/* A client became one that wants pictures; the last of these went. */
void vnc_server_watch(struct vnc_server *server);
void vnc_server_unwatch(struct vnc_server *server);
/* Brings the shadow up to date and sends what can be sent. */
void vnc_server_refresh(struct vnc_server *server);
struct vnc_client;
/* A client may now want an update, or be able to take one: sends it, from a fresh shadow. */
void vnc_server_review(struct vnc_server *server, struct vnc_client *client);
/* Adds a rectangle; a region that gets too complex becomes the box around it. */
void vnc_region_add(pixman_region32_t *region, int x, int y, unsigned width, unsigned height);
/* Takes the client off the list; it is freed by the caller. */
void vnc_server_forget(struct vnc_server *server, struct vnc_client *client);
/* Another client wants the screen for itself. */
void vnc_server_drop_others(struct vnc_server *server, const struct vnc_client *keep);
/* Too many connections: the oldest that is not past authentication goes. */
void vnc_server_make_room(struct vnc_server *server);

#endif
