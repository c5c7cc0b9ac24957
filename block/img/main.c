/* hvm-img: creates, inspects and converts disk images. */
#include <stdio.h>
#include <string.h>

#include "base/loop.h"
#include "base/tag.h"
#include "block/img/img.h"

static const struct img_command *const commands[] = {
    &img_bench, &img_check, &img_commit, &img_compare, &img_convert,  &img_create,
    &img_info,  &img_map,   &img_rebase, &img_resize,  &img_snapshot,
};

static void usage(FILE *out)
{
    fputs("usage: hvm-img COMMAND [options]\n\n", out);
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(out, "  %s %s\n", commands[i]->name, commands[i]->usage);
    fputs("\nFormats: raw, qcow2, vpc. See hvm-img(1).\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return IMG_EXIT_ERROR;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("hvm-img " HVMDM_VERSION);
        return 0;
    }
    loop_init();
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        if (strcmp(argv[1], commands[i]->name) == 0)
            return commands[i]->run(argc - 1, argv + 1);
    return img_fail("command \"%s\" is not known; see hvm-img --help", argv[1]);
}
