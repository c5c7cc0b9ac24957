/* hvm-img info, map and snapshot */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "block/img/img.h"

struct query {
    struct img_open open;
    bool json, chain;
};

/* ---- info ---- */

static void json_snapshot(struct img_json *j, const struct image_snapshot *s)
{
    img_json_begin(j, NULL, '{');
    img_json_string(j, "id", s->id);
    img_json_string(j, "name", s->name);
    img_json_number(j, "vm-state-size", s->vm_state_size);
    img_json_number(j, "date-sec", s->date_sec);
    img_json_number(j, "date-nsec", s->date_nsec);
    img_json_number(j, "vm-clock-sec", s->vm_clock_ns / 1000000000);
    img_json_number(j, "vm-clock-nsec", s->vm_clock_ns % 1000000000);
    img_json_end(j, '}');
}

static void json_snapshots(struct img_json *j, struct block_node *node)
{
    unsigned n = image_snapshot_count(node);

    if (n == 0)
        return;
    img_json_begin(j, "snapshots", '[');
    for (unsigned i = 0; i < n; i++) {
        struct image_snapshot s;

        image_snapshot_get(node, i, &s);
        json_snapshot(j, &s);
    }
    img_json_end(j, ']');
}

static void json_specific(struct img_json *j, const char *format, const struct image_info *info)
{
    if (info->version == 0 && info->subformat == NULL)
        return;
    img_json_begin(j, "format-specific", '{');
    img_json_string(j, "type", format);
    img_json_begin(j, "data", '{');
    if (info->subformat != NULL)
        img_json_string(j, "subformat", info->subformat);
    if (info->version != 0) {
        img_json_string(j, "compat", info->version == 2 ? "0.10" : "1.1");
        img_json_string(j, "compression-type", "zlib");
        img_json_number(j, "refcount-bits", info->refcount_bits);
    }
    if (info->version >= 3) {
        img_json_bool(j, "lazy-refcounts", info->lazy_refcounts);
        img_json_bool(j, "corrupt", info->corrupt);
        img_json_bool(j, "extended-l2", false);
    }
    img_json_end(j, '}');
    img_json_end(j, '}');
}

static void info_json(struct img_json *j, struct block_node *node)
{
    struct image_info info;

    image_get_info(node, &info);
    img_json_begin(j, NULL, '{');
    json_snapshots(j, node);
    img_json_number(j, "virtual-size", info.virtual_size);
    img_json_string(j, "filename", block_path(node));
    if (info.cluster_size != 0)
        img_json_number(j, "cluster-size", info.cluster_size);
    img_json_string(j, "format", block_format_name(node));
    img_json_number(j, "actual-size", info.disk_size);
    json_specific(j, block_format_name(node), &info);
    if (info.backing != NULL) {
        img_json_string(j, "backing-filename", info.backing);
        if (node->backing != NULL)
            img_json_string(j, "full-backing-filename", block_path(node->backing));
        if (info.backing_format != NULL)
            img_json_string(j, "backing-filename-format", info.backing_format);
    }
    img_json_bool(j, "dirty-flag", info.dirty);
    img_json_end(j, '}');
}

/* Three digits and a unit, as qemu-img prints sizes. */
static char *nice_size(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    unsigned unit = 0;

    while (value >= 1000 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1024;
        unit++;
    }
    return g_strdup_printf("%.3g %s", value, units[unit]);
}

static void list_snapshots(struct block_node *node)
{
    puts("Snapshot list:");
    printf("%-10s%-20s%11s%21s%16s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK");
    for (unsigned i = 0; i < image_snapshot_count(node); i++) {
        struct image_snapshot s;
        char date[32] = "";
        struct tm tm;

        image_snapshot_get(node, i, &s);
        time_t when = s.date_sec;
        if (localtime_r(&when, &tm) != NULL)
            strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
        g_autofree char *size = nice_size(s.vm_state_size);
        uint64_t seconds = s.vm_clock_ns / 1000000000;
        printf("%-10s%-20s%11s%21s    %02u:%02u:%02u.%03u\n", s.id, s.name, size, date,
               (unsigned)(seconds / 3600), (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60),
               (unsigned)(s.vm_clock_ns / 1000000 % 1000));
    }
}

