/*
 * QMP: the screen as a picture or as text.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/qmp_commands.h"
#include "base/error.h"
#include "block/fdset.h"
#include "qmp/qmp.h"
#include "ui/console.h"
#include "ui/screenshot.h"

/* What every command looks like. */
#define COMMAND(name) \
    static JsonNode *name(void *opaque, struct qmp_monitor *mon, JsonObject *args, GError **err)

static int picture_format(const char *name, enum screenshot_format *format, GError **err)
{
    static const char *const names[] = {
        [SCREENSHOT_PNG] = "png", [SCREENSHOT_PPM] = "ppm", [SCREENSHOT_TEXT] = "text"
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *format = (enum screenshot_format)i;
            return 0;
        }
    }
    return fail(err, EINVAL, "screendump: format %s: not png, ppm or text", name);
}

COMMAND(cmd_screendump)
{
    struct app *app = opaque;
    const char *path = json_object_get_string_member(args, "filename");
    enum screenshot_format format = SCREENSHOT_PPM;

    if (picture_format(qmp_get_string(args, "format", "ppm"), &format, err) < 0)
        return NULL;
    int fd = fdset_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, err);
    if (fd < 0)
        return NULL;
    screenshot_write(app->console, format, fd, err);
    close(fd);
    return NULL;
}

static const struct qmp_command commands[] = { { "screendump",
                                                 cmd_screendump,
                                                 { { "filename", QMP_STRING, false },
                                                   { "device", QMP_STRING, true },
                                                   { "head", QMP_INT, true },
                                                   { "format", QMP_STRING, true } } },
                                               {} };

void qmp_add_screen_commands(struct app *app)
{
    qmp_add_commands(app->qmp, commands, app);
}
