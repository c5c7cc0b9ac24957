/*
 * kill -9 at random moments: a child writes to an image and tells through a pipe what it has
 * flushed; the parent kills it, then looks from outside. qemu-img must find no corruption (leaks
 * are allowed), and every sector must hold what was flushed last or something written later.
 *
 * crash [-s SEED] [-n ROUNDS]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "base/log.h"
#include "base/loop.h"
#include "block/image.h"
#include "block/node.h"

#define SECTORS      (32u * 2048) /* the disk: 32 MiB */
#define SECTOR       512u
#define AREAS        64 /* each with a stamp that only grows */
#define AREA         (SECTORS / AREAS)
#define MAX_ROUND_US 60000

struct test_case {
    const char *name, *format;
    uint32_t cluster_size;
    bool lazy;
};

static const struct test_case cases[] = {
    { "raw", "raw" },
    { "qcow2", "qcow2", 0, false },
    { "qcow2-512", "qcow2", 512, false },
    { "qcow2-lazy", "qcow2", 4096, true },
    { "vhd-dynamic", "vpc", 0, false },
};

/* What is known to be on the disk: the stamp of each area. */
struct message {
    uint32_t area, stamp;
};

static _Noreturn void give_up(const char *name, const char *what, const char *detail)
{
    printf("Bail out! %s: %s %s\n", name, what, detail);
    exit(1);
}

static struct block_user *open_image(const struct test_case *c, const char *path, bool read_only)
{
    struct block_options o = {
        .path = path, .format = c->format, .read_only = read_only, .discard_unmap = true
    };
    struct block_node *node;
    g_autoptr(GError) err = NULL;

    if (block_open(&o, &node, &err) < 0)
        give_up(c->name, "open:", err->message);
    struct block_user *user = block_attach(node, "crash", NULL, NULL);
    block_unref(node);
    return user;
}

static void ignore(void *opaque, int ret)
{
}

/* Writes stamps into random places of a random area, flushes, and says so. Never returns. */
static _Noreturn void child(const struct test_case *c, const char *path, uint32_t first_stamp,
                            uint32_t seed, int pipe_fd)
{
    struct block_user *user = open_image(c, path, false);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    uint32_t sector[SECTOR / 4];

    for (uint32_t stamp = first_stamp;; stamp++) {
        struct message m = { (uint32_t)g_rand_int_range(rand, 0, AREAS), stamp };
        uint64_t start = (uint64_t)m.area * AREA * SECTOR;

        /* The first and the last sector of the area carry the stamp. */
        for (unsigned i = 0; i < SECTOR / 4; i++)
            sector[i] = stamp;
        block_discard(user, start + 8 * (uint64_t)SECTOR, (AREA - 16) * (uint64_t)SECTOR, ignore,
                      NULL);
        block_write_sync(user, start, sector, SECTOR);
        block_write_sync(user, start + (AREA - 1) * (uint64_t)SECTOR, sector, SECTOR);
        block_write_sync(user, start + (uint64_t)g_rand_int_range(rand, 16, AREA - 16) * SECTOR,
                         sector, SECTOR);
        if (block_flush_sync(user) < 0 || write(pipe_fd, &m, sizeof(m)) != sizeof(m))
            _exit(1);
    }
}

static void check_outside(const struct test_case *c, const char *path)
{
    g_autofree char *command = g_strdup_printf("qemu-img check -q -f qcow2 %s", path);
    int status = 0;

    if (strcmp(c->format, "qcow2") != 0)
        return;
    /* lazy refcounts are repaired by whoever opens the image: us */
    if (c->lazy)
        block_detach(open_image(c, path, false));
    g_autofree char *out = NULL, *errors = NULL; /* lists of leaks */
    if (!g_spawn_command_line_sync(command, &out, &errors, &status, NULL))
        give_up(c->name, "qemu-img", "");
    int code = WEXITSTATUS(status);
    if (code != 0 && code != 3) /* 3: leaks only */
        give_up(c->name, "qemu-img check finds corruption in", path);
}

static void check_stamps(const struct test_case *c, const char *path, const uint32_t *flushed)
{
    struct block_user *user = open_image(c, path, true);
    uint32_t sector[SECTOR / 4];

    for (unsigned area = 0; area < AREAS; area++)
        for (unsigned last = 0; last < 2; last++) {
            uint64_t at = ((uint64_t)area * AREA + (last ? AREA - 1 : 0)) * SECTOR;

            if (block_read_sync(user, at, sector, SECTOR) < 0)
                give_up(c->name, "read", path);
            if (sector[0] < flushed[area] || sector[0] != sector[SECTOR / 4 - 1])
                give_up(c->name, "a flushed write is lost in", path);
        }
    block_detach(user);
}

static void round_of(const struct test_case *c, const char *path, GRand *rand, uint32_t *flushed,
                     uint32_t *stamp)
{
    struct message m;
    int fds[2];
    uint32_t seed = g_rand_int(rand);

    if (pipe(fds) < 0)
        give_up(c->name, "pipe", "");
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        loop_init();
        child(c, path, *stamp, seed, fds[1]);
    }
    close(fds[1]);
    g_usleep((gulong)g_rand_int_range(rand, 100, MAX_ROUND_US));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (read(fds[0], &m, sizeof(m)) == sizeof(m)) {
        flushed[m.area] = m.stamp;
        *stamp = m.stamp + 2; /* the one after may be on the disk too */
    }
    close(fds[0]);
}

/* The looks are taken by processes of their own, so that the parent has no threads when it forks.
 */
static void look(const struct test_case *c, const char *path, const uint32_t *flushed)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        loop_init();
        log_set_level(LOG_ERROR); /* "is repaired" is what we want */
        check_outside(c, path);
        check_stamps(c, path, flushed);
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (status != 0)
        exit(1);
}

static void run_case(const struct test_case *c, uint32_t seed, unsigned rounds)
{
    g_autofree char *dir = g_dir_make_tmp("hvm-crash-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "image", NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(GError) err = NULL;
    uint32_t flushed[AREAS] = { 0 }, stamp = 1;
    struct image_create_options o = {
        .path = path,
        .format = c->format,
        .size = (uint64_t)SECTORS * SECTOR,
        .cluster_size = c->cluster_size,
        .lazy_refcounts = c->lazy,
    };

    if (image_create(&o, &err) < 0)
        give_up(c->name, "create:", err->message);
    for (unsigned i = 0; i < rounds; i++) {
        round_of(c, path, rand, flushed, &stamp);
        look(c, path, flushed);
    }
    printf("# %s: %u flushes in %u rounds\n", c->name, stamp, rounds);
    g_unlink(path);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    uint32_t seed = (uint32_t)g_get_real_time();
    unsigned rounds = 10;
    int option;

    while ((option = getopt(argc, argv, "s:n:")) != -1) {
        if (option == 's')
            seed = (uint32_t)strtoul(optarg, NULL, 0);
        else if (option == 'n')
            rounds = (unsigned)strtoul(optarg, NULL, 0);
        else
            return 2;
    }
    g_autofree char *qemu_img = g_find_program_in_path("qemu-img");
    if (qemu_img == NULL) {
        printf("1..0 # SKIP no qemu-img to check with\n");
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("# seed %u, %u rounds\n1..%zu\n", seed, rounds, G_N_ELEMENTS(cases));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        run_case(&cases[i], seed, rounds);
        printf("ok %zu %s\n", i + 1, cases[i].name);
    }
    return 0;
}
