/*
 * Framebuffer updates: from a client's dirty region to bytes on its socket.
 *
 * An update is a job: a list of rectangles that the worker thread encodes slice by slice, each
 * about SLICE_BYTES of output. The next slice is asked for when the socket has taken the one
 * before. So a slow client holds no more memory than a slice, and its pixels are read from the
 * shadow as late as possible.
 */
#include "ui/vnc/client.h"

#include "base/bytes.h"
#include "base/loop.h"

#define SLICE_BYTES   (64 * 1024)
/* Output that may wait while another slice is encoded. */
#define PENDING_BYTES (16 * 1024)
/* A region of more boxes than this becomes the box around it; cut into rectangles it has fewer than
   the 65535 that an update can have. */
#define MAX_BOXES     512

struct vnc_job {
    struct vnc_client *client; /* NULL: it has gone */
    struct vnc_server *server; /* valid while client is */
    struct vnc_encoder *encoder;
    struct vnc_settings settings;
    struct vnc_shadow *shadow;
    GArray *boxes; /* pixman_box32_t */
    guint next;    /* of boxes */
    GByteArray *out;
    bool encoding;  /* with the worker, or on the way from it */
    gint abandoned; /* atomic: the worker need not bother */
};

static void free_job(struct vnc_job *job)
{
    vnc_shadow_unref(job->shadow);
    g_array_unref(job->boxes);
    g_byte_array_unref(job->out);
    g_free(job);
}

/* ---- slices ---- */

static void slice_done(void *opaque);

void vnc_update_encode(gpointer opaque, gpointer scratch)
{
    struct vnc_job *job = opaque;

    if (job->next == 0)
        vnc_encoder_set(job->encoder, &job->settings);
    while (job->next < job->boxes->len && job->out->len < SLICE_BYTES &&
           !g_atomic_int_get(&job->abandoned)) {
        const pixman_box32_t *box = &g_array_index(job->boxes, pixman_box32_t, job->next++);

        vnc_encode_rect(job->encoder, scratch, job->shadow, box, job->out);
    }
    loop_call(slice_done, job);
}

static void start_slice(struct vnc_job *job)
{
    job->encoding = true;
    g_thread_pool_push(job->server->worker, job, NULL);
}

static bool can_take_more(const struct vnc_client *client)
{
    return vnc_stream_pending(client->stream) <= PENDING_BYTES;
}

static void end_job(struct vnc_client *client)
{
    GByteArray *deferred = client->deferred;

    free_job(client->job);
    client->job = NULL;
    vnc_stream_write(client->stream, deferred->data, deferred->len);
    g_byte_array_set_size(deferred, 0);
    vnc_stream_set_reading(client->stream, true);
    vnc_server_review(client->server, client);
}

static void slice_done(void *opaque)
{
    struct vnc_job *job = opaque;
    struct vnc_client *client = job->client;

    job->encoding = false;
    if (client == NULL) {
        vnc_encoder_destroy(job->encoder);
        free_job(job);
        return;
    }
    vnc_stream_write(client->stream, job->out->data, job->out->len);
    g_byte_array_set_size(job->out, 0);
    vnc_stream_flush(client->stream);
    if (client->closing)
        return;
    if (job->next == job->boxes->len)
        end_job(client);
    else if (can_take_more(client))
        start_slice(job);
}

void vnc_update_continue(struct vnc_client *client)
{
    struct vnc_job *job = client->job;

    if (job == NULL)
        vnc_server_review(client->server, client);
    else if (!job->encoding && can_take_more(client))
        start_slice(job);
}

void vnc_update_abandon(struct vnc_client *client)
{
    struct vnc_job *job = client->job;

    client->job = NULL;
    if (job != NULL && job->encoding) {
        job->client = NULL; /* slice_done() frees it, and the encoder that it uses */
        g_atomic_int_set(&job->abandoned, 1);
        return;
    }
    if (job != NULL)
        free_job(job);
    vnc_encoder_destroy(client->encoder);
}

/* ---- what to send ---- */

bool vnc_update_wanted(const struct vnc_client *client)
{
    if (!client->ready || client->closing || client->job != NULL || !can_take_more(client))
        return false;
    return client->continuous ||
           pixman_region32_not_empty((pixman_region32_t *)(uintptr_t)&client->requested);
}

static void simplify(pixman_region32_t *region)
{
    pixman_box32_t box = *pixman_region32_extents(region);

    if (pixman_region32_n_rects(region) <= MAX_BOXES)
        return;
    pixman_region32_fini(region);
    pixman_region32_init_with_extents(region, &box);
}

void vnc_region_add(pixman_region32_t *region, int x, int y, unsigned width, unsigned height)
{
    pixman_region32_union_rect(region, region, x, y, width, height);
    simplify(region);
}

