/*
 * TLS with certificates: which of our own are refused before anybody connects, and which viewers
 * are. An authority, and what it signs, is made for each test.
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "vnc_wire.h"

#define DAY (24 * 60 * 60)

/* ---- an authority ---- */

struct identity {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;
};

struct wish {
    const char *name;
    const char *purpose; /* NULL: any; an authority has none */
    bool authority;
    int from_day, to_day; /* from today */
};

/* signer NULL: it signs itself. */
static struct identity make(const struct wish *wish, const struct identity *signer)
{
    static uint8_t serial;
    struct identity id;

    serial++;
    gnutls_x509_privkey_init(&id.key);
    gnutls_x509_privkey_generate(id.key, GNUTLS_PK_ECDSA,
                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_init(&id.cert);
    gnutls_x509_crt_set_version(id.cert, 3);
    gnutls_x509_crt_set_serial(id.cert, &serial, 1);
    gnutls_x509_crt_set_key(id.cert, id.key);
    gnutls_x509_crt_set_dn_by_oid(id.cert, GNUTLS_OID_X520_COMMON_NAME, 0, wish->name,
                                  (unsigned)strlen(wish->name));
    gnutls_x509_crt_set_activation_time(id.cert, time(NULL) + (time_t)wish->from_day * DAY);
    gnutls_x509_crt_set_expiration_time(id.cert, time(NULL) + (time_t)wish->to_day * DAY);
    gnutls_x509_crt_set_basic_constraints(id.cert, wish->authority, -1);
    if (wish->authority)
        gnutls_x509_crt_set_key_usage(id.cert, GNUTLS_KEY_KEY_CERT_SIGN);
    if (wish->purpose != NULL)
        gnutls_x509_crt_set_key_purpose_oid(id.cert, wish->purpose, 0);
    if (signer == NULL)
        signer = &id;
    int rc = gnutls_x509_crt_sign2(id.cert, signer->cert, signer->key, GNUTLS_DIG_SHA256, 0);
    g_assert_cmpint(rc, ==, 0);
    return id;
}

static void forget(struct identity *id)
{
    gnutls_x509_crt_deinit(id->cert);
    gnutls_x509_privkey_deinit(id->key);
}

static struct identity make_authority(const char *name)
{
    return make(&(struct wish){ name, NULL, true, -1, 1000 }, NULL);
}

/* ---- a folder with certificates ---- */

static char *path_in(const char *dir, const char *name)
{
    return g_build_filename(dir, name, NULL);
}

static void save(const char *dir, const char *name, gnutls_datum_t *pem)
{
    g_autofree char *path = path_in(dir, name);

    g_assert_true(g_file_set_contents(path, (const char *)pem->data, pem->size, NULL));
    gnutls_free(pem->data);
}

static void save_cert(const char *dir, const char *name, const struct identity *id)
{
    gnutls_datum_t pem;

    gnutls_x509_crt_export2(id->cert, GNUTLS_X509_FMT_PEM, &pem);
    save(dir, name, &pem);
}

static void save_key(const char *dir, const char *name, const struct identity *id)
{
    gnutls_datum_t pem;

    gnutls_x509_privkey_export2(id->key, GNUTLS_X509_FMT_PEM, &pem);
    save(dir, name, &pem);
}

static char *make_dir(const struct identity *ca, const struct identity *server)
{
    char *dir = g_dir_make_tmp("tls-XXXXXX", NULL);

    save_cert(dir, "ca-cert.pem", ca);
    save_cert(dir, "server-cert.pem", server);
    save_key(dir, "server-key.pem", server);
    return dir;
}

static void remove_dir(const char *dir)
{
    static const char *const names[] = { "ca-cert.pem", "server-cert.pem", "server-key.pem" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = path_in(dir, names[i]);
        g_unlink(path);
    }
    g_rmdir(dir);
}

/* ---- our own certificate ---- */

/* A certificate like this is refused with a sentence that names the file and contains `why`. */
static void expect_refusal(const struct wish *wish, bool by_other_authority, const char *why)
{
    struct identity ca = make_authority("us"), other = make_authority("others");
    struct identity server = make(wish, by_other_authority ? &other : &ca);
    g_autofree char *dir = make_dir(&ca, &server);
    GError *err = NULL;

    g_assert_null(vnc_tls_creds_x509(dir, true, true, &err));
    g_test_message("%s", err->message);
    g_assert_nonnull(strstr(err->message, "server-cert.pem: "));
    g_assert_nonnull(strstr(err->message, why));
    g_assert_null(strchr(err->message, '\n'));
    g_error_free(err);

    /* Who says that he does not care gets it. */
    struct vnc_tls_creds *creds = vnc_tls_creds_x509(dir, true, false, NULL);
    g_assert_nonnull(creds);
    vnc_tls_creds_free(creds);
    remove_dir(dir);
    forget(&server);
    forget(&other);
    forget(&ca);
}

static void test_own_certificate(void)
{
    expect_refusal(&(struct wish){ "host", GNUTLS_KP_TLS_WWW_SERVER, false, -9, -2 }, false,
                   "expired");
    expect_refusal(&(struct wish){ "host", GNUTLS_KP_TLS_WWW_SERVER, false, 2, 9 }, false,
                   "not yet valid");
    expect_refusal(&(struct wish){ "host", GNUTLS_KP_TLS_WWW_SERVER, false, -1, 9 }, true,
                   "issuer is unknown");
    expect_refusal(&(struct wish){ "host", GNUTLS_KP_TLS_WWW_CLIENT, false, -1, 9 }, false,
                   "purpose");
}

static void test_key_of_another(void)
{
    struct identity ca = make_authority("us");
    struct wish wish = { "host", GNUTLS_KP_TLS_WWW_SERVER, false, -1, 9 };
    struct identity server = make(&wish, &ca), stranger = make(&wish, &ca);
    g_autofree char *dir = make_dir(&ca, &server);
    GError *err = NULL;

    save_key(dir, "server-key.pem", &stranger);
    g_assert_null(vnc_tls_creds_x509(dir, false, false, &err));
    g_assert_nonnull(strstr(err->message, "server-key.pem: "));
    g_error_free(err);
    remove_dir(dir);
    forget(&stranger);
    forget(&server);
    forget(&ca);
}

/* ---- viewers ---- */

struct viewer {
    gnutls_certificate_credentials_t creds;
    gnutls_session_t session;
    int fd;
};

/* Through VeNCrypt (X509None), and TLS as far as it gets: what GnuTLS says at our end. */
static int connect_viewer(struct viewer *v, struct wire_machine *m, struct identity *ca,
                          struct identity *id)
{
    int rc;

