/*
 * QMP commands by what they are about. Each function adds its table to app->qmp.
 */
#ifndef APP_QMP_COMMANDS_H
#define APP_QMP_COMMANDS_H

#include "app/app.h"

void qmp_add_machine_commands(struct app *app);
void qmp_add_net_commands(struct app *app);
void qmp_add_display_commands(struct app *app);
void qmp_add_screen_commands(struct app *app);
void qmp_add_xen_commands(struct app *app);

/* The machine's event as a QMP event. For struct machine_host. */
void qmp_machine_event(void *app, enum machine_event event, bool by_guest, int64_t detail);

#endif
