/*
 * Options of the process itself: its id in a file, and the rights it gives up when all is open.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/sandbox.h"
#include "base/error.h"
#include "base/opts.h"

static int take_pidfile(struct app *app, const char *arg, GError **err)
{
    app->pidfile = app_keep(app, arg);
    return 0;
}

static int take_chroot(struct app *app, const char *arg, GError **err)
{
    app->chroot = app_keep(app, arg);
    return 0;
}

/* "UID:GID", or a user's name: then with the user's own group. */
static int take_runas(struct app *app, const char *arg, GError **err)
{
    const char *colon = strchr(arg, ':');
    g_autofree char *uid_text = colon != NULL ? g_strndup(arg, (gsize)(colon - arg)) : NULL;
    uint64_t uid, gid;

    if (colon == NULL) {
        const struct passwd *user = getpwnam(arg);
        if (user == NULL)
            return fail(err, ENOENT, "-runas %s: there is no such user", arg);
        uid = user->pw_uid;
        gid = user->pw_gid;
    } else if (parse_uint(uid_text, &uid) < 0 || parse_uint(colon + 1, &gid) < 0) {
        return fail(err, EINVAL, "-runas %s: not UID:GID", arg);
    }
    if (uid >= UINT32_MAX || gid >= UINT32_MAX)
        return fail(err, ERANGE, "-runas %s: too large", arg);
    app->run_as = true;
    app->run_uid = (uid_t)uid;
    app->run_gid = (gid_t)gid;
    return 0;
}

static int take_run_with(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-run-with", arg, NULL, err);
    int rc = 0;

    if (opts == NULL)
        return -EINVAL;
    if (opts_get(opts, "chroot") != NULL)
        rc = take_chroot(app, opts_get(opts, "chroot"), err);
    if (rc == 0 && opts_get(opts, "user") != NULL)
        rc = take_runas(app, opts_get(opts, "user"), err);
    if (rc == 0)
        rc = opts_finish(opts, err);
    opts_free(opts);
    return rc;
}

static int get_permission(struct opts *opts, const char *key, bool *allowed, GError **err)
{
    const char *word = opts_get(opts, key);

    if (word == NULL)
        return 0;
    *allowed = strcmp(word, "allow") == 0;
    if (!*allowed && strcmp(word, "deny") != 0 && strcmp(word, "children") != 0)
        return fail(err, EINVAL, "-sandbox %s=%s: not allow or deny", key, word);
    return 0;
}

/*
 * In QEMU's words. Of what they name only spawn makes a difference here: the list of what is
 * allowed has nothing obsolete, nor a way to other users or to limits.
 */
static int take_sandbox(struct app *app, const char *arg, GError **err)
{
    struct opts *opts = opts_parse("-sandbox", arg, "enable", err);
    bool on = false, ignored;

    if (opts == NULL)
        return -EINVAL;
    int rc = opts_get_bool(opts, "enable", &on, err);
    if (rc == 0)
        rc = get_permission(opts, "spawn", &app->sandbox_spawn, err);
    if (rc == 0)
        rc = get_permission(opts, "obsolete", &ignored, err);
    if (rc == 0)
        rc = get_permission(opts, "elevateprivileges", &ignored, err);
    if (rc == 0)
        rc = get_permission(opts, "resourcecontrol", &ignored, err);
    if (rc == 0)
        rc = opts_finish(opts, err);
    app->sandbox = on ? SANDBOX_ON : SANDBOX_OFF;
    opts_free(opts);
    return rc;
}

static const struct cli_option options[] = {
    { "pidfile", "FILE", take_pidfile, "write the process id there" },
    { "chroot", "DIR", take_chroot, "have this directory for a file system when all is open" },
    { "runas", "USER|UID:GID", take_runas, "be this user when all is open" },
    { "run-with", "[chroot=DIR][,user=USER]", take_run_with, "the same by another name" },
    { "sandbox", "on|off[,spawn=allow|deny]", take_sandbox,
      "no system calls but a running machine's (on with -xen-domid-restrict)" },
    {}
};

static int write_pidfile(struct app *app, GError **err)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    g_autoptr(GError) why = NULL;

    if (g_file_set_contents_full(app->pidfile, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, &why))
        return 0;
    return fail(err, EIO, "-pidfile: %s", why->message);
}

static int change_user(const struct app *app, GError **err)
{
    if (setgroups(1, &app->run_gid) < 0 ||
        setresgid(app->run_gid, app->run_gid, app->run_gid) < 0 ||
        setresuid(app->run_uid, app->run_uid, app->run_uid) < 0)
        return fail_errno(err, errno, "-runas %u:%u", app->run_uid, app->run_gid);
    if (app->run_uid != 0 && setuid(0) == 0)
        return fail(err, EPERM, "-runas %u:%u: root again", app->run_uid, app->run_gid);
    return 0;
}

static bool sandbox_wanted(const struct app *app)
{
    return app->sandbox == SANDBOX_ON ||
           (app->sandbox == SANDBOX_DEFAULT && app->xen_restrict && sandbox_available());
}

/* In this order, since the right to do each ends with the next. */
static int give_up_rights(struct app *app, GError **err)
{
    if (app->pidfile != NULL && write_pidfile(app, err) < 0)
        return -EIO;
    /* Files: all images, sockets and devices are open; new ones come as descriptors by QMP. */
    if (app->chroot != NULL && (chroot(app->chroot) < 0 || chdir("/") < 0))
        return fail_errno(err, errno, "-chroot %s", app->chroot);
    /* Root's rights: nothing that is done from here on needs them. */
    int rc = app->run_as ? change_user(app, err) : 0;
    /* And what the kernel offers beside what a running machine asks of it. */
    return rc == 0 && sandbox_wanted(app) ? sandbox_enter(app->sandbox_spawn, err) : rc;
}

static void cleanup(struct app *app)
{
    if (app->pidfile != NULL && app->chroot == NULL)
        unlink(app->pidfile);
}

const struct cli_topic cli_process = {
    .title = "Process",
    .options = options,
    .connect = give_up_rights,
    .cleanup = cleanup,
};
