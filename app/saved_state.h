/*
 * Saved states and files: loading at start (-incoming), saving, printing.
 */
#ifndef APP_SAVED_STATE_H
#define APP_SAVED_STATE_H

#include <stddef.h>
#include <stdint.h>
#include <glib.h>

struct app;
struct machine;

/*
 * Starts to load from "fd:N" (taken over) or "file:PATH" into the machine, which has just been
 * created. It is in MACHINE_INMIGRATE until all has come; then paused, or running unless -S said
 * otherwise. What comes later and is wrong ends the process with status 1 and a sentence; the
 * machine never runs then. 0 or -errno and a sentence: it cannot be opened.
 */
int saved_state_load(struct app *app, const char *from, GError **err);

/*
 * Saves the machine, which is stopped, to a path, which may be /dev/fdset/N: its memory, where the
 * device model has it, and its state. A plain file that is there already is replaced only when all
 * was written. 0 or -errno and a sentence. Blocks.
 */
int saved_state_write(struct machine *m, const char *path, GError **err);

/* Appends the state in a file as text for a person. 0 or -errno and a sentence. */
int saved_state_print(const char *path, GString *out, GError **err);

#endif
