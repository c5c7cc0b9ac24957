#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/version.h"
#include "base/tag.h"
#include "base/error.h"

/* In the order of bring-up. */
static const struct cli_topic *const topics[] = {
    &cli_record,  &cli_machine, &cli_char, &cli_disk, &cli_qmp, &cli_object, &cli_display, &cli_net,
#if HVMDM_HAVE_XEN
    &cli_xen,
#endif
    &cli_process, /* the last: it gives up rights */
};

static const struct cli_option *find_option(const char *name)
{
    for (unsigned t = 0; t < G_N_ELEMENTS(topics); t++)
        for (const struct cli_option *o = topics[t]->options; o->name != NULL; o++)
            if (strcmp(o->name, name) == 0)
                return o;
    return NULL;
}

void cli_for_each_option(void (*fn)(const struct cli_option *option, void *opaque), void *opaque)
{
    for (unsigned t = 0; t < G_N_ELEMENTS(topics); t++)
        for (const struct cli_option *o = topics[t]->options; o->name != NULL; o++)
            fn(o, opaque);
}

static void print_option(const struct cli_option *o)
{
    g_autofree char *left = g_strdup_printf("-%s %s", o->name, o->arg != NULL ? o->arg : "");
    g_auto(GStrv) lines = g_strsplit(o->help, "\n", 0);

    if (strlen(left) > 30)
        printf("  %s\n  %-30s %s\n", left, "", lines[0]);
    else
        printf("  %-30s %s\n", left, lines[0]);
    for (char **line = lines + 1; lines[0] != NULL && *line != NULL; line++)
        printf("  %-30s %s\n", "", *line);
}

static void print_help(const char *argv0)
{
    printf("%s " HVMDM_VERSION ", the device model of a hardware virtual machine\n\n"
           "usage: %s [options] [DISK]\n",
           "hvm-dm", argv0);
    for (unsigned t = 0; t < G_N_ELEMENTS(topics); t++) {
        printf("\n%s:\n", topics[t]->title);
        for (const struct cli_option *o = topics[t]->options; o->name != NULL; o++)
            if (o->help != NULL)
                print_option(o);
    }
    printf("\nOther:\n");
    printf("  %-30s %s\n", "-h, --help", "this text");
    printf("  %-30s %s\n", "--version", "version and what is compiled in");
}

static bool is_any(const char *arg, const char *a, const char *b)
{
    return strcmp(arg, a) == 0 || strcmp(arg, b) == 0;
}

/* Anything else is the name of a disk. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

static const char *option_name(const char *word)
{
    return word + (word[1] == '-' ? 2 : 1);
}

static int take_option(struct app *app, char **argv, int *i, GError **err)
{
    const struct cli_option *o = find_option(option_name(argv[*i]));

    if (o == NULL)
        return fail(err, EINVAL, "%s: there is no such option (--help lists them)", argv[*i]);
    if (o->arg == NULL)
        return o->take(app, NULL, err);
    if (argv[*i + 1] == NULL)
        return fail(err, EINVAL, "-%s: needs an argument: %s", o->name, o->arg);
    *i += 1;
    return o->take(app, argv[*i], err);
}

int cli_parse(struct app *app, int argc, char **argv, GError **err)
{
    int rc = 0;

    for (int i = 1; i < argc && rc == 0; i++) {
        if (is_any(argv[i], "-h", "-help") || is_any(argv[i], "--help", "-?")) {
            print_help(argv[0]);
            return 1;
        }
        if (is_any(argv[i], "-version", "--version")) {
            printf("hvm-dm version " HVMDM_VERSION "\ncores:%s\nfeatures:%s\n", HVMDM_CORES,
                   HVMDM_FEATURES);
            return 1;
        }
        if (is_option(argv[i]))
            rc = take_option(app, argv, &i, err);
        else
            rc = find_option("hda")->take(app, argv[i], err);
    }
    return rc;
}

void cli_machine_options(int argc, char **argv, GPtrArray *strings)
{
    for (int i = 1; i < argc; i++) {
        if (!is_option(argv[i])) {
            g_ptr_array_add(strings, argv[i]);
            continue;
        }
        const struct cli_option *o = find_option(option_name(argv[i]));
        bool has_arg = o->arg != NULL && i + 1 < argc;

        if (!o->host) {
            g_ptr_array_add(strings, argv[i]);
            if (has_arg)
                g_ptr_array_add(strings, argv[i + 1]);
        }
        i += has_arg;
    }
}

int cli_prepare(struct app *app, GError **err)
{
    int rc = 0;

    for (unsigned t = 0; t < G_N_ELEMENTS(topics) && rc == 0; t++)
        if (topics[t]->prepare != NULL)
            rc = topics[t]->prepare(app, err);
    return rc;
}

int cli_connect(struct app *app, GError **err)
{
    int rc = 0;

    for (unsigned t = 0; t < G_N_ELEMENTS(topics) && rc == 0; t++)
        if (topics[t]->connect != NULL)
            rc = topics[t]->connect(app, err);
    return rc;
}

void cli_cleanup(struct app *app)
{
    for (unsigned t = G_N_ELEMENTS(topics); t-- > 0;)
        if (topics[t]->cleanup != NULL)
            topics[t]->cleanup(app);
}
