/*
 * The VNC server: RFB 3.3, 3.7 and 3.8 (RFC 6143, and the extensions registered in the community's
 * "rfbproto" document) for one console.
 *
 * All calls with the machine lock held.
 */
#ifndef UI_VNC_VNC_H
#define UI_VNC_VNC_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "ui/console.h"

/* ---- TLS ---- */

struct vnc_tls_creds;

/*
 * Loads what -object tls-creds-x509 or tls-creds-anon names. x509: dir holds ca-cert.pem,
 * server-cert.pem and server-key.pem (and perhaps ca-crl.pem); verify_peer: a client must show a
 * certificate that the CA signed. sanity_check: refuse a certificate that a careful viewer would
 * refuse, too: expired, of another CA, not meant for servers. anon: encrypts, but nobody proves who
 * he is. NULL with *err on failure.
 */
struct vnc_tls_creds *vnc_tls_creds_x509(const char *dir, bool verify_peer, bool sanity_check,
                                         GError **err);
struct vnc_tls_creds *vnc_tls_creds_anon(GError **err);
void vnc_tls_creds_free(struct vnc_tls_creds *creds);

/* ---- the option -vnc ---- */

enum vnc_share { VNC_SHARE_ALLOW_EXCLUSIVE, VNC_SHARE_FORCE_SHARED, VNC_SHARE_IGNORE };

struct vnc_config {
    char *address;    /* of an interface, "" for all; a path; NULL: no server ("none") */
    bool is_unix;     /* address is the path of a socket */
    int listen_fd;    /* a listening socket that somebody opened; -1: none */
    unsigned display; /* the port is 5900 + display */
    unsigned to;      /* try displays up to this one; 0: only display */
    bool ipv4, ipv6;  /* only this family, when set */

    bool websocket;          /* also listen for browsers */
    char *websocket_address; /* NULL: as address */
    unsigned websocket_port; /* 0: 5700 + display */
    char *web_root;          /* files served to browsers (noVNC); NULL: none */

    bool password;      /* none is accepted until one is set */
    char *tls_creds;    /* the id of a creds object, which the caller resolves; NULL: no TLS */
    bool lock_key_sync; /* press Caps Lock and Num Lock when a client's keysyms ask for it */
    bool lossy;         /* JPEG even where the client did not ask for it */
    enum vnc_share share;
    char *keymap; /* of -k; NULL: en-us */
    char *id;     /* NULL: "default" */
};

/*
 * Reads the argument of -vnc: HOST:DISPLAY, unix:PATH, fd:N or none, then options:
 * to=N password=on|off websocket=on|off|PORT|HOST:PORT web-root=DIR tls-creds=ID share=POLICY
 * lock-key-sync=on|off lossy=on|off keymap=NAME ipv4=on|off ipv6=on|off id=NAME; key-delay-ms=N
 * and non-adaptive=on|off are accepted and need nothing. -EINVAL with *err. The caller clears
 * config in any case. (-ERANGE, too: to= is below the display.)
 */
int vnc_config_parse(const char *arg, struct vnc_config *config, GError **err);
void vnc_config_clear(struct vnc_config *config);

/* ---- the server ---- */

struct vnc_server;

/*
 * Listens as configured (config is copied). creds: for config->tls_creds, else NULL; the caller
 * keeps it until the server is gone. NULL with *err when an address, a key map or an fd is no good.
 */
struct vnc_server *vnc_server_create(const struct vnc_config *config, struct console *con,
                                     struct vnc_tls_creds *creds, GError **err);
/* Closes all connections. */
void vnc_server_destroy(struct vnc_server *server);

/* What -vnc id= named it. */
const char *vnc_server_id(const struct vnc_server *server);

/* The name that viewers show; "hvm-dm" at first. */
void vnc_set_name(struct vnc_server *server, const char *name);

/*
 * Sets the password; only its first 8 characters count (the protocol's limit). NULL or "": none is
 * accepted. -EINVAL: the server was not configured with password=on.
 */
int vnc_set_password(struct vnc_server *server, const char *password, GError **err);
/* From this time (seconds since the epoch) on no password is accepted; INT64_MAX: never ends. */
void vnc_expire_password(struct vnc_server *server, int64_t seconds);

/* Takes over a connected socket (QMP add_client). skip_auth: without a password. */
void vnc_add_client(struct vnc_server *server, int fd, bool skip_auth);

/* ---- questions: query-vnc, query-vnc-servers and the VNC_* events ---- */

struct vnc_address {
    const char *family; /* "ipv4", "ipv6", "unix", "unknown" */
    char *host;         /* numeric address; "" for unix */
    char *service;      /* port number as a string, or path */
    bool websocket;
};

struct vnc_client_info {
    struct vnc_address peer;
    const char *auth; /* as below */
    char *x509_dname; /* of the client's certificate; NULL: none */
};

/*
 * What query-vnc says. auth: "none", "vnc", "invalid" (a password is needed and none is set is
 * still "vnc"), or "vencrypt+tls+none", "vencrypt+tls+vnc", "vencrypt+x509+none" ...
 */
struct vnc_info {
    const char *id;
    const char *auth;
    unsigned address_count; /* 1, or 2 with a websocket; 0 when a listening fd has none */
    struct vnc_address addresses[4];
    GArray *clients; /* of struct vnc_client_info, those past authentication */
};

void vnc_query(const struct vnc_server *server, struct vnc_info *info);
void vnc_info_clear(struct vnc_info *info);

enum vnc_event { VNC_CONNECTED, VNC_INITIALIZED, VNC_DISCONNECTED };

/* fn hears of every client; info and its strings are valid during the call. NULL: nobody does. */
void vnc_set_event_handler(struct vnc_server *server,
                           void (*fn)(void *opaque, enum vnc_event event,
                                      const struct vnc_address *local,
                                      const struct vnc_client_info *client),
                           void *opaque);

#endif
