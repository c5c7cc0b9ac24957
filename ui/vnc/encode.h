/*
 * The encodings of pixels: rectangles of the shadow as bytes for one client. Runs outside the
 * machine lock, on the server's worker thread.
 */
#ifndef UI_VNC_ENCODE_H
#define UI_VNC_ENCODE_H

#include <glib.h>
#include <pixman.h>

#include "ui/vnc/pixel.h"
#include "ui/vnc/shadow.h"

/* RFC 6143, 7.7, and the Tight encoding's registration with IANA. */
enum {
    VNC_ENCODING_RAW = 0,
    VNC_ENCODING_COPYRECT = 1,
    VNC_ENCODING_HEXTILE = 5,
    VNC_ENCODING_ZLIB = 6,
    VNC_ENCODING_TIGHT = 7,
    VNC_ENCODING_ZRLE = 16,
};

#define VNC_DEFAULT_COMPRESSION 5 /* the highest of the quick levels */

/* What a client asked for. */
struct vnc_settings {
    struct vnc_pixel_format format;
    int32_t encoding; /* one of the above, not COPYRECT */
    int compression;  /* zlib level, 0..9 */
    int jpeg_quality; /* 0..9 (worst to best); -1: lossless */
};

/* No rectangle has more pixels than this. */
#define VNC_RECT_PIXELS       65536
/* x, y, width, height, encoding */
#define VNC_RECT_HEADER_BYTES 12

void vnc_put_rect_header(GByteArray *out, const pixman_box32_t *box, int32_t encoding);

/* Cuts a region into boxes (pixman_box32_t), each of which becomes one rectangle on the wire. */
void vnc_split_region(pixman_region32_t *region, GArray *boxes);

/* Room to work in, shared by all encoders of one thread. */
struct vnc_scratch {
    uint32_t pixels[VNC_RECT_PIXELS];               /* of the shadow */
    uint32_t values[VNC_RECT_PIXELS];               /* the same, translated */
    uint8_t bytes[VNC_RECT_PIXELS * 4 + 16 * 1024]; /* before compression */
};

/* One client's compression streams. Used by one thread at a time. */
struct vnc_encoder;

struct vnc_encoder *vnc_encoder_create(void);
void vnc_encoder_destroy(struct vnc_encoder *enc);
void vnc_encoder_set(struct vnc_encoder *enc, const struct vnc_settings *settings);
/* Appends one rectangle, at most VNC_RECT_PIXELS large, with its header. */
void vnc_encode_rect(struct vnc_encoder *enc, struct vnc_scratch *scratch,
                     struct vnc_shadow *shadow, const pixman_box32_t *box, GByteArray *out);

#endif
