#include "ui/vnc/server.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "ui/vnc/client.h"
#include "ui/vnc/listen.h"

#define FIRST_PORT           5900
#define FIRST_WEBSOCKET_PORT 5700
/* Unsent bytes that the kernel takes: what is queued here can still be replaced by newer pixels. */
#define UNSENT_BYTES         (64 * 1024)
#define PAUSE_SECONDS        1 /* when a connection cannot be accepted */

struct vnc_listener {
    struct vnc_server *server;
    int fd;
    bool websocket;
    char *path;   /* of a UNIX socket, to be removed at the end */
    guint source; /* waits for a connection, or for the end of a pause */
};

/* ---- listening ---- */

/* Bytes go out at once (there is one flush for each update), and are not hoarded by the kernel;
   neither matters where the socket is not TCP. */
static void tune(int fd)
{
    int on = 1, unsent = UNSENT_BYTES;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

static gboolean on_connection(gint listening, GIOCondition condition, gpointer opaque);

static gboolean listen_again(gpointer opaque)
{
    struct vnc_listener *listener = opaque;

    listener->source = g_unix_fd_add(listener->fd, G_IO_IN, on_connection, listener);
    return G_SOURCE_REMOVE;
}

/* No descriptor is free, most likely: the socket would be readable all the time. */
static void pause_listening(struct vnc_listener *listener, int error)
{
    static struct log_limit limit;

    if (log_limited(&limit))
        log_warn("vnc: accept: %s", g_strerror(error));
    listener->source = g_timeout_add_seconds(PAUSE_SECONDS, listen_again, listener);
}

static gboolean on_connection(gint listening, GIOCondition condition, gpointer opaque)
{
    struct vnc_listener *listener = opaque;
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return G_SOURCE_CONTINUE;
    if (fd < 0) {
        pause_listening(listener, errno);
        return G_SOURCE_REMOVE;
    }
    tune(fd);
    vnc_server_make_room(listener->server);
    vnc_client_create(listener->server, fd, listener->websocket, false);
    return G_SOURCE_CONTINUE;
}

static void add_listener(struct vnc_server *server, int fd, bool websocket, const char *path)
{
    struct vnc_listener *listener = g_new0(struct vnc_listener, 1);

    listener->server = server;
    listener->fd = fd;
    listener->websocket = websocket;
    listener->path = g_strdup(path);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    listener->source = g_unix_fd_add(fd, G_IO_IN, on_connection, listener);
    g_ptr_array_add(server->listeners, listener);
}

static void free_listener(gpointer opaque)
{
    struct vnc_listener *listener = opaque;

    g_source_remove(listener->source);
    if (listener->path != NULL)
        unlink(listener->path);
    close(listener->fd);
    g_free(listener->path);
    g_free(listener);
}

static int family_of(const struct vnc_config *config)
{
    if (config->ipv4 == config->ipv6)
        return AF_UNSPEC;
    return config->ipv6 ? AF_INET6 : AF_INET;
}

static int listen_rfb(struct vnc_server *server, GError **err)
{
    const struct vnc_config *config = &server->config;
    int fd;

    if (config->listen_fd >= 0) {
        add_listener(server, config->listen_fd, false, NULL);
        return 0;
    }
    if (config->is_unix)
        fd = vnc_listen_unix(config->address, err);
    else
        fd = vnc_listen_tcp(config->address, FIRST_PORT + config->display,
                            FIRST_PORT + MAX(config->to, config->display), family_of(config), err);
    if (fd < 0)
        return fd;
    add_listener(server, fd, false, config->is_unix ? config->address : NULL);
    return 0;
}

static int listen_websocket(struct vnc_server *server, GError **err)
{
    const struct vnc_config *config = &server->config;
    const char *host = config->websocket_address;
    unsigned first = config->websocket_port, last = first;

    if (host == NULL)
        host = config->is_unix ? "" : config->address;
    if (first == 0) {
        first = FIRST_WEBSOCKET_PORT + config->display;
        last = FIRST_WEBSOCKET_PORT + MAX(config->to, config->display);
    }
    int fd = vnc_listen_tcp(host, first, last, family_of(config), err);
    if (fd < 0)
        return fd;
    add_listener(server, fd, true, NULL);
    return 0;
}

static int open_web_root(struct vnc_server *server, GError **err)
{
    const char *path = server->config.web_root;

    if (path == NULL)
        return 0;
    server->web_root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (server->web_root_fd < 0)
        return fail_errno(err, errno, "-vnc: web-root=%s", path);
    return 0;
}

/* ---- life ---- */

static void copy_config(struct vnc_config *to, const struct vnc_config *from)
{
    *to = *from;
    to->address = g_strdup(from->address);
    to->websocket_address = g_strdup(from->websocket_address);
    to->web_root = g_strdup(from->web_root);
    to->tls_creds = g_strdup(from->tls_creds);
    to->keymap = g_strdup(from->keymap);
    to->id = g_strdup(from->id != NULL ? from->id : "default");
}

static int start(struct vnc_server *server, GError **err)
{
    const struct vnc_config *config = &server->config;
    const char *keymap = config->keymap != NULL ? config->keymap : "en-us";
    int rc;

    server->keymap = keymap_find(keymap);
    if (server->keymap == NULL)
        return fail(err, EINVAL, "-k %s: there is no such key map; known are %s", keymap,
                    keymap_names());
    rc = open_web_root(server, err);
    if (rc == 0 && config->address != NULL)
        rc = listen_rfb(server, err);
    if (rc == 0 && config->address != NULL && config->websocket)
        rc = listen_websocket(server, err);
    return rc;
}

struct vnc_server *vnc_server_create(const struct vnc_config *config, struct console *con,
                                     struct vnc_tls_creds *creds, GError **err)
{
    struct vnc_server *server = g_new0(struct vnc_server, 1);

    copy_config(&server->config, config);
    server->name = g_strdup("hvm-dm");
    server->creds = creds;
    server->con = con;
    server->web_root_fd = -1;
    server->password_ends = INT64_MAX;
    server->listeners = g_ptr_array_new_with_free_func(free_listener);
    server->clients = g_ptr_array_new();
    pixman_region32_init(&server->damage);
    if (start(server, err) == 0)
        return server;
    vnc_server_destroy(server);
    return NULL;
}

void vnc_server_destroy(struct vnc_server *server)
{
    g_ptr_array_free(server->listeners, TRUE);
    while (server->clients->len > 0)
        vnc_client_destroy(g_ptr_array_index(server->clients, 0));
    g_ptr_array_free(server->clients, TRUE);
    if (server->web_root_fd >= 0)
        close(server->web_root_fd);
    pixman_region32_fini(&server->damage);
    g_free(server->password);
    g_free(server->name);
    vnc_config_clear(&server->config);
    g_free(server);
}

/* ---- clients ---- */

static struct vnc_client *client_at(const struct vnc_server *server, guint i)
{
    return g_ptr_array_index(server->clients, i);
}

void vnc_server_forget(struct vnc_server *server, struct vnc_client *client)
{
    g_ptr_array_remove(server->clients, client);
    for (guint i = 0; i < server->clients->len; i++) {
        struct vnc_client *other = client_at(server, i);

        if (other->ready)
            return;
    }
    if (server->viewer != NULL)
        vnc_server_unwatch(server);
}

void vnc_server_drop_others(struct vnc_server *server, const struct vnc_client *keep)
{
    for (guint i = 0; i < server->clients->len; i++) {
        struct vnc_client *client = client_at(server, i);

        if (client != keep && client->ready)
            vnc_client_close(client, "another client wants the screen for itself");
    }
}

void vnc_server_make_room(struct vnc_server *server)
{
    struct vnc_client *oldest = NULL;
    unsigned unknown = 0;

    for (guint i = 0; i < server->clients->len; i++) {
        struct vnc_client *client = client_at(server, i);

        if (client->ready || client->closing)
            continue;
        unknown++;
        if (oldest == NULL)
            oldest = client;
    }
    if (oldest != NULL && (unknown >= VNC_MAX_UNKNOWN || server->clients->len >= VNC_MAX_CLIENTS))
        vnc_client_destroy(oldest);
}

void vnc_add_client(struct vnc_server *server, int fd, bool skip_auth)
{
    tune(fd);
    vnc_server_make_room(server);
    vnc_client_create(server, fd, false, skip_auth);
}

/* ---- the screen ---- */

static void on_resize(void *opaque)
{
    struct vnc_server *server = opaque;
    unsigned width = console_width(server->con), height = console_height(server->con);

    vnc_shadow_unref(server->shadow);
    server->shadow = vnc_shadow_create(width, height);
    pixman_region32_clear(&server->damage);
    for (guint i = 0; i < server->clients->len; i++) {
        struct vnc_client *client = client_at(server, i);

        if (!client->ready)
            continue;
        pixman_region32_clear(&client->dirty);
        pixman_region32_union_rect(&client->dirty, &client->dirty, 0, 0, width, height);
        vnc_client_tell(client, VNC_TELL_SIZE);
    }
}

static void on_damage(void *opaque, int x, int y, int w, int h)
{
    struct vnc_server *server = opaque;

    vnc_region_add(&server->damage, x, y, (unsigned)w, (unsigned)h);
}

static void tell_all(struct vnc_server *server, unsigned what)
{
    for (guint i = 0; i < server->clients->len; i++) {
        struct vnc_client *client = client_at(server, i);

        if (!client->ready || client->closing)
            continue;
        vnc_client_tell(client, what);
        vnc_update_send(client);
    }
}

static void on_frame(void *opaque)
{
    vnc_server_refresh(opaque);
}

static void on_cursor_define(void *opaque)
{
    tell_all(opaque, VNC_TELL_CURSOR);
}

static void on_pointer_mode(void *opaque, bool absolute)
{
    tell_all(opaque, VNC_TELL_POINTER_TYPE);
}

static void on_leds(void *opaque, unsigned leds)
{
    tell_all(opaque, VNC_TELL_LEDS);
}

static const struct console_viewer_ops viewer_ops = {
    .resize = on_resize,
    .damage = on_damage,
    .frame = on_frame,
    .cursor_define = on_cursor_define,
    .pointer_mode = on_pointer_mode,
    .leds = on_leds,
};

void vnc_server_watch(struct vnc_server *server)
{
    unsigned width, height;

    if (server->viewer != NULL)
        return;
    server->scratch = g_new(struct vnc_scratch, 1);
    server->worker = g_thread_pool_new(vnc_update_encode, server->scratch, 1, TRUE, NULL);
    server->shadow = vnc_shadow_create(1, 1);
    server->viewer = console_attach(server->con, &viewer_ops, server);
    console_update_now(server->con);
    on_resize(server);
    width = console_width(server->con);
    height = console_height(server->con);
    on_damage(server, 0, 0, (int)width, (int)height);
}

void vnc_server_unwatch(struct vnc_server *server)
{
    console_detach(server->viewer);
    server->viewer = NULL;
    /* Waits for the end of a slice, some milliseconds; the worker never waits for anybody. */
    g_thread_pool_free(server->worker, FALSE, TRUE);
    server->worker = NULL;
    g_free(server->scratch);
    server->scratch = NULL;
    vnc_shadow_unref(server->shadow);
    server->shadow = NULL;
    pixman_region32_clear(&server->damage);
}

static bool anyone_wants(const struct vnc_server *server)
{
    for (guint i = 0; i < server->clients->len; i++) {
        struct vnc_client *client = client_at(server, i);

        if (vnc_update_wanted(client))
            return true;
    }
    return false;
}

/* A scrolled screen is told by a copy where a client understands it. */
static void look_for_scroll(struct vnc_server *server)
{
    pixman_box32_t to;
    int dy;

    if (!vnc_shadow_scroll(server->shadow, console_surface(server->con),
                           pixman_region32_extents(&server->damage), &to, &dy))
        return;
    for (guint i = 0; i < server->clients->len; i++) {
        struct vnc_client *client = client_at(server, i);

        if (client->ready && !client->closing)
            vnc_update_scroll(client, &to, dy);
    }
}

void vnc_server_refresh(struct vnc_server *server)
{
    pixman_region32_t changed;

    if (!anyone_wants(server))
        return;
    look_for_scroll(server);
    pixman_region32_init(&changed);
    vnc_shadow_update(server->shadow, console_surface(server->con), &server->damage, &changed);
    pixman_region32_clear(&server->damage);
    for (guint i = 0; i < server->clients->len; i++) {
        struct vnc_client *client = client_at(server, i);

        if (client->ready && !client->closing) {
            pixman_region32_union(&client->dirty, &client->dirty, &changed);
            vnc_update_send(client);
        }
    }
    pixman_region32_fini(&changed);
    console_viewer_want(server->viewer, anyone_wants(server));
}

void vnc_server_review(struct vnc_server *server, struct vnc_client *client)
{
    /* Damage from before anybody wanted it is not announced again. */
    if (vnc_update_wanted(client) && pixman_region32_not_empty(&server->damage))
        vnc_server_refresh(server);
    vnc_update_send(client);
    console_viewer_want(server->viewer, anyone_wants(server));
}

/* ---- settings and questions ---- */

const char *vnc_server_id(const struct vnc_server *server)
{
    return server->config.id;
}

void vnc_set_name(struct vnc_server *server, const char *name)
{
    g_free(server->name);
    server->name = g_strdup(name);
    tell_all(server, VNC_TELL_NAME);
}

int vnc_set_password(struct vnc_server *server, const char *password, GError **err)
{
    if (!server->config.password)
        return fail(err, EINVAL, "VNC %s was not started with password=on", server->config.id);
    g_free(server->password);
    server->password = password != NULL && password[0] != '\0' ? g_strdup(password) : NULL;
    return 0;
}

void vnc_expire_password(struct vnc_server *server, int64_t seconds)
{
    server->password_ends = seconds;
}

void vnc_set_event_handler(struct vnc_server *server,
                           void (*fn)(void *opaque, enum vnc_event event,
                                      const struct vnc_address *local,
                                      const struct vnc_client_info *client),
                           void *opaque)
{
    server->event = fn;
    server->event_opaque = opaque;
}

static void clear_client_info(gpointer opaque)
{
    struct vnc_client_info *info = opaque;

    vnc_address_clear(&info->peer);
    g_free(info->x509_dname);
}

static void add_client_info(struct vnc_info *info, const struct vnc_client *client)
{
    struct vnc_client_info *one;

    g_array_set_size(info->clients, info->clients->len + 1);
    one = &g_array_index(info->clients, struct vnc_client_info, info->clients->len - 1);
    *one = (struct vnc_client_info){ client->peer, client->auth, g_strdup(client->x509_dname) };
    one->peer.host = g_strdup(client->peer.host);
    one->peer.service = g_strdup(client->peer.service);
}

void vnc_query(const struct vnc_server *server, struct vnc_info *info)
{
    *info = (struct vnc_info){ .id = server->config.id, .auth = vnc_auth_name(server) };
    for (guint i = 0; i < server->listeners->len && i < G_N_ELEMENTS(info->addresses); i++) {
        const struct vnc_listener *listener = g_ptr_array_index(server->listeners, i);

        vnc_address_of_socket(&info->addresses[info->address_count++], listener->fd, false,
                              listener->websocket);
    }
    info->clients = g_array_new(FALSE, FALSE, sizeof(struct vnc_client_info));
    g_array_set_clear_func(info->clients, clear_client_info);
    for (guint i = 0; i < server->clients->len; i++) {
        struct vnc_client *client = client_at(server, i);

        if (client->ready)
            add_client_info(info, client);
    }
}

void vnc_info_clear(struct vnc_info *info)
{
    for (unsigned i = 0; i < info->address_count; i++)
        vnc_address_clear(&info->addresses[i]);
    g_array_unref(info->clients);
}
