/*
 * Display options: the video card (-vga), and who looks at it (-display, -vnc).
 */
#include <errno.h>
#include <string.h>

#include "app/qmp_commands.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/opts.h"
#include "ui/console.h"
#include "ui/sdl.h"
#include "ui/vnc/vnc.h"

/* ---- The card ---- */

struct card {
    const char *vga;    /* as -vga calls it */
    const char *driver; /* as -device does */
    const char *rom;    /* its video BIOS, where that is installed */
};

static const struct card cards[] = {
    { "std", "VGA", "vgabios.bin" },
    { "cirrus", "cirrus-vga", "vgabios-cirrus.bin" },
};

static const struct card *find_card(const char *driver)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cards); i++)
        if (strcmp(cards[i].driver, driver) == 0)
            return &cards[i];
    return NULL;
}

static int take_vga(struct app *app, const char *arg, GError **err)
{
    app->vga = NULL;
    app->vga_chosen = true;
    if (strcmp(arg, "none") == 0)
        return 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(cards); i++)
        if (strcmp(cards[i].vga, arg) == 0)
            app->vga = cards[i].driver;
    return app->vga != NULL ? 0 : fail(err, EINVAL, "-vga %s: there is no such card", arg);
}

static bool has_property(const struct device_config *config, const char *name)
{
    for (guint i = 0; i < config->properties->len; i += 2)
        if (strcmp(config->properties->pdata[i], name) == 0)
            return true;
    return false;
}

/* What a card gets without being asked: the console, if no other card has it, and its BIOS. */
static void complete_card(struct app *app, struct device_config *config, const struct card *card,
                          bool first)
{
    const char *rom = app_data_file(app, card->rom);

    if (first && !has_property(config, "console"))
        device_config_add(config, "console", console_name(app->console));
    if (!has_property(config, "romfile") && g_file_test(rom, G_FILE_TEST_IS_REGULAR))
        device_config_add(config, "romfile", rom);
}

/* A card is there unless the user said otherwise; before other devices, so in the first slot. */
static int prepare_cards(struct app *app)
{
    GPtrArray *devices = app->config.devices;
    unsigned n = 0;

    for (guint i = 0; i < devices->len; i++)
        if (find_card(((struct device_config *)devices->pdata[i])->driver) != NULL)
            app->vga_chosen = true;
    if (!app->vga_chosen && !app->nodefaults && app->config.board != MACHINE_NONE)
        app->vga = cards[0].driver;
    if (app->vga != NULL)
        g_ptr_array_insert(devices, 0, device_config_new(app->vga, NULL));
    for (guint i = 0; i < devices->len; i++) {
        const struct card *card = find_card(((struct device_config *)devices->pdata[i])->driver);
        if (card != NULL)
            complete_card(app, devices->pdata[i], card, n++ == 0);
    }
    return 0;
}

/* ---- Who looks ---- */

static int take_vnc(struct app *app, const char *arg, GError **err)
{
    g_ptr_array_add(app->vnc_args, g_strdup(arg));
    return 0;
}

static int take_sdl(struct app *app, struct opts *opts, GError **err)
{
#ifdef HAVE_SDL
    app->sdl_wanted = true;
    return opts_get_bool(opts, "full-screen", &app->sdl_full_screen, err);
#else
    return fail(err, ENOTSUP, "-display sdl: it is not compiled in");
#endif
}

static int choose_display(struct app *app, const char *kind, struct opts *opts, GError **err)
{
    app->sdl_wanted = false;
    if (g_strcmp0(kind, "none") == 0)
        return 0;
    if (g_strcmp0(kind, "sdl") == 0)
        return take_sdl(app, opts, err);
    return fail(err, EINVAL, "-display %s: there is no such display (none, sdl, vnc=...)",
                kind != NULL ? kind : "");
}

static int take_display(struct app *app, const char *arg, GError **err)
{
    if (g_str_has_prefix(arg, "vnc="))
        return take_vnc(app, arg + strlen("vnc="), err);
    struct opts *opts = opts_parse("-display", arg, "type", err);
    if (opts == NULL)
        return -EINVAL;
    int rc = choose_display(app, opts_get(opts, "type"), opts, err);
    if (rc == 0)
        rc = opts_finish(opts, err);
    opts_free(opts);
    return rc;
}

static int take_keymap(struct app *app, const char *arg, GError **err)
{
    app->keymap = app_keep(app, arg);
    return 0;
}

/* XAPI's word for a descriptor to send the clipboard by, which we do not have. */
static int take_clipboard(struct app *app, const char *arg, GError **err)
{
    log_info("-vnc-clipboard-socket-fd %s: a viewer's clipboard is not passed on", arg);
    return 0;
}

