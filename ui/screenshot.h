/*
 * Pictures of a console in files: PNG, PPM, and the characters of a text mode.
 *
 * The source is brought up to date first. All calls with the machine lock held.
 */
#ifndef UI_SCREENSHOT_H
#define UI_SCREENSHOT_H

#include <glib.h>

#include "ui/console.h"

enum screenshot_format { SCREENSHOT_PNG, SCREENSHOT_PPM, SCREENSHOT_TEXT };

/*
 * Writes to fd, which stays open. -ENODATA: SCREENSHOT_TEXT while the screen is not in a text mode;
 * another -errno when writing fails. TEXT: UTF-8, one line for each row, blanks at its end cut off.
 */
int screenshot_write(struct console *con, enum screenshot_format format, int fd, GError **err);
/* The same into a new file; the file is removed when writing fails. */
int screenshot_save(struct console *con, enum screenshot_format format, const char *path,
                    GError **err);

#endif