static void info_human(struct block_node *node)
{
    struct image_info info;

    image_get_info(node, &info);
    g_autofree char *size = nice_size(info.virtual_size), *disk = nice_size(info.disk_size);
    printf("image: %s\nfile format: %s\nvirtual size: %s (%" G_GUINT64_FORMAT " bytes)\n"
           "disk size: %s\n",
           block_path(node), block_format_name(node), size, info.virtual_size, disk);
    if (info.cluster_size != 0)
        printf("cluster_size: %u\n", info.cluster_size);
    if (info.dirty)
        puts("cleanly shut down: no");
    if (info.backing != NULL)
        printf("backing file: %s\n", info.backing);
    if (info.backing_format != NULL)
        printf("backing file format: %s\n", info.backing_format);
    if (image_snapshot_count(node) > 0)
        list_snapshots(node);
    if (info.subformat != NULL)
        printf("Format specific information:\n    subformat: %s\n", info.subformat);
    if (info.version != 0)
        printf("Format specific information:\n    compat: %s\n    compression type: zlib\n"
               "    refcount bits: %u\n",
               info.version == 2 ? "0.10" : "1.1", info.refcount_bits);
    if (info.version >= 3)
        printf("    lazy refcounts: %s\n    corrupt: %s\n    extended l2: false\n",
               info.lazy_refcounts ? "true" : "false", info.corrupt ? "true" : "false");
}

static void show_info(const struct query *query, struct block_node *node)
{
    struct img_json j = { 0 };

    if (query->json && query->chain)
        img_json_begin(&j, NULL, '[');
    for (bool first = true; node != NULL; node = query->chain ? node->backing : NULL) {
        if (!query->json && !first)
            putchar('\n');
        first = false;
        if (query->json)
            info_json(&j, node);
        else
            info_human(node);
    }
    if (query->json && query->chain)
        img_json_end(&j, ']');
}

static int run_info(int argc, char **argv)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'O' },
        { "backing-chain", no_argument, NULL, 'B' },
        { "force-share", no_argument, NULL, 'U' },
        { 0 },
    };
    struct query query = { .open = { .repair = true } };

    for (int c; (c = getopt_long(argc, argv, "f:U", options, NULL)) != -1;) {
        switch (c) {
        case 'f': query.open.format = optarg; break;
        case 'U': query.open.force_share = true; break;
        case 'B': query.chain = true; break;
        case 'O':
            if (!img_parse_output(optarg, &query.json))
                return IMG_EXIT_ERROR;
            break;
        default: return IMG_EXIT_ERROR;
        }
    }
    if (argc - optind != 1)
        return img_fail("info: give one file name");
    query.open.path = argv[optind];
    struct block_user *user = img_open(&query.open);
    if (user == NULL)
        return IMG_EXIT_ERROR;
    show_info(&query, block_user_node(user));
    img_close(user);
    return 0;
}

const struct img_command img_info = {
    "info",
    "[-f FMT] [-U] [--backing-chain] [--output=human|json] FILE",
    run_info,
};

/* ---- map ---- */

static int depth_of(struct block_node *top, const struct block_node *node)
{
    int depth = 0;

    for (; top != node && top != NULL; top = top->backing)
        depth++;
    return depth;
}

static bool has_place(const struct block_extent *e)
{
    return e->kind == EXTENT_DATA || e->allocated_zero;
}

/* Whether the extent's content comes from an image at all: what no image holds is zero. */
static bool is_present(struct block_node *top, uint64_t offset, const struct block_extent *e)
{
    struct block_extent own = { .kind = EXTENT_BACKING };

    if (e->kind != EXTENT_ZERO)
        return true;
    return offset < e->node->size && e->node->format->map(e->node, offset, 1, 0, &own) == 0 &&
           own.kind == EXTENT_ZERO;
}

struct row {
    uint64_t start, length;
    struct block_extent extent;
    bool present;
};

/* Rows are only printed when the next one differs: extents end at the ends of tables. */
static bool joins(const struct row *a, const struct row *b)
{
    return a->extent.kind == b->extent.kind && a->extent.node == b->extent.node &&
           a->present == b->present && has_place(&a->extent) == has_place(&b->extent) &&
           (!has_place(&a->extent) || a->extent.host + a->length == b->extent.host);
}

