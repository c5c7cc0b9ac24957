/*
 * Matching of device paths.
 */
#include "bootorder.h"
#include "runtime.h"
#include <stdbool.h>
#include <stddef.h>

static bool ends(char c)
{
    return c == 0 || c == '\n' || c == '/';
}

/* One star at a time is enough: a star never crosses '/', so the latest one is the one to widen. */
static bool matches(const char *line, const char *pattern)
{
    const char *star = NULL, *from = NULL;
    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            from = line;
        } else if (!*pattern && ends(*line)) {
            return true;
        } else if (*pattern && *pattern == *line) {
            pattern++;
            line++;
        } else if (star && !ends(*from)) {
            pattern = star;
            line = ++from;
        } else {
            return false;
        }
    }
}

int16_t path_find(const char *order, const char *pattern)
{
    for (int16_t n = 0; *order && n < NO_PRIORITY; n++) {
        if (matches(order, pattern))
            return n;
        while (*order && *order != '\n')
            order++;
        order += *order == '\n';
    }
    return NO_PRIORITY;
}
