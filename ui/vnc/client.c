#include "ui/vnc/client.h"

#include <string.h>

#include "base/log.h"
#include "ui/vnc/listen.h"

#define AUTH_SECONDS 60

static struct log_topic topic = { "vnc" };

/* ---- its end ---- */

static gboolean die(gpointer opaque)
{
    struct vnc_client *client = opaque;

    client->death = 0;
    vnc_client_destroy(client);
    return G_SOURCE_REMOVE;
}

void vnc_client_close(struct vnc_client *client, const char *why)
{
    if (client->closing)
        return;
    client->closing = true;
    log_trace(&topic, "client=%s:%s close reason=\"%s\"", client->peer.host, client->peer.service,
              why);
    input_release_keys(client->input);
    /* What was said already (why authentication failed) is still to be sent. */
    vnc_stream_set_reading(client->stream, false);
    vnc_stream_flush(client->stream);
    client->death = g_idle_add(die, client);
}

static void tell_event(struct vnc_client *client, enum vnc_event event)
{
    const struct vnc_server *server = client->server;
    struct vnc_client_info info = { client->peer, client->auth, client->x509_dname };

    if (server->event != NULL)
        server->event(server->event_opaque, event, &client->local, &info);
}

void vnc_client_destroy(struct vnc_client *client)
{
    tell_event(client, VNC_DISCONNECTED);
    vnc_update_abandon(client);
    vnc_server_forget(client->server, client);
    input_source_destroy(client->input);
    vnc_stream_destroy(client->stream);
    if (client->timer != 0)
        g_source_remove(client->timer);
    if (client->death != 0)
        g_source_remove(client->death);
    pixman_region32_fini(&client->dirty);
    pixman_region32_fini(&client->requested);
    pixman_region32_fini(&client->continuous_area);
    g_byte_array_unref(client->deferred);
    vnc_address_clear(&client->local);
    vnc_address_clear(&client->peer);
    g_free(client->x509_dname);
    g_free(client);
}

/* ---- its stream ---- */

/* Handles all complete messages; they are forgotten together, which takes one move. */
static void on_input(void *opaque)
{
    struct vnc_client *client = opaque;
    size_t n, used = 0;
    const uint8_t *data = vnc_stream_input(client->stream, &n);

    while (used < n && !client->closing) {
        size_t length = client->handler(client, data + used, n - used);

        if (length == 0)
            break;
        used += length;
    }
    vnc_stream_consume(client->stream, used);
    if (!client->closing && client->ready)
        vnc_server_review(client->server, client);
    vnc_stream_flush(client->stream);
}

static void on_secured(void *opaque)
{
    struct vnc_client *client = opaque;

    client->x509_dname = vnc_stream_peer_name(client->stream);
    vnc_auth_secured(client);
}

static void on_drained(void *opaque)
{
    struct vnc_client *client = opaque;

    if (client->closing || !client->ready)
        return;
    vnc_stream_set_reading(client->stream, true);
    vnc_update_continue(client);
}

static void on_closed(void *opaque)
{
    static struct log_limit limit;
    struct vnc_client *client = opaque;

    if (vnc_stream_is_handshaking(client->stream) && log_limited(&limit))
        log_warn("vnc: client=%s:%s %s", client->peer.host, client->peer.service,
                 vnc_stream_reason(client->stream));
    vnc_client_close(client, vnc_stream_reason(client->stream));
}

static const struct vnc_stream_ops stream_ops = { on_input, on_secured, on_drained, on_closed };

void vnc_client_send(struct vnc_client *client, const void *data, size_t n)
{
    if (client->job != NULL) {
        g_byte_array_append(client->deferred, data, (guint)n);
        return;
    }
    vnc_stream_write(client->stream, data, n);
}

/* ---- its beginning ---- */

static gboolean too_slow(gpointer opaque)
{
    struct vnc_client *client = opaque;

    client->timer = 0;
    vnc_client_close(client, "authentication took too long");
    return G_SOURCE_REMOVE;
}

struct vnc_client *vnc_client_create(struct vnc_server *server, int fd, bool websocket,
                                     bool skip_auth)
{
    struct vnc_client *client = g_new0(struct vnc_client, 1);

    log_topic_register(&topic);
    client->server = server;
    client->websocket = websocket;
    client->skip_auth = skip_auth;
    client->auth = skip_auth ? "none" : vnc_auth_name(server);
    vnc_address_of_socket(&client->local, fd, false, websocket);
    vnc_address_of_socket(&client->peer, fd, true, websocket);
    client->stream = vnc_stream_create(fd, &stream_ops, client);
    client->input = input_source_create(console_input(server->con));
    client->settings = (struct vnc_settings){ vnc_native_format, VNC_ENCODING_RAW,
                                              VNC_DEFAULT_COMPRESSION, -1 };
    client->encoder = vnc_encoder_create();
    client->deferred = g_byte_array_new();
    pixman_region32_init(&client->dirty);
    pixman_region32_init(&client->requested);
    pixman_region32_init(&client->continuous_area);
    g_ptr_array_add(server->clients, client);
    client->timer = g_timeout_add_seconds(AUTH_SECONDS, too_slow, client);
    log_trace(&topic, "client=%s:%s connected", client->peer.host, client->peer.service);
    tell_event(client, VNC_CONNECTED);
    vnc_auth_start(client);
    return client;
}

void vnc_client_become_ready(struct vnc_client *client, bool shared)
{
    g_source_remove(client->timer);
    client->timer = 0;
    client->ready = true;
    client->handler = vnc_message;
    vnc_server_watch(client->server);
    client->width = vnc_shadow_width(client->server->shadow);
    client->height = vnc_shadow_height(client->server->shadow);
    pixman_region32_union_rect(&client->dirty, &client->dirty, 0, 0, client->width, client->height);
    if (!shared && client->server->config.share == VNC_SHARE_ALLOW_EXCLUSIVE)
        vnc_server_drop_others(client->server, client);
    tell_event(client, VNC_INITIALIZED);
}

/* What a client must be able to understand to be told. */
static const struct {
    unsigned what, needs;
} needs[] = {
    { VNC_TELL_SIZE, VNC_CAN_RESIZE | VNC_CAN_EXT_RESIZE },
    { VNC_TELL_RESIZE_REPLY, VNC_CAN_EXT_RESIZE },
    { VNC_TELL_CURSOR, VNC_CAN_CURSOR },
    { VNC_TELL_POINTER_TYPE, VNC_CAN_POINTER_TYPE },
    { VNC_TELL_EXT_KEY, VNC_CAN_EXT_KEY },
    { VNC_TELL_LEDS, VNC_CAN_LEDS },
    { VNC_TELL_NAME, VNC_CAN_NAME },
};

void vnc_client_tell(struct vnc_client *client, unsigned what)
{
    for (size_t i = 0; i < G_N_ELEMENTS(needs); i++) {
        if ((what & needs[i].what) && (client->can & needs[i].needs))
            client->tell |= needs[i].what;
    }
}
