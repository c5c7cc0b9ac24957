#include "tests/qtest/media_bench.h"

#include <string.h>
#include <unistd.h>

#define PIIX_IDE 0x09 /* 00:01.1 */

static char *folder; /* of the test program */

/* ---- Images ---- */

void media_begin(void)
{
    folder = g_dir_make_tmp("hvm-dm-media-XXXXXX", NULL);
}

void media_end(void)
{
    static const char *const names[] = { "first.iso", "second.iso", "disk", "empty", "state" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = media_path(names[i]);
        unlink(path);
    }
    rmdir(folder);
    g_free(folder);
}

char *media_path(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

char *media_image(const char *name, char letter)
{
    char *path = media_path(name);
    g_autofree char *content = g_malloc(MEDIA_SIZE);

    memset(content, letter, MEDIA_SIZE);
    g_assert_true(g_file_set_contents(path, content, MEDIA_SIZE, NULL));
    return path;
}

struct qtest *media_start(const char *args)
{
    struct qtest *q = qtest_start(args);

    qtest_pci_write(q, PIIX_IDE, 0x04, 0x0005, 2);
    qtest_pci_write(q, PIIX_IDE, 0x40, 0x8000, 2);
    qtest_pci_write(q, PIIX_IDE, 0x42, 0x8000, 2);
    return q;
}

/* ---- The guest's side ---- */

uint8_t media_wait_idle(struct qtest *q, uint16_t base)
{
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t status = qtest_inb(q, base + 7);
        if ((status & 0x80) == 0)
            return status;
        g_usleep(100);
    }
    g_error("the drive stays busy");
}

void media_hd_command(struct qtest *q, uint8_t command, uint32_t lba, uint8_t count)
{
    qtest_outb(q, MEDIA_HD + 6, (uint8_t)(0xe0 | lba >> 24));
    qtest_outb(q, MEDIA_HD + 2, count);
    qtest_outb(q, MEDIA_HD + 3, (uint8_t)lba);
    qtest_outb(q, MEDIA_HD + 4, (uint8_t)(lba >> 8));
    qtest_outb(q, MEDIA_HD + 5, (uint8_t)(lba >> 16));
    qtest_outb(q, MEDIA_HD + 7, command);
}

void media_hd_read_sector(struct qtest *q, uint16_t *words)
{
    g_assert_cmphex(media_wait_idle(q, MEDIA_HD) & 0x09, ==, 0x08);
    for (unsigned i = 0; i < 256; i++)
        words[i] = qtest_inw(q, MEDIA_HD);
}

/* ---- The other side ---- */

void media_tell(struct qtest *q, const char *command, const char *args)
{
    g_autofree char *text = g_strdup_printf("{\"execute\": \"%s\", \"arguments\": {%s}}\n", command,
                                            args);

    qtest_qmp_send(q, text, strlen(text), -1);
}

void media_expect(struct qtest *q, const char *wanted)
{
    g_autofree char *line = qtest_qmp_line(q);

    if (line == NULL || strstr(line, wanted) == NULL)
        g_error("%s is not in: %s", wanted, line != NULL ? line : "(closed)");
}

void media_must(struct qtest *q, const char *command, const char *args)
{
    media_tell(q, command, args);
    media_expect(q, "{\"return\":{}}");
}

void media_must_fail(struct qtest *q, const char *command, const char *args, const char *why)
{
    media_tell(q, command, args);
    media_expect(q, why);
}

JsonObject *media_query(struct qtest *q, const char *command, unsigned n)
{
    g_autoptr(JsonObject) reply = qtest_qmp(q, "\"execute\": \"%s\"", command);
    JsonArray *list = json_object_get_array_member(reply, "return");

    g_assert_cmpuint(n, <, json_array_get_length(list));
    return json_object_ref(json_array_get_object_element(list, n));
}
