/* Shared by the files of this room only. */
#ifndef QMP_INTERNAL_H
#define QMP_INTERNAL_H

#include <stdbool.h>

#include "qmp/qmp.h"

/*
 * Runs a command as if this monitor had asked for it. The answer is the caller's; NULL is an empty
 * object, or *err is set.
 */
JsonNode *qmp_run(struct qmp_monitor *mon, const char *name, JsonObject *args, GError **err);
bool qmp_has_command(struct qmp_monitor *mon, const char *name);

/* human.c */
extern const struct qmp_command qmp_human_commands[];

#endif
