/*
 * The argument of -vnc.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "ui/vnc/vnc.h"

#define MAX_DISPLAY (65535 - 5900)
#define ADDRESS     "vnc" /* the key of the first item, as in QEMU's -vnc vnc=:0 */

static int parse_number(const char *text, unsigned max, unsigned *value)
{
    uint64_t number;

    if (parse_uint(text, &number) < 0 || number > max)
        return -EINVAL;
    *value = (unsigned)number;
    return 0;
}

/* HOST:NUMBER, where HOST may be empty or an IPv6 address in brackets. */
static int split_host(const char *text, char **host, const char **number)
{
    const char *colon = strrchr(text, ':');
    size_t n;

    if (colon == NULL)
        return -EINVAL;
    n = (size_t)(colon - text);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']')
        *host = g_strndup(text + 1, n - 2);
    else
        *host = g_strndup(text, n);
    *number = colon + 1;
    return 0;
}

static int parse_address(const char *text, struct vnc_config *config, GError **err)
{
    const char *number;
    unsigned fd;

    if (text == NULL)
        return fail(err, EINVAL, "-vnc: an address is missing");
    if (strcmp(text, "none") == 0)
        return 0;
    if (g_str_has_prefix(text, "unix:")) {
        config->is_unix = true;
        config->address = g_strdup(text + strlen("unix:"));
        if (config->address[0] == '\0')
            return fail(err, EINVAL, "-vnc unix: without a path");
        return 0;
    }
    if (g_str_has_prefix(text, "fd:")) {
        if (parse_number(text + strlen("fd:"), INT_MAX, &fd) < 0)
            return fail(err, EINVAL, "-vnc %s: not a descriptor", text);
        config->listen_fd = (int)fd;
        config->address = g_strdup("");
        return 0;
    }
    if (split_host(text, &config->address, &number) < 0 ||
        parse_number(number, MAX_DISPLAY, &config->display) < 0)
        return fail(err, EINVAL,
                    "-vnc %s: HOST:DISPLAY, unix:PATH, fd:N or none is expected, with a display "
                    "of at most %d",
                    text, MAX_DISPLAY);
    return 0;
}

static int parse_websocket(const char *value, struct vnc_config *config, GError **err)
{
    const char *port = value;

    config->websocket = strcmp(value, "off") != 0;
    if (!config->websocket || strcmp(value, "on") == 0)
        return 0;
    split_host(value, &config->websocket_address, &port);
    if (parse_number(port, 65535, &config->websocket_port) < 0 || config->websocket_port == 0)
        return fail(err, EINVAL, "-vnc: websocket=%s: on, off, PORT or HOST:PORT is expected",
                    value);
    return 0;
}

static int parse_share(const char *value, struct vnc_config *config, GError **err)
{
    static const char *const names[] = { "allow-exclusive", "force-shared", "ignore" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            config->share = (enum vnc_share)i;
            return 0;
        }
    }
    return fail(err, EINVAL, "-vnc: share=%s: allow-exclusive, force-shared or ignore is expected",
                value);
}

static int parse_switches(struct opts *opts, struct vnc_config *config, GError **err)
{
    bool unused;
    const struct {
        const char *name;
        bool *value;
    } switches[] = {
        { "password", &config->password }, { "lock-key-sync", &config->lock_key_sync },
        { "lossy", &config->lossy },       { "ipv4", &config->ipv4 },
        { "ipv6", &config->ipv6 },         { "non-adaptive", &unused }, /* nothing adapts */
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < G_N_ELEMENTS(switches); i++)
        rc = opts_get_bool(opts, switches[i].name, switches[i].value, err);
    return rc;
}

static int parse_numbers(struct opts *opts, struct vnc_config *config, GError **err)
{
    uint64_t to = 0, key_delay_ms; /* which an event-driven keyboard does not need */
    int rc = opts_get_uint(opts, "to", config->display, MAX_DISPLAY, &to, err);

    if (rc == 0)
        rc = opts_get_uint(opts, "key-delay-ms", 0, UINT16_MAX, &key_delay_ms, err);
    config->to = (unsigned)to;
    return rc;
}

static int parse_options(struct opts *opts, struct vnc_config *config, GError **err)
{
    const char *websocket, *share;
    int rc = parse_address(opts_get(opts, ADDRESS), config, err);

    if (rc == 0)
        rc = parse_switches(opts, config, err);
    if (rc == 0)
        rc = parse_numbers(opts, config, err);
    websocket = opts_get(opts, "websocket");
    if (rc == 0 && websocket != NULL)
        rc = parse_websocket(websocket, config, err);
    share = opts_get(opts, "share");
    if (rc == 0 && share != NULL)
        rc = parse_share(share, config, err);
    if (rc < 0)
        return rc;
    config->web_root = g_strdup(opts_get(opts, "web-root"));
    config->tls_creds = g_strdup(opts_get(opts, "tls-creds"));
    config->keymap = g_strdup(opts_get(opts, "keymap"));
    config->id = g_strdup(opts_get(opts, "id"));
    return opts_finish(opts, err);
}

int vnc_config_parse(const char *arg, struct vnc_config *config, GError **err)
{
    struct opts *opts = opts_parse("-vnc", arg, ADDRESS, err);
    int rc;

    *config = (struct vnc_config){ .listen_fd = -1, .lock_key_sync = true };
    if (opts == NULL)
        return -EINVAL;
    rc = parse_options(opts, config, err);
    opts_free(opts);
    return rc;
}

void vnc_config_clear(struct vnc_config *config)
{
    g_free(config->address);
    g_free(config->websocket_address);
    g_free(config->web_root);
    g_free(config->tls_creds);
    g_free(config->keymap);
    g_free(config->id);
    *config = (struct vnc_config){ .listen_fd = -1 };
}
