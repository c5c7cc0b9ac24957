/*
 * From the connection to ClientInit: HTTP for browsers, protocol version, security, password
 * (RFC 6143, 7.1 to 7.3) and VeNCrypt (security type 19 of the registry).
 */
#include "ui/vnc/client.h"

#include <nettle/des.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "ui/vnc/tls.h"
#include "ui/vnc/websocket.h"

enum { SECURITY_NONE = 1, SECURITY_VNC = 2, SECURITY_VENCRYPT = 19 };

enum {
    VENCRYPT_TLS_NONE = 257,
    VENCRYPT_TLS_VNC = 258,
    VENCRYPT_X509_NONE = 260,
    VENCRYPT_X509_VNC = 261,
};

static bool uses_tls(const struct vnc_client *client)
{
    return client->server->creds != NULL && !client->skip_auth;
}

const char *vnc_auth_name(const struct vnc_server *server)
{
    bool password = server->config.password;

    if (server->creds == NULL)
        return password ? "vnc" : "none";
    if (vnc_tls_is_x509(server->creds))
        return password ? "vencrypt+x509+vnc" : "vencrypt+x509+none";
    return password ? "vencrypt+tls+vnc" : "vencrypt+tls+none";
}

static void send_be32(struct vnc_client *client, uint32_t value)
{
    uint8_t bytes[4];

    put_be32(bytes, value);
    vnc_stream_write(client->stream, bytes, sizeof(bytes));
}

/* ---- ClientInit, ServerInit ---- */

static size_t client_init(struct vnc_client *client, const uint8_t *data, size_t n)
{
    const char *name = client->server->name;
    size_t name_bytes = strlen(name);
    uint8_t init[8 + VNC_PIXEL_FORMAT_BYTES];

    vnc_client_become_ready(client, data[0] != 0);
    put_be16(init, (uint16_t)client->width);
    put_be16(init + 2, (uint16_t)client->height);
    vnc_pixel_format_write(&vnc_native_format, init + 4);
    put_be32(init + 4 + VNC_PIXEL_FORMAT_BYTES, (uint32_t)name_bytes);
    vnc_stream_write(client->stream, init, sizeof(init));
    vnc_stream_write(client->stream, name, name_bytes);
    return 1;
}

/* SecurityResult; 3.3 and 3.7 know no reason, and nothing at all after "none". */
static void accept_client(struct vnc_client *client)
{
    if (client->vnc_auth || client->minor >= 8)
        send_be32(client, 0);
    client->handler = client_init;
}

static void refuse_client(struct vnc_client *client, const char *reason)
{
    send_be32(client, 1);
    if (client->minor >= 8) {
        send_be32(client, (uint32_t)strlen(reason));
        vnc_stream_write(client->stream, reason, strlen(reason));
    }
    vnc_client_close(client, reason);
}

/* ---- the password ---- */

/* DES with the password as its key, the bits of each byte in reverse order (RFC 6143, 7.2.2). */
static void expected_response(const char *password, const uint8_t *challenge, uint8_t *response)
{
    uint8_t key[DES_KEY_SIZE] = { 0 };
    struct des_ctx des;

    for (size_t i = 0; i < sizeof(key) && password[i] != '\0'; i++) {
        for (unsigned bit = 0; bit < 8; bit++)
            key[i] |= (uint8_t)(((uint8_t)password[i] >> bit & 1) << (7 - bit));
    }
    des_set_key(&des, key); /* a weak key is the user's choice */
    des_encrypt(&des, 16, response, challenge);
}

static bool password_matches(const struct vnc_client *client, const uint8_t *response)
{
    const struct vnc_server *server = client->server;
    uint8_t expected[16], differ = 0;

    if (server->password == NULL || g_get_real_time() / G_USEC_PER_SEC >= server->password_ends)
        return false;
    expected_response(server->password, client->challenge, expected);
    for (size_t i = 0; i < sizeof(expected); i++) /* in a time that does not tell where */
        differ |= expected[i] ^ response[i];
    return differ == 0;
}

static size_t vnc_response(struct vnc_client *client, const uint8_t *data, size_t n)
{
    if (n < 16)
        return 0;
    if (password_matches(client, data))
        accept_client(client);
    else
        refuse_client(client, "Authentication failed");
    return 16;
}

static void ask_for_password(struct vnc_client *client)
{
    if (getrandom(client->challenge, sizeof(client->challenge), 0) !=
        (ssize_t)sizeof(client->challenge)) {
        vnc_client_close(client, "no random numbers");
        return;
    }
    vnc_stream_write(client->stream, client->challenge, sizeof(client->challenge));
    client->handler = vnc_response;
}

/* What follows once the way is agreed, inside TLS or not. */
static void authenticate(struct vnc_client *client)
{
    client->vnc_auth = client->server->config.password && !client->skip_auth;
    if (client->vnc_auth)
        ask_for_password(client);
    else
        accept_client(client);
}

/* ---- VeNCrypt ---- */

static uint32_t vencrypt_subtype(const struct vnc_server *server)
{
    bool password = server->config.password;

    if (vnc_tls_is_x509(server->creds))
        return password ? VENCRYPT_X509_VNC : VENCRYPT_X509_NONE;
    return password ? VENCRYPT_TLS_VNC : VENCRYPT_TLS_NONE;
}

