/*
 * TLS for one connection, by GnuTLS, on a non-blocking socket.
 */
#ifndef UI_VNC_TLS_H
#define UI_VNC_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct vnc_tls_creds; /* vnc.h */
struct vnc_tls;

bool vnc_tls_is_x509(const struct vnc_tls_creds *creds);

/* A server's session on fd, which stays the caller's; NULL when GnuTLS refuses. */
struct vnc_tls *vnc_tls_create(const struct vnc_tls_creds *creds, int fd);
void vnc_tls_destroy(struct vnc_tls *tls);

/* 0: done; -EAGAIN: when the socket is ready (for writing, if vnc_tls_wants_write()); -EPROTO. */
int vnc_tls_handshake(struct vnc_tls *tls);
/* Why the handshake failed; as long as tls lives. */
const char *vnc_tls_reason(const struct vnc_tls *tls);
bool vnc_tls_wants_write(const struct vnc_tls *tls);

/* As recv() and send(), with -errno. */
ssize_t vnc_tls_read(struct vnc_tls *tls, void *data, size_t n);
ssize_t vnc_tls_write(struct vnc_tls *tls, const void *data, size_t n);
/* Bytes that were received and decrypted already: the socket will not announce them. */
bool vnc_tls_pending(const struct vnc_tls *tls);

/* The subject of the client's certificate, for the caller to g_free(); NULL: none. */
char *vnc_tls_peer_name(const struct vnc_tls *tls);

#endif
