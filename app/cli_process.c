/*
 * Options of the process itself: its id in a file, a life in the background, and the rights it
 * gives up when all is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/sandbox.h"
#include "base/error.h"
#include "base/log.h"
#include "base/opts.h"

static int take_pidfile(struct app *app, const char *arg, GError **err)
{
    app->pidfile = app_keep(app, arg);
    return 0;
}

static int take_daemonize(struct app *app, const char *arg, GError **err)
{
    app->daemonize = true;
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
    { "daemonize", NULL, take_daemonize, "go into the background when all is open", .host = true },
    { "pidfile", "FILE", take_pidfile, "write the process id there, and lock the file",
      .host = true },
    { "chroot", "DIR", take_chroot, "have this directory for a file system when all is open",
      .host = true },
    { "runas", "USER|UID:GID", take_runas, "be this user when all is open", .host = true },
    { "run-with", "[chroot=DIR][,user=USER]", take_run_with, "the same by another name",
      .host = true },
    { "sandbox", "on|off[,spawn=allow|deny]", take_sandbox,
      "no system calls but a running machine's (on with -xen-domid-restrict)", .host = true },
    {}
};

/* The file stays open and locked, so that a second machine with the same one is refused. */
static int write_pidfile(struct app *app, GError **err)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(app->pidfile, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        return fail_errno(err, errno, "-pidfile %s", app->pidfile);
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        close(fd);
        return fail(err, EBUSY, "-pidfile %s: another machine has it", app->pidfile);
    }
    app->pidfile_fd = fd;
    if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return fail_errno(err, errno != 0 ? errno : EIO, "-pidfile %s", app->pidfile);
    return 0;
}

int app_daemonize(struct app *app, GError **err)
{
    int fds[2];
    char ready = 0;

    if (!app->daemonize)
        return 0;
    if (app->nographic)
        return fail(err, EINVAL, "-daemonize: there is no terminal for -nographic");
    if (pipe2(fds, O_CLOEXEC) < 0)
        return fail_errno(err, errno, "-daemonize");
    pid_t child = fork();
    if (child < 0)
        return fail_errno(err, errno, "-daemonize");
    if (child > 0) {
        close(fds[1]);
        ssize_t n = read(fds[0], &ready, 1);
        _exit(n == 1 ? 0 : 1); /* what is wrong, the child has said */
    }
    close(fds[0]);
    app->daemon_fd = fds[1];
    setsid();
    return 0;
}

/* The terminal is given back, and whoever started us goes on. */
static int leave_terminal(struct app *app, GError **err)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0)
        return fail_errno(err, errno, "-daemonize: /dev/null");
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    close(null);
    if (write(app->daemon_fd, "", 1) < 0)
        log_warn("-daemonize: nobody waits");
    close(app->daemon_fd);
    return 0;
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
    if (app->daemonize && leave_terminal(app, err) < 0)
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
    if (app->pidfile_fd < 0)
        return;
    if (app->chroot == NULL)
        unlink(app->pidfile);
    close(app->pidfile_fd);
}

const struct cli_topic cli_process = {
    .title = "Process",
    .options = options,
    .connect = give_up_rights,
    .cleanup = cleanup,
};