static const struct cli_option options[] = {
    { "vga", "std|cirrus|none", take_vga, "the video card (default: std)" },
    { "display", "none|sdl[,full-screen=on]|vnc=ADDRESS", take_display,
      "a window, or a VNC server, on the guest's screen (default: none)", .host = true },
    { "vnc", "HOST:DISPLAY[,KEY=VALUE...]", take_vnc,
      "a VNC server; also unix:PATH, fd:N and none; password=on, to=N,\n"
      "websocket=on, web-root=DIR, tls-creds=ID, share=POLICY",
      .host = true },
    { "vnc-clipboard-socket-fd", "N", take_clipboard, NULL, .host = true },
    { "k", "LAYOUT", take_keymap, "keyboard layout of old VNC viewers: en-us, de, fr, ...",
      .host = true },
    {}
};

static int prepare(struct app *app, GError **err)
{
    input_journal(app->input);
    app->console = console_create("VGA", app->input);
    return prepare_cards(app);
}

static int find_creds(const struct app *app, const struct vnc_config *config,
                      struct vnc_tls_creds **creds, GError **err)
{
    *creds = g_hash_table_lookup(app->tls_creds, config->tls_creds);
    return *creds != NULL ? 0
                          : fail(err, ENOENT,
                                 "-vnc tls-creds=%s: there is no -object tls-creds-... of this id",
                                 config->tls_creds);
}

static int start_vnc(struct app *app, const char *arg, GError **err)
{
    struct vnc_tls_creds *creds = NULL;
    struct vnc_config config;
    int rc = vnc_config_parse(arg, &config, err);

    if (rc == 0 && config.keymap == NULL)
        config.keymap = g_strdup(app->keymap);
    if (rc == 0 && config.address == NULL && config.listen_fd < 0) {
        vnc_config_clear(&config); /* -vnc none */
        return 0;
    }
    if (rc == 0 && config.tls_creds != NULL)
        rc = find_creds(app, &config, &creds, err);
    if (rc == 0) {
        struct vnc_server *server = vnc_server_create(&config, app->console, creds, err);
        rc = server != NULL ? 0 : -EINVAL;
        if (server != NULL) {
            qmp_watch_vnc(app, server);
            if (app->config.name != NULL)
                vnc_set_name(server, app->config.name);
            g_ptr_array_add(app->vnc_servers, server);
        }
    }
    vnc_config_clear(&config);
    return rc;
}

#ifdef HAVE_SDL
static void window_closed(void *opaque)
{
    loop_quit();
}

static int start_sdl(struct app *app, GError **err)
{
    const struct sdl_options window = { .full_screen = app->sdl_full_screen,
                                        .close = window_closed };

    if (!app->sdl_wanted)
        return 0;
    app->sdl_ops = sdl_load(app_module_file(app, "hvm-dm-sdl.so"), err);
    if (app->sdl_ops != NULL)
        app->sdl = app->sdl_ops->create(
            app->console, app->config.name != NULL ? app->config.name : "hvm-dm", &window, err);
    if (app->sdl == NULL)
        return -ENODEV;
    app_show_state(app);
    return 0;
}
#endif

void app_show_state(struct app *app)
{
    enum machine_state state = machine_get_state(app->machine);

    if (app->sdl_ops == NULL || app->sdl == NULL)
        return;
    app->sdl_ops->set_state(app->sdl, state != MACHINE_RUNNING ? machine_state_name(state) : NULL);
}

static int connect_viewers(struct app *app, GError **err)
{
    int rc = 0;

    qmp_add_display_commands(app);
    for (guint i = 0; i < app->vnc_args->len && rc == 0; i++)
        rc = start_vnc(app, app->vnc_args->pdata[i], err);
#ifdef HAVE_SDL
    if (rc == 0)
        rc = start_sdl(app, err);
#endif
    return rc;
}

static void cleanup(struct app *app)
{
    if (app->sdl != NULL)
        app->sdl_ops->destroy(app->sdl);
    for (guint i = 0; i < app->vnc_servers->len; i++) {
        vnc_set_event_handler(app->vnc_servers->pdata[i], NULL, NULL); /* QMP is gone */
        vnc_server_destroy(app->vnc_servers->pdata[i]);
    }
    if (app->console != NULL)
        console_destroy(app->console);
}

const struct cli_topic cli_display = {
    .title = "Display",
    .options = options,
    .prepare = prepare,
    .connect = connect_viewers,
    .cleanup = cleanup,
};
