/*
 * Cuts a byte stream into JSON values, whether or not they come a line each, with limits on their
 * size and depth: what comes out can be given to a recursive parser.
 */
#ifndef QMP_FRAMING_H
#define QMP_FRAMING_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#define FRAMING_MAX_SIZE  (4u << 20)
#define FRAMING_MAX_DEPTH 64

struct framing {
    GString *text;
    unsigned depth;
    bool in_string, escaped;
    bool skipping;     /* broken: up to the end of the line */
    const char *error; /* why, once; for the answer */
};

void framing_init(struct framing *f);
void framing_clear(struct framing *f);

enum framing_result {
    FRAMING_MORE,  /* the value is not complete */
    FRAMING_VALUE, /* f->text is a whole object; call framing_next() when done with it */
    FRAMING_ERROR, /* f->error says why; the rest of the line is dropped */
};

/* Takes one byte. */
enum framing_result framing_byte(struct framing *f, uint8_t byte);
void framing_next(struct framing *f);

#endif
