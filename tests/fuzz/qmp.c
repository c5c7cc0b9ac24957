/*
 * libFuzzer target for the QMP server: the bytes are what a peer sends.
 */
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "chardev/chardev.h"
#include "qmp/qmp.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    loop_init();
    log_set_level(LOG_ERROR);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hello[] = "{\"execute\": \"qmp_capabilities\"}\n";
    struct opts *opts = opts_parse("-chardev", "ringbuf,id=fuzz,size=64k", "backend", NULL);
    struct chardev *chr = chardev_create(opts, NULL, NULL);
    struct qmp *qmp = qmp_create();
    uint8_t answers[4096];

    qmp_add_monitor(qmp, chr, false);
    chardev_ringbuf_send(chr, (const uint8_t *)hello, strlen(hello));
    for (size_t n; size > 0; data += n, size -= n) {
        n = chardev_ringbuf_send(chr, data, size);
        if (n == 0)
            break;
        while (chardev_ringbuf_read(chr, answers, sizeof(answers)) > 0)
            ;
    }
    qmp_destroy(qmp);
    chardev_destroy(chr);
    opts_free(opts);
    return 0;
}
