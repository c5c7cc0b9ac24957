/*
 * The log: lines on stderr, "hvm-dm: LEVEL: text", with key=value pairs where there are values.
 *
 * What a guest, an image or a peer can cause to be logged goes through log_limited(), so that it
 * can never flood the host's disk. Trace lines are per topic (usually a device kind) and off by
 * default; log_trace() costs one load and a branch while its topic is off.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO };

/* Lines above this level are dropped; LOG_WARN at start. */
void log_set_level(enum log_level level);

void log_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void log_warn(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void log_info(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* The state of one rate-limited source of lines; all zeroes is a fresh one. */
struct log_limit {
    int64_t window_start_us;
    unsigned in_window;
    uint64_t suppressed;
};

/*
 * Whether a line may be written now: at most 5 lines in 10 seconds for each limit. When lines were
 * swallowed, the next one that may be written is preceded by a line that says how many.
 */
bool log_limited(struct log_limit *limit);

/*
 * A trace topic. Declared static in the file that uses it: static struct log_topic topic = {"ide"};
 * and registered once by log_topic_register(), so that `-d NAME` finds it.
 */
struct log_topic {
    const char *name;
    bool on;
};

/* Switches the topics of a comma-separated list on for all later registrations ("all": every one).
 */
void log_trace_enable(const char *list);
void log_topic_register(struct log_topic *topic);
void log_trace_line(const struct log_topic *topic, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#define log_trace(topic, ...)                   \
    do {                                        \
        if (G_UNLIKELY((topic)->on))            \
            log_trace_line(topic, __VA_ARGS__); \
    } while (0)

#endif
