#include "ui/vnc/tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/error.h"
#include "ui/vnc/vnc.h"

/* Not when every process starts: GnuTLS tests its algorithms then, milliseconds for nothing. */
GNUTLS_SKIP_GLOBAL_INIT

struct vnc_tls_creds {
    bool verify_peer;
    gnutls_certificate_credentials_t x509; /* one of the two is NULL */
    gnutls_anon_server_credentials_t anon;
};

struct vnc_tls {
    gnutls_session_t session;
    bool verify_peer;
    char *reason; /* why the handshake failed */
};

/* ---- credentials ---- */

/* The library is counted up; each set of credentials holds a count. */
static struct vnc_tls_creds *new_creds(void)
{
    gnutls_global_init();
    return g_new0(struct vnc_tls_creds, 1);
}

static int load_x509(gnutls_certificate_credentials_t x509, const char *dir, GError **err)
{
    g_autofree char *ca = g_build_filename(dir, "ca-cert.pem", NULL);
    g_autofree char *crl = g_build_filename(dir, "ca-crl.pem", NULL);
    g_autofree char *cert = g_build_filename(dir, "server-cert.pem", NULL);
    g_autofree char *key = g_build_filename(dir, "server-key.pem", NULL);
    int rc = gnutls_certificate_set_x509_trust_file(x509, ca, GNUTLS_X509_FMT_PEM);

    if (rc < 0)
        return fail(err, EINVAL, "-object tls-creds-x509: %s: %s", ca, gnutls_strerror(rc));
    rc = gnutls_certificate_set_x509_key_file(x509, cert, key, GNUTLS_X509_FMT_PEM);
    if (rc < 0)
        return fail(err, EINVAL, "-object tls-creds-x509: %s, %s: %s", cert, key,
                    gnutls_strerror(rc));
    if (!g_file_test(crl, G_FILE_TEST_EXISTS))
        return 0;
    rc = gnutls_certificate_set_x509_crl_file(x509, crl, GNUTLS_X509_FMT_PEM);
    if (rc < 0)
        return fail(err, EINVAL, "-object tls-creds-x509: %s: %s", crl, gnutls_strerror(rc));
    return 0;
}

/* What the status of a check means, in a sentence. */
static char *explain(unsigned status)
{
    gnutls_datum_t text;
    char *copy;

    if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0)
        return g_strdup("it cannot be trusted");
    copy = g_strchomp(g_strndup((const char *)text.data, text.size));
    gnutls_free(text.data);
    return copy;
}

static void free_chain(gnutls_x509_crt_t *chain, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
}

/* Looks at our own certificate with a viewer's eyes. */
static int check_own(gnutls_certificate_credentials_t x509, const char *dir, GError **err)
{
    unsigned char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_typed_vdata_st data = { GNUTLS_DT_KEY_PURPOSE_OID, purpose, sizeof(purpose) - 1 };
    gnutls_x509_trust_list_t trusted;
    gnutls_x509_crt_t *chain;
    unsigned n = 0, status = 0;

    gnutls_certificate_get_trust_list(x509, &trusted);
    int rc = gnutls_certificate_get_x509_crt(x509, 0, &chain, &n);
    if (rc >= 0) {
        rc = gnutls_x509_trust_list_verify_crt2(trusted, chain, n, &data, 1, 0, &status, NULL);
        free_chain(chain, n);
    }
    if (rc < 0)
        return fail(err, EINVAL, "-object tls-creds-x509: %s/server-cert.pem: %s", dir,
                    gnutls_strerror(rc));
    if (status == 0)
        return 0;
    g_autofree char *why = explain(status);
    return fail(err, EINVAL, "-object tls-creds-x509: %s/server-cert.pem: %s", dir, why);
}

struct vnc_tls_creds *vnc_tls_creds_x509(const char *dir, bool verify_peer, bool sanity_check,
                                         GError **err)
{
    struct vnc_tls_creds *creds = new_creds();

    creds->verify_peer = verify_peer;
    if (gnutls_certificate_allocate_credentials(&creds->x509) < 0) {
        fail(err, ENOMEM, "-object tls-creds-x509: not enough memory");
        goto out;
    }
    if (load_x509(creds->x509, dir, err) == 0 &&
        (!sanity_check || check_own(creds->x509, dir, err) == 0))
        return creds;
out:
    vnc_tls_creds_free(creds);
    return NULL;
}

struct vnc_tls_creds *vnc_tls_creds_anon(GError **err)
{
    struct vnc_tls_creds *creds = new_creds();

