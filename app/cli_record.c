/*
 * Recording the machine, and playing a recording: -record FILE and -accel replay,file=FILE.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "base/tag.h"
#include "base/error.h"
#include "base/journal.h"
#include "base/log.h"
#include "base/loop.h"
#include "ioreq/record.h"
#include "ioreq/replay.h"

#define EVENTS_AT_ONCE 1000 /* between two looks at what else the loop has to do */

static int take_record(struct app *app, const char *arg, GError **err)
{
    app->record = app_keep(app, arg);
    return 0;
}

static const struct cli_option options[] = {
    { "record", "FILE", take_record,
      "record all that happens to the machine, for -accel replay,file=FILE", .host = true },
    {}
};

/* ---- Recording ---- */

/* Ahead of all other topics, since what they make joins the journal. */
static int start_recording(struct app *app, GError **err)
{
    g_autoptr(GPtrArray) strings = g_ptr_array_new();

    if (app->record == NULL)
        return 0;
    if (app->replay != NULL)
        return fail(err, EINVAL, "-record: makes no sense with -accel replay");
    g_ptr_array_add(strings, (char *)(uintptr_t)HVMDM_VERSION);
    cli_machine_options(app->argc, app->argv, strings);
    g_ptr_array_add(strings, NULL);
    return record_start(app->record, (const char *const *)strings->pdata, err);
}

static int set_clock(struct app *app, GError **err)
{
    record_set_clock(machine_services(app->machine)->clock);
    return 0;
}

/* ---- Playing ---- */

int app_open_recording(struct app *app, const char *path, GError **err)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();

    if (app->replay != NULL)
        return fail(err, EINVAL, "-accel replay,file=%s: there is one already", path);
    app->replay = replay_open(path, err);
    if (app->replay == NULL)
        return -EINVAL;
    const char *const *strings = replay_strings(app->replay);
    if (strcmp(strings[0], HVMDM_VERSION) != 0)
        log_warn("replay %s: was recorded by version %s", path, strings[0]);
    for (; *strings != NULL; strings++)
        g_ptr_array_add(argv, (char *)(uintptr_t)*strings);
    int argc = (int)argv->len;
    g_ptr_array_add(argv, NULL);
    int rc = cli_parse(app, argc, (char **)argv->pdata, err);
    return rc > 0 ? fail(err, EINVAL, "replay %s: asks for help only", path) : rc;
}

static gboolean play_some(gpointer opaque)
{
    struct app *app = opaque;

    if (replay_run(app->replay, EVENTS_AT_ONCE))
        return G_SOURCE_CONTINUE;
    loop_quit();
    return G_SOURCE_REMOVE;
}

void app_start_replay(struct app *app)
{
    g_idle_add(play_some, app);
}

int app_end_replay(struct app *app)
{
    g_autoptr(GString) line = g_string_new(NULL);
    bool same = replay_report(app->replay, line);

    puts(line->str);
    return same ? 0 : 1;
}

const struct cli_topic cli_record = {
    .title = "Recording",
    .options = options,
    .prepare = start_recording,
    .connect = set_clock,
};
