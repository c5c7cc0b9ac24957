#include "vnc_viewer.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* libvncclient does not free what it decodes JPEG with. Called by the leak sanitizer. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:tjInitDecompress";
}

struct event {
    bool is_key, down;
    uint32_t keysym;
    int x, y, buttons;
};

struct viewer {
    struct viewer_options options;
    GThread *thread;
    gint state, updates, copies, stop, ended; /* atomic */
    GotCopyRectProc copy;
    /* Held by the thread while it handles a message, which may take as long as the server does:
       the main loop only tries to take it. */
    GMutex busy;
    rfbClient *client;
    GAsyncQueue *events;
};

static int tag; /* its address names our data in an rfbClient */

static struct viewer *viewer_of(rfbClient *client)
{
    return rfbClientGetClientData(client, &tag);
}

static void on_finished(rfbClient *client)
{
    g_atomic_int_inc(&viewer_of(client)->updates);
}

static void on_copy(rfbClient *client, int from_x, int from_y, int w, int h, int x, int y)
{
    g_atomic_int_inc(&viewer_of(client)->copies);
    viewer_of(client)->copy(client, from_x, from_y, w, h, x, y);
}

static char *on_password(rfbClient *client)
{
    return strdup(viewer_of(client)->options.password);
}

static rfbBool on_resize(rfbClient *client)
{
    free(client->frameBuffer);
    client->frameBuffer = calloc((size_t)client->width * (size_t)client->height,
                                 client->format.bitsPerPixel / 8);
    return TRUE;
}

static void no_log(const char *format, ...)
{
}

static void send_event(rfbClient *client, const struct event *event)
{
    if (event->is_key)
        SendKeyEvent(client, event->keysym, event->down);
    else
        SendPointerEvent(client, event->x, event->y, event->buttons);
}

static rfbClient *connect_client(struct viewer *viewer)
{
    const struct viewer_options *o = &viewer->options;
    rfbClient *client = rfbGetClient(o->samples_bits, 3, o->bytes);

    rfbClientSetClientData(client, &tag, viewer);
    client->FinishedFrameBufferUpdate = on_finished;
    viewer->copy = client->GotCopyRect;
    client->GotCopyRect = on_copy;
    client->GetPassword = on_password;
    client->MallocFrameBuffer = on_resize;
    client->canHandleNewFBSize = TRUE;
    client->appData.encodingsString = o->encodings;
    client->appData.compressLevel = o->compression;
    client->appData.qualityLevel = o->quality;
    client->appData.enableJPEG = o->jpeg;
    client->appData.useRemoteCursor = FALSE;
    client->format.bigEndian = o->big_endian;
    free(client->serverHost);
    client->serverHost = strdup(o->socket);
    client->serverPort = 0;
    return rfbInitClient(client, NULL, NULL) ? client : NULL; /* frees it on failure */
}

static bool take_turn(struct viewer *viewer)
{
    rfbClient *client = viewer->client;
    struct event *event;
    /* WaitForMessage() does not know of a message that was read along with the one before. */
    int rc = client->buffered > 0 ? 1 : WaitForMessage(client, 5000 /* us */);

    if (rc > 0) {
        g_mutex_lock(&viewer->busy);
        if (!HandleRFBServerMessage(client))
            rc = -1;
        g_mutex_unlock(&viewer->busy);
    }
    while ((event = g_async_queue_try_pop(viewer->events)) != NULL) {
        send_event(client, event);
        g_free(event);
    }
    if (rc < 0)
        g_atomic_int_set(&viewer->state, -1);
    return rc >= 0 && !g_atomic_int_get(&viewer->stop);
}

static gpointer run(gpointer opaque)
{
    struct viewer *viewer = opaque;

    viewer->client = connect_client(viewer);
    g_atomic_int_set(&viewer->state, viewer->client != NULL ? 1 : -1);
    while (viewer->client != NULL && take_turn(viewer))
        continue;
    g_atomic_int_set(&viewer->ended, 1);
    return NULL;
}

struct viewer *viewer_open(const struct viewer_options *options)
{
    struct viewer *viewer = g_new0(struct viewer, 1);

    rfbClientLog = no_log;
    rfbClientErr = no_log;
    viewer->options = *options;
    g_mutex_init(&viewer->busy);
    viewer->events = g_async_queue_new_full(g_free);
    viewer->thread = g_thread_new("viewer", run, viewer);
    return viewer;
}

unsigned viewer_close(struct viewer *viewer)
{
    unsigned updates;

    g_atomic_int_set(&viewer->stop, 1);
    /* The thread may be in the middle of an update that this loop has to finish. */
    while (!g_atomic_int_get(&viewer->ended))
        g_main_context_iteration(NULL, FALSE);
    g_thread_join(viewer->thread);
    updates = viewer_updates(viewer);
    if (viewer->client != NULL) {
        free(viewer->client->frameBuffer);
        viewer->client->frameBuffer = NULL;
        rfbClientCleanup(viewer->client);
    }
    g_async_queue_unref(viewer->events);
    g_mutex_clear(&viewer->busy);
    g_free(viewer);
    return updates;
}

int viewer_state(struct viewer *viewer)
{
    return g_atomic_int_get(&viewer->state);
}

int viewer_wait_connected(struct viewer *viewer)
{
    while (viewer_state(viewer) == 0) {
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(500);
    }
    return viewer_state(viewer);
}

unsigned viewer_updates(struct viewer *viewer)
{
    return (unsigned)g_atomic_int_get(&viewer->updates);
}

unsigned viewer_copies(struct viewer *viewer)
{
    return (unsigned)g_atomic_int_get(&viewer->copies);
}

bool viewer_look(struct viewer *viewer, bool (*fn)(const rfbClient *client, void *opaque),
                 void *opaque)
{
    if (viewer_state(viewer) != 1 || !g_mutex_trylock(&viewer->busy))
        return false;
    bool result = fn(viewer->client, opaque);
    g_mutex_unlock(&viewer->busy);
    return result;
}

static void queue_event(struct viewer *viewer, struct event event)
{
    g_async_queue_push(viewer->events, g_memdup2(&event, sizeof(event)));
}

void viewer_key(struct viewer *viewer, uint32_t keysym, bool down)
{
    queue_event(viewer, (struct event){ .is_key = true, .keysym = keysym, .down = down });
}

void viewer_pointer(struct viewer *viewer, int x, int y, int buttons)
{
    queue_event(viewer, (struct event){ .x = x, .y = y, .buttons = buttons });
}