    if (gnutls_anon_allocate_server_credentials(&creds->anon) < 0) {
        fail(err, ENOMEM, "-object tls-creds-anon: not enough memory");
        vnc_tls_creds_free(creds);
        return NULL;
    }
    gnutls_anon_set_server_known_dh_params(creds->anon, GNUTLS_SEC_PARAM_MEDIUM);
    return creds;
}

void vnc_tls_creds_free(struct vnc_tls_creds *creds)
{
    if (creds->x509 != NULL)
        gnutls_certificate_free_credentials(creds->x509);
    if (creds->anon != NULL)
        gnutls_anon_free_server_credentials(creds->anon);
    g_free(creds);
    gnutls_global_deinit();
}

bool vnc_tls_is_x509(const struct vnc_tls_creds *creds)
{
    return creds->x509 != NULL;
}

/* ---- sessions ---- */

static int set_up(gnutls_session_t session, const struct vnc_tls_creds *creds)
{
    if (creds->anon != NULL) {
        /* TLS 1.3 knows no anonymous key exchange. */
        int rc = gnutls_priority_set_direct(session, "NORMAL:-VERS-TLS1.3:+ANON-ECDH:+ANON-DH",
                                            NULL);
        return rc < 0 ? rc : gnutls_credentials_set(session, GNUTLS_CRD_ANON, creds->anon);
    }
    int rc = gnutls_set_default_priority(session);
    if (creds->verify_peer)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    return rc < 0 ? rc : gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, creds->x509);
}

struct vnc_tls *vnc_tls_create(const struct vnc_tls_creds *creds, int fd)
{
    struct vnc_tls *tls = g_new0(struct vnc_tls, 1);

    tls->verify_peer = creds->verify_peer;
    if (gnutls_init(&tls->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0) {
        g_free(tls);
        return NULL;
    }
    if (set_up(tls->session, creds) < 0) {
        vnc_tls_destroy(tls);
        return NULL;
    }
    gnutls_transport_set_int(tls->session, fd);
    return tls;
}

void vnc_tls_destroy(struct vnc_tls *tls)
{
    gnutls_deinit(tls->session);
    g_free(tls->reason);
    g_free(tls);
}

static int give_up(struct vnc_tls *tls, char *why)
{
    tls->reason = g_strdup_printf("TLS: %s", why);
    g_free(why);
    return -EPROTO;
}

static int verify(struct vnc_tls *tls)
{
    unsigned status = 0;

    if (!tls->verify_peer)
        return 0;
    int rc = gnutls_certificate_verify_peers2(tls->session, &status);
    if (rc < 0)
        return give_up(tls, g_strdup(gnutls_strerror(rc)));
    return status == 0 ? 0 : give_up(tls, explain(status));
}

int vnc_tls_handshake(struct vnc_tls *tls)
{
    int rc;

    do {
        rc = gnutls_handshake(tls->session);
    } while (rc == GNUTLS_E_INTERRUPTED ||
             (rc < 0 && rc != GNUTLS_E_AGAIN && gnutls_error_is_fatal(rc) == 0));
    if (rc == GNUTLS_E_AGAIN)
        return -EAGAIN;
    return rc < 0 ? give_up(tls, g_strdup(gnutls_strerror(rc))) : verify(tls);
}

const char *vnc_tls_reason(const struct vnc_tls *tls)
{
    return tls->reason;
}

bool vnc_tls_wants_write(const struct vnc_tls *tls)
{
    return gnutls_record_get_direction(tls->session) == 1;
}

static ssize_t to_errno(ssize_t rc)
{
    if (rc >= 0)
        return rc;
    return rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED ? -EAGAIN : -EPROTO;
}

ssize_t vnc_tls_read(struct vnc_tls *tls, void *data, size_t n)
{
    return to_errno(gnutls_record_recv(tls->session, data, n));
}

ssize_t vnc_tls_write(struct vnc_tls *tls, const void *data, size_t n)
{
    return to_errno(gnutls_record_send(tls->session, data, n));
}

bool vnc_tls_pending(const struct vnc_tls *tls)
{
    return gnutls_record_check_pending(tls->session) > 0;
}

char *vnc_tls_peer_name(const struct vnc_tls *tls)
{
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(tls->session, &count);
    gnutls_x509_crt_t cert;
    gnutls_datum_t name = { 0 };
    char *copy = NULL;

    if (chain == NULL || count == 0 || gnutls_x509_crt_init(&cert) < 0)
        return NULL;
    if (gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_x509_crt_get_dn3(cert, &name, 0) == 0) {
        copy = g_strndup((const char *)name.data, name.size);
        gnutls_free(name.data);
    }
    gnutls_x509_crt_deinit(cert);
    return copy;
}
