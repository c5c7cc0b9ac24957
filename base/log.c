#include "base/log.h"

#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>

#define WINDOW_US    (10 * G_USEC_PER_SEC)
#define WINDOW_LINES 5

static enum log_level max_level = LOG_WARN;
static char **trace_names; /* what -d asked for; NULL: nothing */

static void line(const char *prefix, const char *fmt, va_list ap)
{
    /* One write for one line: several processes may share the log file. */
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    fprintf(stderr, "hvm-dm: %s%s\n", prefix, text);
}

void log_set_level(enum log_level level)
{
    max_level = level;
}

void log_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    line("", fmt, ap);
    va_end(ap);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;

    if (max_level < LOG_WARN)
        return;
    va_start(ap, fmt);
    line("warning: ", fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    if (max_level < LOG_INFO)
        return;
    va_start(ap, fmt);
    line("info: ", fmt, ap);
    va_end(ap);
}

bool log_limited(struct log_limit *limit)
{
    int64_t now = g_get_monotonic_time();

    if (limit->in_window == 0 || now - limit->window_start_us > WINDOW_US) {
        limit->window_start_us = now;
        limit->in_window = 0;
        if (limit->suppressed > 0) {
            log_warn("%" PRIu64 " similar lines were not written", limit->suppressed);
            limit->suppressed = 0;
        }
    }
    if (limit->in_window >= WINDOW_LINES) {
        limit->suppressed++;
        return false;
    }
    limit->in_window++;
    return true;
}

void log_trace_enable(const char *list)
{
    g_strfreev(trace_names);
    trace_names = g_strsplit(list, ",", 0);
}

void log_topic_register(struct log_topic *topic)
{
    topic->on = trace_names != NULL &&
                (g_strv_contains((const char *const *)trace_names, "all") ||
                 g_strv_contains((const char *const *)trace_names, topic->name));
}

void log_trace_line(const struct log_topic *topic, const char *fmt, ...)
{
    g_autofree char *prefix = g_strdup_printf("trace: %s: ", topic->name);
    va_list ap;

    va_start(ap, fmt);
    line(prefix, fmt, ap);
    va_end(ap);
}
