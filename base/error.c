#include "base/error.h"

#include <stdarg.h>

static GQuark error_quark(void)
{
    return g_quark_from_static_string("hvm-dm");
}

static int set_error(GError **err, int code, char *text)
{
    if (err != NULL)
        g_set_error_literal(err, error_quark(), code, text);
    g_free(text);
    return -code;
}

int fail(GError **err, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return set_error(err, code, text);
}

int fail_errno(GError **err, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return set_error(err, code, g_strdup_printf("%s: %s", what, g_strerror(code)));
}
