/*
 * Compression for pictures: a zlib stream (RFC 1950 and 1951) that never ends, made in one pass.
 *
 * zlib searches for repetitions at every byte, while those of a picture begin with a pixel and
 * most are the pixel before, the row above, or where the same pixel was last. Looking there only
 * gives as few bytes as zlib's lower levels, in a third of the time.
 */
#ifndef UI_VNC_DEFLATE_H
#define UI_VNC_DEFLATE_H

#include <stddef.h>
#include <stdint.h>
#include <glib.h>

struct deflater;

struct deflater *deflater_create(void);
void deflater_destroy(struct deflater *d); /* NULL is fine */
/* What comes does not refer to what was before: something else went into the stream meanwhile. */
void deflater_forget(struct deflater *d);

/*
 * Compresses n bytes, of which `pixel` (1 to 4) belong together; a row above is `row` bytes before
 * (0: there are no rows). Appends to out what is complete.
 */
void deflater_add(struct deflater *d, const uint8_t *data, size_t n, unsigned pixel, unsigned row,
                  GByteArray *out);
/* Appends the rest, up to a byte's end: all that was added can be read from it. */
void deflater_flush(struct deflater *d, GByteArray *out);

#endif
