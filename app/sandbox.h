/*
 * The last right to go: to ask the kernel for anything that a running device model does not need.
 */
#ifndef APP_SANDBOX_H
#define APP_SANDBOX_H

#include <stdbool.h>
#include <glib.h>

/* Whether it is compiled in (libseccomp). */
bool sandbox_available(void);

/*
 * From now on, in all threads: a system call that is not on the list fails with EPERM, and starting
 * a program ends the process, unless spawn allows that. There is no way back. 0, or -errno and a
 * sentence.
 */
int sandbox_enter(bool spawn, GError **err);

#endif
