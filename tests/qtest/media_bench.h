/*
 * What the tests of disks and CDs share: images in a folder of the test's, a machine with its IDE
 * channels on, disk commands by ports, and QMP's answers word by word.
 */
#ifndef TESTS_QTEST_MEDIA_BENCH_H
#define TESTS_QTEST_MEDIA_BENCH_H

#include "tests/qtest/qtest.h"

#define MEDIA_SIZE (16 * 2048) /* of an image: CD sectors */
#define MEDIA_HD   0x1f0       /* ports of the primary channel */

/* The folder, and its end with what is known to be in it. */
void media_begin(void);
void media_end(void);
/* A path in it; an image there, all of one letter. The caller owns the path. */
char *media_path(const char *name);
char *media_image(const char *name, char letter);

/* What firmware does before anything else: both IDE channels decode their ports (IDETIM). */
struct qtest *media_start(const char *args);

/* The status of the channel whose drive is busy no more. */
uint8_t media_wait_idle(struct qtest *q, uint16_t base);
void media_hd_command(struct qtest *q, uint8_t command, uint32_t lba, uint8_t count);
void media_hd_read_sector(struct qtest *q, uint16_t *words);

/* A QMP command, and the next line that comes, which must contain what is wanted. */
void media_tell(struct qtest *q, const char *command, const char *args);
void media_expect(struct qtest *q, const char *wanted);
/* A command that must succeed at once, without an event; or fail, with this in its sentence. */
void media_must(struct qtest *q, const char *command, const char *args);
void media_must_fail(struct qtest *q, const char *command, const char *args, const char *why);
/* The n-th entry of what a query answers; the caller owns it. */
JsonObject *media_query(struct qtest *q, const char *command, unsigned n);

#endif