/* What the client asked for, is out of date there, and exists on both sides. */
static void region_to_send(struct vnc_client *client, pixman_region32_t *region)
{
    struct vnc_shadow *shadow = client->server->shadow;
    unsigned width = MIN(client->width, vnc_shadow_width(shadow));
    unsigned height = MIN(client->height, vnc_shadow_height(shadow));

    pixman_region32_copy(region, &client->requested);
    if (client->continuous)
        pixman_region32_union(region, region, &client->continuous_area);
    pixman_region32_intersect(region, region, &client->dirty);
    pixman_region32_intersect_rect(region, region, 0, 0, width, height);
    simplify(region);
}

static bool asked_for(struct vnc_client *client, const pixman_box32_t *box)
{
    pixman_box32_t wanted = *box;

    return pixman_region32_contains_rectangle(&client->requested, &wanted) == PIXMAN_REGION_IN ||
           (client->continuous && pixman_region32_contains_rectangle(&client->continuous_area,
                                                                     &wanted) == PIXMAN_REGION_IN);
}

void vnc_update_scroll(struct vnc_client *client, const pixman_box32_t *to, int dy)
{
    unsigned width = vnc_shadow_width(client->server->shadow);
    unsigned height = vnc_shadow_height(client->server->shadow);

    if (vnc_update_wanted(client) && (client->can & VNC_CAN_COPYRECT) && asked_for(client, to) &&
        !pixman_region32_not_empty(&client->dirty) && client->width == width &&
        client->height == height) {
        client->copied = *to;
        client->copied_dy = dy;
        return;
    }
    pixman_region32_union_rect(&client->dirty, &client->dirty, to->x1, to->y1,
                               (unsigned)(to->x2 - to->x1), (unsigned)(to->y2 - to->y1));
}

static struct vnc_job *create_job(struct vnc_client *client, pixman_region32_t *region)
{
    struct vnc_job *job = g_new0(struct vnc_job, 1);

    job->client = client;
    job->server = client->server;
    job->encoder = client->encoder;
    job->settings = client->settings;
    job->shadow = vnc_shadow_ref(client->server->shadow);
    job->boxes = g_array_new(FALSE, FALSE, sizeof(pixman_box32_t));
    job->out = g_byte_array_new();
    vnc_split_region(region, job->boxes);
    return job;
}

static void put_update_header(GByteArray *out, unsigned rects)
{
    uint8_t header[4] = { 0 };

    put_be16(header + 2, (uint16_t)rects);
    g_byte_array_append(out, header, sizeof(header));
}

/* A new size goes alone: what follows it is in the new coordinates. */
static void send_size(struct vnc_client *client)
{
    g_autoptr(GByteArray) message = g_byte_array_new();
    unsigned what = client->tell & (VNC_TELL_SIZE | VNC_TELL_RESIZE_REPLY);

    if (what == 0)
        return;
    client->tell &= ~what;
    client->width = vnc_shadow_width(client->server->shadow);
    client->height = vnc_shadow_height(client->server->shadow);
    put_update_header(message, (unsigned)__builtin_popcount(what));
    vnc_put_pseudo_rects(client, what, message);
    vnc_stream_write(client->stream, message->data, message->len);
}

static void put_copy(struct vnc_client *client, GByteArray *out)
{
    uint8_t source[4];

    vnc_put_rect_header(out, &client->copied, VNC_ENCODING_COPYRECT);
    put_be16(source, (uint16_t)client->copied.x1);
    put_be16(source + 2, (uint16_t)(client->copied.y1 + client->copied_dy));
    g_byte_array_append(out, source, sizeof(source));
    client->copied = (pixman_box32_t){ 0 };
}

static void send_rects(struct vnc_client *client, pixman_region32_t *region)
{
    g_autoptr(GByteArray) message = g_byte_array_new();
    bool copy = client->copied.x2 > client->copied.x1;
    unsigned rects = copy;

    if (pixman_region32_not_empty(region)) {
        client->job = create_job(client, region);
        rects += client->job->boxes->len;
    }
    rects += (unsigned)__builtin_popcount(client->tell);
    if (rects == 0)
        return;
    put_update_header(message, rects);
    vnc_put_pseudo_rects(client, client->tell, message);
    client->tell = 0;
    if (copy)
        put_copy(client, message);
    vnc_stream_write(client->stream, message->data, message->len);
    if (copy || client->job != NULL)
        pixman_region32_clear(&client->requested);
    if (client->job != NULL) {
        pixman_region32_subtract(&client->dirty, &client->dirty, region);
        start_slice(client->job);
    }
}

void vnc_update_send(struct vnc_client *client)
{
    pixman_region32_t region;

    if (!client->ready || client->closing || client->job != NULL || !can_take_more(client))
        return;
    send_size(client);
    pixman_region32_init(&region);
    region_to_send(client, &region);
    send_rects(client, &region);
    pixman_region32_fini(&region);
    vnc_stream_flush(client->stream);
}
