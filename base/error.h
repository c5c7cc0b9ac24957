/*
 * Errors of host operations: 0 or a negative errno, and one sentence for a person.
 *
 * The sentence names the option or command, the object (a file, an address) and the reason, so that
 * it can stand alone on stderr or in a QMP reply.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <glib.h>

/*
 * Sets *err (where err is not NULL) to the printf-like sentence and returns -code.
 * code: a positive errno value. The caller owns the GError.
 */
int fail(GError **err, int code, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* As fail(), and adds ": " and the system's text for code. */
int fail_errno(GError **err, int code, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

#endif
