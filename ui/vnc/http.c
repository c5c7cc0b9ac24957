#include "ui/vnc/websocket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_MAX    (8 * 1024 * 1024)
#define START_PAGE  "vnc.html"                             /* noVNC's */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */

/* ---- answers ---- */

static void put_text(GByteArray *out, const char *text)
{
    g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
}

static void put_head(GByteArray *out, const char *status, const char *type, size_t length)
{
    g_autofree char *head = g_strdup_printf("HTTP/1.1 %s\r\n"
                                            "Content-Type: %s\r\n"
                                            "Content-Length: %zu\r\n"
                                            "X-Content-Type-Options: nosniff\r\n"
                                            "Connection: close\r\n\r\n",
                                            status, type, length);
    put_text(out, head);
}

static void put_error(GByteArray *out, const char *status)
{
    put_head(out, status, "text/plain", strlen(status) + 1);
    put_text(out, status);
    put_text(out, "\n");
}

static void put_upgrade(GByteArray *out, const char *key, bool binary)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    uint8_t digest[20];
    gsize size = sizeof(digest);

    g_checksum_update(sum, (const guchar *)key, -1);
    g_checksum_update(sum, (const guchar *)ACCEPT_GUID, -1);
    g_checksum_get_digest(sum, digest, &size);
    g_autofree char *accept = g_base64_encode(digest, size);
    g_autofree char *head = g_strdup_printf("HTTP/1.1 101 Switching Protocols\r\n"
                                            "Upgrade: websocket\r\n"
                                            "Connection: Upgrade\r\n"
                                            "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                                            accept,
                                            binary ? "Sec-WebSocket-Protocol: binary\r\n" : "");
    put_text(out, head);
}

/* ---- files ---- */

static const char *type_of(const char *path)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".json", "application/json" },
        { ".svg", "image/svg+xml" },
        { ".png", "image/png" },
        { ".ico", "image/x-icon" },
        { ".woff", "font/woff" },
        { ".ttf", "font/ttf" },
        { ".mp3", "audio/mpeg" },
        { ".oga", "audio/ogg" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_str_has_suffix(path, types[i].suffix))
            return types[i].type;
    }
    return "application/octet-stream";
}

/* Opens a file below the directory; the kernel refuses every way out of it. */
static int open_below(int root_fd, const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

static bool read_file(int fd, size_t size, GByteArray *to)
{
    while (size > 0) {
        uint8_t part[4096];
        ssize_t n = read(fd, part, MIN(size, sizeof(part)));

        if (n <= 0)
            return false;
        g_byte_array_append(to, part, (guint)n);
        size -= (size_t)n;
    }
    return true;
}

static void put_file(GByteArray *out, int root_fd, const char *path)
{
    g_autoptr(GByteArray) content = g_byte_array_new();
    int fd = open_below(root_fd, path);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX &&
        read_file(fd, (size_t)st.st_size, content)) {
        put_head(out, "200 OK", type_of(path), content->len);
        g_byte_array_append(out, content->data, content->len);
    } else {
        put_error(out, "404 Not Found");
    }
    if (fd >= 0)
        close(fd);
}

/* target: what stands in the request line. */
static void put_page(GByteArray *out, int root_fd, const char *target)
{
    g_autofree char *path = NULL;
    g_autofree char *name = NULL;

    if (root_fd < 0 || target[0] != '/') {
        put_error(out, "404 Not Found");
        return;
    }
    path = g_strndup(target + 1, strcspn(target + 1, "?#"));
    name = g_uri_unescape_string(path, NULL);
    if (name == NULL)
        put_error(out, "400 Bad Request");
    else
        put_file(out, root_fd, name[0] != '\0' ? name : START_PAGE);
}

/* ---- requests ---- */

/* The value of a header field, to be freed; NULL: there is none. */
static char *field(char *const *lines, const char *name)
{
    size_t n = strlen(name);

    for (; *lines != NULL; lines++) {
        if (g_ascii_strncasecmp(*lines, name, n) == 0 && (*lines)[n] == ':')
            return g_strstrip(g_strdup(*lines + n + 1));
    }
    return NULL;
}

/* Whether a comma-separated list has the token. */
static bool has_token(const char *list, const char *token)
{
    g_auto(GStrv) parts = g_strsplit(list != NULL ? list : "", ",", 16);

    for (char **part = parts; *part != NULL; part++) {
        if (g_ascii_strcasecmp(g_strstrip(*part), token) == 0)
            return true;
    }
    return false;
}

static void answer_request(char *const *lines, int root_fd, struct http_answer *answer)
{
    g_auto(GStrv) words = g_strsplit(lines[0], " ", 4);
    g_autofree char *upgrade = field(lines, "Upgrade");
    g_autofree char *key = field(lines, "Sec-WebSocket-Key");
    g_autofree char *version = field(lines, "Sec-WebSocket-Version");
    g_autofree char *protocols = field(lines, "Sec-WebSocket-Protocol");

    if (g_strv_length(words) != 3 || strcmp(words[0], "GET") != 0) {
        put_error(answer->bytes, "400 Bad Request");
    } else if (!has_token(upgrade, "websocket")) {
        put_page(answer->bytes, root_fd, words[1]);
    } else if (key == NULL || version == NULL || strcmp(version, "13") != 0) {
        put_error(answer->bytes, "426 Upgrade Required");
    } else {
        put_upgrade(answer->bytes, key, has_token(protocols, "binary"));
        answer->upgraded = true;
    }
}

size_t http_request(const uint8_t *data, size_t n, int root_fd, struct http_answer *answer)
{
    const char *end = n > 0 ? g_strstr_len((const char *)data, (gssize)n, "\r\n\r\n") : NULL;

    *answer = (struct http_answer){ 0 };
    if (end == NULL && n < HTTP_HEADER_MAX)
        return 0;
    answer->bytes = g_byte_array_new();
    if (end == NULL) {
        put_error(answer->bytes, "431 Request Header Fields Too Large");
        return n;
    }
    size_t length = (size_t)(end - (const char *)data);
    g_autofree char *text = g_strndup((const char *)data, length);
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", 0);
    if (lines[0] == NULL)
        put_error(answer->bytes, "400 Bad Request");
    else
        answer_request(lines, root_fd, answer);
    return length + 4;
}