static size_t vencrypt_choice(struct vnc_client *client, const uint8_t *data, size_t n)
{
    uint8_t accepted = 1;

    if (n < 4)
        return 0;
    /* More than the choice would be TLS before we agreed, or somebody's insertion into it. */
    if (get_be32(data) != vencrypt_subtype(client->server) || n != 4) {
        accepted = 0;
        vnc_stream_write(client->stream, &accepted, 1);
        vnc_client_close(client, "VeNCrypt: a subtype that was not offered");
        return 0;
    }
    vnc_stream_write(client->stream, &accepted, 1);
    if (vnc_stream_start_tls(client->stream, client->server->creds) < 0)
        vnc_client_close(client, "TLS cannot start");
    return 4;
}

static size_t vencrypt_version(struct vnc_client *client, const uint8_t *data, size_t n)
{
    uint8_t answer[6] = { 0, 1 }; /* accepted, one subtype */

    if (n < 2)
        return 0;
    if (data[0] != 0 || data[1] != 2) {
        answer[0] = 1;
        vnc_stream_write(client->stream, answer, 1);
        vnc_client_close(client, "VeNCrypt: a version other than 0.2");
        return 0;
    }
    put_be32(answer + 2, vencrypt_subtype(client->server));
    vnc_stream_write(client->stream, answer, sizeof(answer));
    client->handler = vencrypt_choice;
    return 2;
}

static size_t http(struct vnc_client *client, const uint8_t *data, size_t n);
static void greet(struct vnc_client *client);

void vnc_auth_secured(struct vnc_client *client)
{
    if (client->websocket)
        client->handler = http;
    else
        authenticate(client);
}

/* ---- version and security type ---- */

static uint8_t security_type(const struct vnc_client *client)
{
    if (uses_tls(client) && !client->websocket) /* a websocket has TLS below it already */
        return SECURITY_VENCRYPT;
    return client->server->config.password && !client->skip_auth ? SECURITY_VNC : SECURITY_NONE;
}

static void start_security(struct vnc_client *client)
{
    static const uint8_t vencrypt_0_2[2] = { 0, 2 };

    if (security_type(client) != SECURITY_VENCRYPT) {
        authenticate(client);
        return;
    }
    vnc_stream_write(client->stream, vencrypt_0_2, sizeof(vencrypt_0_2));
    client->handler = vencrypt_version;
}

static size_t security_choice(struct vnc_client *client, const uint8_t *data, size_t n)
{
    if (data[0] != security_type(client)) {
        refuse_client(client, "A security type that was not offered");
        return 0;
    }
    start_security(client);
    return 1;
}

/* 3.3: the server decides. It knows no VeNCrypt in practice; a client that old is refused. */
static void decide_security(struct vnc_client *client)
{
    static const char reason[] = "This server asks for TLS";
    uint8_t type = security_type(client);

    if (type != SECURITY_VENCRYPT) {
        send_be32(client, type);
        authenticate(client);
        return;
    }
    send_be32(client, 0);
    send_be32(client, sizeof(reason) - 1);
    vnc_stream_write(client->stream, reason, sizeof(reason) - 1);
    vnc_client_close(client, reason);
}

static size_t version(struct vnc_client *client, const uint8_t *data, size_t n)
{
    uint8_t list[2] = { 1, security_type(client) };

    if (n < 12)
        return 0;
    if (memcmp(data, "RFB 003.", 8) != 0 || data[11] != '\n') {
        vnc_client_close(client, "not an RFB client");
        return 0;
    }
    /* 3.8 and what Apple calls 3.889 are 3.8, 3.7 is 3.7, anything else is 3.3 (7.1.1). */
    client->minor = data[10] == '7' && data[9] == '0' ? 7 : data[10] >= '8' ? 8 : 3;
    if (client->minor == 3) {
        decide_security(client);
        return 12;
    }
    vnc_stream_write(client->stream, list, sizeof(list));
    client->handler = security_choice;
    return 12;
}

static void greet(struct vnc_client *client)
{
    vnc_stream_write(client->stream, "RFB 003.008\n", 12);
    vnc_stream_flush(client->stream);
    client->handler = version;
}

/* ---- browsers ---- */

static size_t http(struct vnc_client *client, const uint8_t *data, size_t n)
{
    struct http_answer answer;
    size_t used = http_request(data, n, client->server->web_root_fd, &answer);

    if (used == 0)
        return 0;
    vnc_stream_write(client->stream, answer.bytes->data, answer.bytes->len);
    g_byte_array_unref(answer.bytes);
    if (answer.upgraded && used == n) { /* a browser waits for the answer */
        vnc_stream_start_websocket(client->stream);
        greet(client);
    } else {
        vnc_stream_set_reading(client->stream, false);
        vnc_stream_finish(client->stream);
    }
    return used;
}

void vnc_auth_start(struct vnc_client *client)
{
    client->handler = http;
    if (!client->websocket)
        greet(client);
    else if (uses_tls(client) && vnc_stream_start_tls(client->stream, client->server->creds) < 0)
        vnc_client_close(client, "TLS cannot start");
}
