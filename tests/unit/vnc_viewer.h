/*
 * A VNC viewer for tests: libvncclient, blocking, in a thread of its own, while the server runs on
 * the test's main loop.
 */
#ifndef TESTS_VNC_VIEWER_H
#define TESTS_VNC_VIEWER_H

#include <rfb/rfbclient.h>
#include <stdbool.h>
#include <stdint.h>

struct viewer_options {
    const char *socket;    /* path of the server's UNIX socket */
    const char *encodings; /* "tight copyrect" */
    int compression, quality;
    bool jpeg;
    const char *password;
    int samples_bits, bytes; /* of a pixel: 8 and 4, 5 and 2, 2 and 1 */
    bool big_endian;
};

struct viewer;

/* Connects; the viewer asks for updates until it is closed. */
struct viewer *viewer_open(const struct viewer_options *options);
/* Ends the thread. The number of updates that it got. */
unsigned viewer_close(struct viewer *viewer);

/* Whether the handshake has ended: 0 not yet, 1 connected, -1 refused. */
int viewer_state(struct viewer *viewer);
/* Runs the main loop until viewer_state() is not 0. */
int viewer_wait_connected(struct viewer *viewer);
unsigned viewer_updates(struct viewer *viewer);
unsigned viewer_copies(struct viewer *viewer); /* rectangles that were CopyRect */

/*
 * Calls fn with the viewer's picture (client->frameBuffer, width, height, format), which does not
 * change meanwhile. false, without a call, while an update is being received.
 */
bool viewer_look(struct viewer *viewer, bool (*fn)(const rfbClient *client, void *opaque),
                 void *opaque);

/* Sends input from the viewer's thread at its next turn: a key or a pointer position. */
void viewer_key(struct viewer *viewer, uint32_t keysym, bool down);
void viewer_pointer(struct viewer *viewer, int x, int y, int buttons);

#endif