    v->fd = wire_connect(m);
    wire_expect(v->fd, "RFB 003.008\n", 12);
    wire_send(v->fd, "RFB 003.008\n\x13", 13);
    wire_expect(v->fd, "\1\x13\0\2", 4);
    wire_send(v->fd, "\0\2\0\0\1\4", 6);
    wire_expect(v->fd, "\0\1\0\0\1\4\1", 7);
    gnutls_certificate_allocate_credentials(&v->creds);
    gnutls_certificate_set_x509_trust(v->creds, &ca->cert, 1);
    if (id != NULL)
        gnutls_certificate_set_x509_key(v->creds, &id->cert, 1, id->key);
    gnutls_init(&v->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
    gnutls_set_default_priority(v->session);
    gnutls_credentials_set(v->session, GNUTLS_CRD_CERTIFICATE, v->creds);
    gnutls_session_set_verify_cert(v->session, NULL, 0);
    gnutls_transport_set_int(v->session, v->fd);
    while ((rc = gnutls_handshake(v->session)) == GNUTLS_E_AGAIN)
        g_main_context_iteration(NULL, FALSE);
    return rc;
}

static void leave(struct viewer *v)
{
    gnutls_deinit(v->session);
    gnutls_certificate_free_credentials(v->creds);
    close(v->fd);
    wire_settle();
}

/* n bytes, or fewer when the server ends the connection. */
static size_t receive(const struct viewer *v, uint8_t *data, size_t n)
{
    size_t have = 0;

    while (have < n) {
        ssize_t got = gnutls_record_recv(v->session, data + have, n - have);

        if (got > 0)
            have += (size_t)got;
        else if (got != GNUTLS_E_AGAIN && gnutls_error_is_fatal((int)got) != 0)
            break;
        else if (got == 0)
            break;
        g_main_context_iteration(NULL, FALSE);
    }
    return have;
}

static void see_the_screen(const struct viewer *v)
{
    uint8_t bytes[30];

    g_assert_cmpuint(receive(v, bytes, 4), ==, 4);
    g_assert_cmpuint(get_be32(bytes), ==, 0);
    g_assert_cmpint((int)gnutls_record_send(v->session, "\1", 1), ==, 1);
    g_assert_cmpuint(receive(v, bytes, 30), ==, 30);
    g_assert_cmpmem(bytes + 24, 6, "hvm-dm", 6);
}

/* Its handshake may seem complete to the viewer (TLS 1.3), but it hears nothing after it. */
static void expect_shut_out(struct wire_machine *m, struct identity *ca, struct identity *id)
{
    struct viewer v;
    uint8_t byte;

    if (connect_viewer(&v, m, ca, id) == 0)
        g_assert_cmpuint(receive(&v, &byte, 1), ==, 0);
    leave(&v);
}

static const struct wish of_server = { "host", GNUTLS_KP_TLS_WWW_SERVER, false, -1, 9 };

static void test_viewer_checks_us(void)
{
    struct identity ca = make_authority("us"), other = make_authority("others");
    struct identity server = make(&of_server, &ca);
    g_autofree char *dir = make_dir(&ca, &server);
    struct vnc_tls_creds *creds = vnc_tls_creds_x509(dir, false, true, NULL);
    struct wire_machine m;
    struct viewer v;

    g_assert_nonnull(creds);
    wire_machine_create(&m, ",tls-creds=tls0", creds, false);
    int rc = connect_viewer(&v, &m, &ca, NULL);
    g_assert_cmpint(rc, ==, 0);
    see_the_screen(&v);
    leave(&v);
    /* One that trusts somebody else turns away by himself. */
    rc = connect_viewer(&v, &m, &other, NULL);
    g_assert_cmpint(rc, ==, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
    leave(&v);
    wire_machine_destroy(&m);
    vnc_tls_creds_free(creds);
    remove_dir(dir);
    forget(&server);
    forget(&other);
    forget(&ca);
}

static void test_we_check_viewers(void)
{
    struct identity ca = make_authority("us"), other = make_authority("others");
    struct identity server = make(&of_server, &ca);
    struct wish wish = { "alice", GNUTLS_KP_TLS_WWW_CLIENT, false, -1, 9 };
    struct wish late = { "bob", GNUTLS_KP_TLS_WWW_CLIENT, false, -9, -2 };
    struct identity alice = make(&wish, &ca), impostor = make(&wish, &other);
    struct identity bob = make(&late, &ca);
    g_autofree char *dir = make_dir(&ca, &server);
    struct vnc_tls_creds *creds = vnc_tls_creds_x509(dir, true, true, NULL);
    struct wire_machine m;
    struct vnc_info info;
    struct viewer v;

    wire_machine_create(&m, ",tls-creds=tls0", creds, false);
    int rc = connect_viewer(&v, &m, &ca, &alice);
    g_assert_cmpint(rc, ==, 0);
    see_the_screen(&v);
    vnc_query(m.server, &info);
    g_assert_cmpuint(info.clients->len, ==, 1);
    const struct vnc_client_info *client = &g_array_index(info.clients, struct vnc_client_info, 0);
    g_assert_cmpstr(client->x509_dname, ==, "CN=alice");
    g_assert_cmpstr(client->auth, ==, "vencrypt+x509+none");
    vnc_info_clear(&info);
    leave(&v);

    expect_shut_out(&m, &ca, NULL);
    expect_shut_out(&m, &ca, &impostor);
    expect_shut_out(&m, &ca, &bob);
    wire_machine_destroy(&m);
    vnc_tls_creds_free(creds);
    remove_dir(dir);
    forget(&bob);
    forget(&impostor);
    forget(&alice);
    forget(&server);
    forget(&other);
    forget(&ca);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    gnutls_global_init();
    g_test_add_func("/vnc/tls/own-certificate", test_own_certificate);
    g_test_add_func("/vnc/tls/key-of-another", test_key_of_another);
    g_test_add_func("/vnc/tls/viewer-checks-us", test_viewer_checks_us);
    g_test_add_func("/vnc/tls/we-check-viewers", test_we_check_viewers);
    return g_test_run();
}
