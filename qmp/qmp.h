/*
 * QMP: the toolstack's control of a running machine, by QEMU's wire protocol (JSON, a request and
 * an answer a line; events in between).
 *
 * The server knows the protocol; the commands are tables that the rooms above hand in. Every
 * monitor is a chardev of its own, and a broken or hostile peer costs nothing but its own
 * connection: input is limited in size and depth, arguments are checked against the command's
 * table before it runs.
 */
#ifndef QMP_QMP_H
#define QMP_QMP_H

#include <glib.h>
#include <json-glib/json-glib.h>

struct chardev;
struct qmp;
struct qmp_monitor;

enum qmp_type { QMP_STRING, QMP_INT, QMP_BOOL, QMP_OBJECT, QMP_ANY };

/* An argument a command takes. */
struct qmp_arg {
    const char *name;
    enum qmp_type type;
    bool optional;
};

/* Error codes that become QMP's classes; any other errno is GenericError. */
#define QMP_DEVICE_NOT_FOUND  ENODEV /* DeviceNotFound */
#define QMP_COMMAND_NOT_FOUND ENOSYS /* CommandNotFound */

struct qmp_command {
    const char *name;
    /*
     * args holds only what the table says, of the right type. Returns the answer, owned by the
     * caller (NULL: an empty object), or sets *err with an errno as its code (base/error.h).
     */
    JsonNode *(*run)(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err);
    struct qmp_arg args[24]; /* ends with an entry without a name */
    bool open;               /* takes other arguments too, and checks them itself */
};

/* name and package of what this is, for the greeting and query-version. */
struct qmp *qmp_create(void);
void qmp_destroy(struct qmp *qmp); /* and all monitors; the chardevs stay */

/* Adds a table (it ends with an entry without a name) whose functions get opaque. Borrowed. */
void qmp_add_commands(struct qmp *qmp, const struct qmp_command *commands, void *opaque);

/* Whom to tell when the last peer that was there has gone. */
void qmp_when_deserted(struct qmp *qmp, void (*fn)(void *opaque), void *opaque);

/* Speaks QMP on a chardev, which is borrowed. pretty: answers are indented for a person. */
void qmp_add_monitor(struct qmp *qmp, struct chardev *chr, bool pretty);

/* Sends an event to every monitor that is past negotiation. Takes data (NULL: none) over. */
void qmp_event(struct qmp *qmp, const char *name, JsonNode *data);

/* The oldest descriptor that came with this monitor's input; -1: none. The caller owns it. */
int qmp_take_fd(struct qmp_monitor *mon);
/* Descriptors that getfd named: takes it out; -1: none. */
int qmp_take_named_fd(struct qmp *qmp, const char *name);

/* Shorthands for answers. */
JsonNode *qmp_new_object(JsonObject **object); /* owned by the node */
JsonNode *qmp_new_array(JsonArray **array);

/* Optional arguments with what they are when not given. */
const char *qmp_get_string(JsonObject *args, const char *name, const char *otherwise);
gint64 qmp_get_int(JsonObject *args, const char *name, gint64 otherwise);
bool qmp_get_bool(JsonObject *args, const char *name, bool otherwise);

#endif
