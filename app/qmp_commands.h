/*
 * QMP commands by what they are about. Each function adds its table to app->qmp.
 */
#ifndef APP_QMP_COMMANDS_H
#define APP_QMP_COMMANDS_H

#include <json-glib/json-glib.h>

#include "app/app.h"
#include "block/drive.h"

void qmp_add_machine_commands(struct app *app);
void qmp_add_net_commands(struct app *app);
void qmp_add_display_commands(struct app *app);
void qmp_add_screen_commands(struct app *app);
void qmp_add_input_commands(struct app *app);
void qmp_add_block_commands(struct app *app);
void qmp_add_block_queries(struct app *app);
void qmp_add_xen_commands(struct app *app);

/* Shared by the block commands: a drive's name, and limits as members of an object. */
const char *qmp_drive_name(const struct block_drive *drive);
void qmp_add_limits(const struct block_throttle_config *config, JsonObject *o);

/* DEVICE_TRAY_MOVED and BLOCK_IO_ERROR; opaque is the app. */
extern const struct block_drive_events qmp_drive_events;

struct vnc_server;
/* Makes a server's events (VNC_CONNECTED, ...) events of QMP. */
void qmp_watch_vnc(struct app *app, struct vnc_server *server);

/* The machine's event as a QMP event. For struct machine_host. */
void qmp_machine_event(void *app, enum machine_event event, bool by_guest, int64_t detail);

#endif