static void show_row(struct img_json *j, bool json, struct block_node *top, const struct row *r)
{
    bool data = r->extent.kind == EXTENT_DATA || r->extent.kind == EXTENT_COMPRESSED;

    if (r->length == 0)
        return;
    if (!json) {
        if (data && has_place(&r->extent))
            printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", r->start, r->length,
                   r->extent.host, block_path(r->extent.node));
        return;
    }
    printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 ", \"depth\": %d, "
           "\"present\": %s, \"zero\": %s, \"data\": %s",
           j->first ? "[" : ",\n", r->start, r->length, depth_of(top, r->extent.node),
           r->present ? "true" : "false", data ? "false" : "true", data ? "true" : "false");
    if (has_place(&r->extent))
        printf(", \"offset\": %" PRIu64, r->extent.host);
    putchar('}');
    j->first = false;
}

static int show_map(struct block_node *node, bool json, uint64_t start, uint64_t end)
{
    struct img_json j = { .first = true };
    struct row row = { 0 };

    if (!json)
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    while (start < end) {
        struct row next = { .start = start };
        int ret = block_map(node, start, end - start, 0, &next.extent);

        if (ret < 0)
            return img_fail("%s: %s", block_path(node), g_strerror(-ret));
        next.length = next.extent.length;
        next.present = is_present(node, start, &next.extent);
        start += next.length;
        if (row.length > 0 && joins(&row, &next)) {
            row.length += next.length;
            continue;
        }
        show_row(&j, json, node, &row);
        row = next;
    }
    show_row(&j, json, node, &row);
    if (json)
        puts(j.first ? "[]" : "]");
    return 0;
}

static int run_map(int argc, char **argv)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'O' },
        { "start-offset", required_argument, NULL, 's' },
        { "max-length", required_argument, NULL, 'l' },
        { "force-share", no_argument, NULL, 'U' },
        { 0 },
    };
    struct query query = { 0 };
    uint64_t start = 0, length = INT64_MAX;

    for (int c; (c = getopt_long(argc, argv, "f:s:l:U", options, NULL)) != -1;) {
        bool ok = true;

        switch (c) {
        case 'f': query.open.format = optarg; break;
        case 'U': query.open.force_share = true; break;
        case 'O': ok = img_parse_output(optarg, &query.json); break;
        case 's': ok = img_parse_size(optarg, &start); break;
        case 'l': ok = img_parse_size(optarg, &length); break;
        default: ok = false;
        }
        if (!ok)
            return IMG_EXIT_ERROR;
    }
    if (argc - optind != 1)
        return img_fail("map: give one file name");
    query.open.path = argv[optind];
    struct block_user *user = img_open(&query.open);
    if (user == NULL)
        return IMG_EXIT_ERROR;
    struct block_node *node = block_user_node(user);
    start = MIN(start, block_size(node));
    int ret = show_map(node, query.json, start, start + MIN(length, block_size(node) - start));
    img_close(user);
    return ret;
}

const struct img_command img_map = {
    "map",
    "[-f FMT] [-U] [--start-offset=N] [--max-length=N] [--output=human|json] FILE",
    run_map,
};

/* ---- snapshot ---- */

static int snapshot(struct block_node *node, int action, const char *name)
{
    GError *err = NULL;
    int ret = 0;

    switch (action) {
    case 'c': ret = image_snapshot_create(node, name, &err); break;
    case 'a': ret = image_snapshot_apply(node, name, &err); break;
    case 'd': ret = image_snapshot_delete(node, name, &err); break;
    default:
        if (image_snapshot_count(node) > 0)
            list_snapshots(node);
    }
    return ret < 0 ? img_fail_error(&err) : 0;
}

static int run_snapshot(int argc, char **argv)
{
    struct img_open how = { .format = NULL };
    const char *name = NULL;
    int action = 0;

    for (int c; (c = getopt(argc, argv, "f:la:c:d:qU")) != -1;) {
        switch (c) {
        case 'f': how.format = optarg; break;
        case 'U': how.force_share = true; break;
        case 'q': break;
        case 'l':
        case 'a':
        case 'c':
        case 'd':
            if (action != 0)
                return img_fail("snapshot: give one of -l, -a, -c, -d");
            action = c;
            name = optarg;
            break;
        default: return IMG_EXIT_ERROR;
        }
    }
    if (argc - optind != 1)
        return img_fail("snapshot: give one file name");
    how.path = argv[optind];
    how.write = action != 0 && action != 'l';
    struct block_user *user = img_open(&how);
    if (user == NULL)
        return IMG_EXIT_ERROR;
    int ret = snapshot(block_user_node(user), action, name);
    img_close(user);
    return ret;
}

const struct img_command img_snapshot = {
    "snapshot",
    "[-q] [-f FMT] [-U] [-l | -a NAME | -c NAME | -d NAME] FILE",
    run_snapshot,
};
