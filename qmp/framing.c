#include "qmp/framing.h"

void framing_init(struct framing *f)
{
    *f = (struct framing){ .text = g_string_new(NULL) };
}

void framing_clear(struct framing *f)
{
    g_string_free(f->text, TRUE);
}

void framing_next(struct framing *f)
{
    g_string_truncate(f->text, 0);
    f->depth = 0;
    f->in_string = f->escaped = false;
}

static enum framing_result broken(struct framing *f, const char *why, bool at_end_of_line)
{
    framing_next(f);
    f->skipping = !at_end_of_line;
    f->error = why;
    return FRAMING_ERROR;
}

static enum framing_result in_string(struct framing *f, uint8_t byte)
{
    if (f->escaped)
        f->escaped = false;
    else if (byte == '\\')
        f->escaped = true;
    else if (byte == '"')
        f->in_string = false;
    else if (byte < 0x20)
        return broken(f, "Invalid JSON syntax: control character in a string", byte == '\n');
    return FRAMING_MORE;
}

/* Outside of strings; brackets are only counted: the parser looks at their kind. */
static enum framing_result structure(struct framing *f, uint8_t byte)
{
    switch (byte) {
    case '"': f->in_string = true; return FRAMING_MORE;
    case '{':
    case '[':
        if (++f->depth > FRAMING_MAX_DEPTH)
            return broken(f, "JSON nesting is too deep", false);
        return FRAMING_MORE;
    case '}':
    case ']': return --f->depth == 0 ? FRAMING_VALUE : FRAMING_MORE;
    default: break;
    }
    if (byte >= 0x7f || (byte < 0x20 && !g_ascii_isspace(byte)))
        return broken(f, "Invalid JSON syntax: stray byte", false);
    return FRAMING_MORE;
}

enum framing_result framing_byte(struct framing *f, uint8_t byte)
{
    if (f->skipping) {
        f->skipping = byte != '\n';
        return FRAMING_MORE;
    }
    if (f->depth == 0) {
        if (g_ascii_isspace(byte))
            return FRAMING_MORE;
        if (byte != '{')
            return broken(f, "Invalid JSON syntax: a command is an object", false);
    }
    if (f->text->len >= FRAMING_MAX_SIZE)
        return broken(f, "JSON value is too large", false);
    g_string_append_c(f->text, (char)byte);
    return f->in_string ? in_string(f, byte) : structure(f, byte);
}
