/* Internal snapshots: each is an L1 table of its own whose clusters are shared by refcounts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/error.h"
#include "block/qcow2.h"

#define FIXED_SIZE      40          /* of an entry, before the extra data */
#define EXTRA_SIZE      16          /* the two extra fields we know */
#define MAX_EXTRA       1024u       /* of one entry */
#define MAX_TABLE_BYTES (16u << 20) /* of all entries */

/* ---- the table ---- */

static void clear_snapshot(gpointer opaque)
{
    struct q2_snapshot *s = opaque;

    g_free(s->id);
    g_free(s->name);
    g_free(s->extra);
}

void q2_snapshots_free(GArray *snapshots)
{
    if (snapshots != NULL)
        g_array_free(snapshots, TRUE);
}

static GArray *new_list(void)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct q2_snapshot));

    g_array_set_clear_func(list, clear_snapshot);
    return list;
}

static uint64_t padded(uint64_t size)
{
    return (size + 7) & ~UINT64_C(7);
}

static uint64_t entry_bytes(const struct q2_snapshot *s)
{
    return padded(FIXED_SIZE + EXTRA_SIZE + s->extra_size + strlen(s->id) + strlen(s->name));
}

uint64_t q2_snapshots_bytes(const GArray *snapshots)
{
    uint64_t sum = 0;

    for (guint i = 0; i < snapshots->len; i++)
        sum += entry_bytes(&g_array_index(snapshots, struct q2_snapshot, i));
    return sum;
}

/* Old entries lack the extra fields: the state's size is then in 32 bits, the disk's the current
 * one. */
static void parse_extra(struct q2_snapshot *s, const uint8_t *extra, uint32_t size,
                        uint32_t state_size, uint64_t disk_size)
{
    s->vm_state_size = size >= 8 ? get_be64(extra) : state_size;
    s->disk_size = size >= EXTRA_SIZE ? get_be64(extra + 8) : disk_size;
    if (size > EXTRA_SIZE) {
        s->extra_size = size - EXTRA_SIZE;
        s->extra = g_memdup2(extra + EXTRA_SIZE, s->extra_size);
    }
}

/* Reads the entry at *pos and steps over it. */
static int read_entry(struct qcow2 *q, uint64_t *pos, struct q2_snapshot *s)
{
    uint8_t fixed[FIXED_SIZE], extra[MAX_EXTRA];
    int ret = file_pread(q->file, fixed, sizeof(fixed), *pos);

    if (ret < 0)
        return ret;
    uint32_t id_len = get_be16(fixed + 12), name_len = get_be16(fixed + 14);
    uint32_t extra_size = get_be32(fixed + 36);
    if (extra_size > MAX_EXTRA)
        return -EINVAL;
    *s = (struct q2_snapshot){
        .l1_offset = get_be64(fixed),
        .l1_size = get_be32(fixed + 8),
        .date_sec = get_be32(fixed + 16),
        .date_nsec = get_be32(fixed + 20),
        .vm_clock_ns = get_be64(fixed + 24),
    };
    if (s->l1_size > Q2_MAX_L1_BYTES / 8 || s->l1_offset % q->cluster_size != 0 ||
        s->l1_offset > INT64_MAX)
        return -EINVAL;
    ret = file_pread(q->file, extra, extra_size, *pos + FIXED_SIZE);
    if (ret < 0)
        return ret;
    parse_extra(s, extra, extra_size, get_be32(fixed + 32), q->header.size);
    s->id = g_malloc0(id_len + 1);
    s->name = g_malloc0(name_len + 1);
    ret = file_pread(q->file, s->id, id_len, *pos + FIXED_SIZE + extra_size);
    if (ret == 0)
        ret = file_pread(q->file, s->name, name_len, *pos + FIXED_SIZE + extra_size + id_len);
    *pos += padded(FIXED_SIZE + extra_size + id_len + name_len);
    if (ret < 0)
        clear_snapshot(s);
    return ret;
}

int q2_snapshots_read(struct qcow2 *q, GError **err)
{
    uint64_t pos = q->header.snapshots_offset;
    int ret = 0;

    q->snapshots = new_list();
    for (uint32_t i = 0; i < q->header.n_snapshots && ret == 0; i++) {
        struct q2_snapshot s;

        ret = read_entry(q, &pos, &s);
        if (ret == 0)
            g_array_append_val(q->snapshots, s);
        if (ret == 0 && pos - q->header.snapshots_offset > MAX_TABLE_BYTES)
            ret = -EFBIG;
    }
    return ret < 0 ? fail_errno(err, -ret, "%s: the snapshot table is broken", q->file->name) : 0;
}

static void put_entry(uint8_t *b, const struct q2_snapshot *s)
{
    size_t id_len = strlen(s->id), name_len = strlen(s->name);

    put_be64(b, s->l1_offset);
    put_be32(b + 8, s->l1_size);
    put_be16(b + 12, (uint16_t)id_len);
    put_be16(b + 14, (uint16_t)name_len);
    put_be32(b + 16, s->date_sec);
    put_be32(b + 20, s->date_nsec);
    put_be64(b + 24, s->vm_clock_ns);
    put_be32(b + 32, (uint32_t)MIN(s->vm_state_size, UINT32_MAX));
    put_be32(b + 36, EXTRA_SIZE + s->extra_size);
    put_be64(b + 40, s->vm_state_size);
    put_be64(b + 48, s->disk_size);
    b += FIXED_SIZE + EXTRA_SIZE;
    if (s->extra_size > 0)
        memcpy(b, s->extra, s->extra_size);
    memcpy(b + s->extra_size, s->id, id_len);
    memcpy(b + s->extra_size + id_len, s->name, name_len);
}

static int write_list(struct qcow2 *q, const GArray *list, uint64_t bytes, uint64_t offset)
{
    g_autofree uint8_t *buf = g_malloc0(bytes);
    uint64_t pos = 0;

    for (guint i = 0; i < list->len; i++) {
        const struct q2_snapshot *s = &g_array_index(list, struct q2_snapshot, i);

        put_entry(buf + pos, s);
        pos += entry_bytes(s);
    }
    return file_pwrite(q->file, buf, bytes, offset);
}

/* Writes the list to a new place and switches the header to it; the old place is freed later. */
static int commit_list(struct qcow2 *q, const GArray *list, uint64_t old_bytes, GError **err)
{
    uint64_t bytes = q2_snapshots_bytes(list), offset = 0;
    int ret = 0;

    if (list->len > Q2_MAX_SNAPSHOTS || bytes > MAX_TABLE_BYTES)
        return fail(err, EFBIG, "%s: has too many snapshots", q->file->name);
    if (list->len > 0) {
        pthread_mutex_lock(&q->lock);
        ret = q2_alloc(q, q2_div_up(bytes, q->cluster_size), &offset);
        if (ret == 0)
            q->file_end = MAX(q->file_end,
                              offset + q2_div_up(bytes, q->cluster_size) * q->cluster_size);
        pthread_mutex_unlock(&q->lock);
        if (ret == 0)
            ret = write_list(q, list, bytes, offset);
    }
    if (ret == 0)
        ret = q2_flush_all(q);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: writing the snapshot table", q->file->name);

    struct q2_header next = q->header;
    next.n_snapshots = list->len;
    next.snapshots_offset = offset;
    ret = q2_header_write(q->file, &next, err);
    if (ret < 0)
        return ret;
    pthread_mutex_lock(&q->lock);
    q2_free_later(q, q->header.snapshots_offset, q2_div_up(old_bytes, q->cluster_size), false);
    q->header = next;
    pthread_mutex_unlock(&q->lock);
    ret = file_flush(q->file);
    return ret < 0 ? fail_errno(err, -ret, "%s", q->file->name) : 0;
}

/* ---- finding ---- */

static int find(const struct qcow2 *q, const char *name_or_id)
{
    for (guint i = 0; i < q->snapshots->len; i++)
        if (strcmp(g_array_index(q->snapshots, struct q2_snapshot, i).id, name_or_id) == 0)
            return (int)i;
    for (guint i = 0; i < q->snapshots->len; i++)
        if (strcmp(g_array_index(q->snapshots, struct q2_snapshot, i).name, name_or_id) == 0)
            return (int)i;
    return -1;
}

static struct qcow2 *get_qcow2(struct block_node *node)
{
    return node->format == &format_qcow2 ? node->state : NULL;
}

static int check_access(struct block_node *node, GError **err)
{
    if (get_qcow2(node) == NULL)
        return fail(err, ENOTSUP, "%s: images of format %s have no snapshots", node->path,
                    node->format->name);
    if (node->read_only)
        return fail(err, EROFS, "%s: is read-only", node->path);
    block_drain(node);
    return 0;
}

unsigned image_snapshot_count(struct block_node *node)
{
    const struct qcow2 *q = get_qcow2(node);

    return q != NULL ? q->snapshots->len : 0;
}

void image_snapshot_get(struct block_node *node, unsigned index, struct image_snapshot *out)
{
    const struct qcow2 *q = get_qcow2(node);
    const struct q2_snapshot *s = &g_array_index(q->snapshots, struct q2_snapshot, index);

    *out = (struct image_snapshot){
        .id = s->id,
        .name = s->name,
        .vm_state_size = s->vm_state_size,
        .disk_size = s->disk_size,
        .date_sec = s->date_sec,
        .date_nsec = s->date_nsec,
        .vm_clock_ns = s->vm_clock_ns,
    };
}

/* ---- creating ---- */

/* Ids are numbers in text, as QEMU makes them. */
static char *next_id(const struct qcow2 *q)
{
    unsigned long highest = 0;

    for (guint i = 0; i < q->snapshots->len; i++) {
        unsigned long id = strtoul(g_array_index(q->snapshots, struct q2_snapshot, i).id, NULL, 10);
        highest = MAX(highest, id);
    }
    return g_strdup_printf("%lu", highest + 1);
}

/* Counts everything once more, so that from now on it is copied before it changes. */
static int share_all(struct qcow2 *q)
{
    pthread_mutex_lock(&q->lock);
    int ret = q2_refs_add(q, q->l1, q->header.l1_size, 1);
    if (ret == 0)
        ret = q2_refs_update_copied(q);
    pthread_mutex_unlock(&q->lock);
    return ret == 0 ? q2_flush_all(q) : ret;
}

static int copy_l1(struct qcow2 *q, struct q2_snapshot *s)
{
    uint64_t clusters = q2_div_up((uint64_t)q->header.l1_size * 8, q->cluster_size);

    s->l1_size = q->header.l1_size;
    if (clusters == 0)
        return 0;
    pthread_mutex_lock(&q->lock);
    int ret = q2_alloc(q, clusters, &s->l1_offset);
    if (ret == 0)
        q->file_end = MAX(q->file_end, s->l1_offset + clusters * q->cluster_size);
    pthread_mutex_unlock(&q->lock);
    return ret == 0 ? q2_table_write(q->file, s->l1_offset, q->l1, s->l1_size) : ret;
}

int image_snapshot_create(struct block_node *node, const char *name, GError **err)
{
    int ret = check_access(node, err);

    if (ret < 0)
        return ret;
    struct qcow2 *q = get_qcow2(node);
    if (strlen(name) > 255)
        return fail(err, EINVAL, "%s: the snapshot's name is too long", node->path);
    for (guint i = 0; i < q->snapshots->len; i++)
        if (strcmp(g_array_index(q->snapshots, struct q2_snapshot, i).name, name) == 0)
            return fail(err, EEXIST, "%s: has a snapshot \"%s\" already", node->path, name);

    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct q2_snapshot s = {
        .date_sec = (uint32_t)now.tv_sec,
        .date_nsec = (uint32_t)now.tv_nsec,
        .disk_size = q->header.size,
    };
    ret = share_all(q);
    if (ret == 0)
        ret = copy_l1(q, &s);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: snapshot \"%s\"", node->path, name);
    s.id = next_id(q);
    s.name = g_strdup(name);
    uint64_t old_bytes = q2_snapshots_bytes(q->snapshots);
    g_array_append_val(q->snapshots, s);
    ret = commit_list(q, q->snapshots, old_bytes, err);
    if (ret < 0) {
        g_array_set_size(q->snapshots, q->snapshots->len - 1);
        return ret;
    }
    ret = q2_flush_all(q);
    return ret < 0 ? fail_errno(err, -ret, "%s: snapshot \"%s\"", node->path, name) : 0;
}

/* ---- applying and deleting ---- */

/* Gives up what an L1 table refers to; the disk no longer knows it. */
static int release(struct qcow2 *q, const uint64_t *l1, uint32_t n)
{
    pthread_mutex_lock(&q->lock);
    int ret = q2_refs_add(q, l1, n, -1);
    if (ret == 0)
        ret = q2_refs_update_copied(q);
    pthread_mutex_unlock(&q->lock);
    return ret == 0 ? q2_flush_all(q) : ret;
}

/* First the snapshot's clusters are counted once more, then its table becomes the active one. */
int image_snapshot_apply(struct block_node *node, const char *name_or_id, GError **err)
{
    int ret = check_access(node, err);

    if (ret < 0)
        return ret;
    struct qcow2 *q = get_qcow2(node);
    int i = find(q, name_or_id);
    if (i < 0)
        return fail(err, ENOENT, "%s: has no snapshot \"%s\"", node->path, name_or_id);

    const struct q2_snapshot *s = &g_array_index(q->snapshots, struct q2_snapshot, i);
    uint64_t size = s->disk_size, entries = q2_l1_entries(size, q->header.cluster_bits);
    if (entries > s->l1_size || size > INT64_MAX)
        return fail(err, EINVAL, "%s: snapshot \"%s\" is broken", node->path, name_or_id);
    g_autofree uint64_t *l1 = NULL, *old = NULL;
    uint32_t old_size = q->header.l1_size;
    pthread_mutex_lock(&q->lock);
    ret = q2_read_l1(q, s->l1_offset, s->l1_size, &l1);
    if (ret == 0)
        ret = q2_refs_add(q, l1, s->l1_size, 1);
    pthread_mutex_unlock(&q->lock);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: snapshot \"%s\"", node->path, name_or_id);
    old = g_memdup2(q->l1, (size_t)(old_size + 1) * 8);
    ret = q2_replace_l1(q, l1, s->l1_size, size, err);
    if (ret < 0)
        return ret;
    node->size = size & ~(uint64_t)(BLOCK_SECTOR_SIZE - 1);
    ret = release(q, old, old_size);
    return ret < 0 ? fail_errno(err, -ret, "%s: snapshot \"%s\"", node->path, name_or_id) : 0;
}

/* First the disk forgets the snapshot, then its clusters are given up. */
int image_snapshot_delete(struct block_node *node, const char *name_or_id, GError **err)
{
    int ret = check_access(node, err);

    if (ret < 0)
        return ret;
    struct qcow2 *q = get_qcow2(node);
    int i = find(q, name_or_id);
    if (i < 0)
        return fail(err, ENOENT, "%s: has no snapshot \"%s\"", node->path, name_or_id);

    const struct q2_snapshot *s = &g_array_index(q->snapshots, struct q2_snapshot, i);
    uint64_t l1_offset = s->l1_offset, old_bytes = q2_snapshots_bytes(q->snapshots);
    uint32_t l1_size = s->l1_size;
    g_autofree uint64_t *l1 = NULL;
    ret = q2_read_l1(q, l1_offset, l1_size, &l1);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: snapshot \"%s\"", node->path, name_or_id);
    g_array_remove_index(q->snapshots, (guint)i);
    ret = commit_list(q, q->snapshots, old_bytes, err);
    if (ret < 0)
        return ret;
    pthread_mutex_lock(&q->lock);
    q2_free_later(q, l1_offset, q2_div_up((uint64_t)l1_size * 8, q->cluster_size), false);
    pthread_mutex_unlock(&q->lock);
    ret = release(q, l1, l1_size);
    return ret < 0 ? fail_errno(err, -ret, "%s: snapshot \"%s\"", node->path, name_or_id) : 0;
}

/* ---- for tools ---- */

int image_snapshot_load(struct block_node *node, const char *name_or_id, GError **err)
{
    struct qcow2 *q = get_qcow2(node);
    int i = q != NULL ? find(q, name_or_id) : -1;

    if (i < 0)
        return fail(err, ENOENT, "%s: has no snapshot \"%s\"", node->path, name_or_id);
    if (!node->read_only)
        return fail(err, EINVAL, "%s: must be opened read-only for that", node->path);
    const struct q2_snapshot *s = &g_array_index(q->snapshots, struct q2_snapshot, i);
    uint64_t *l1;
    int ret = s->disk_size <= INT64_MAX ? q2_read_l1(q, s->l1_offset, s->l1_size, &l1) : -EINVAL;
    if (ret < 0)
        return fail_errno(err, -ret, "%s: snapshot \"%s\"", node->path, name_or_id);
    g_free(q->l1);
    q->l1 = l1;
    q->header.l1_size = s->l1_size;
    node->size = s->disk_size & ~(uint64_t)(BLOCK_SECTOR_SIZE - 1);
    return 0;
}

int image_make_empty(struct block_node *node, GError **err)
{
    int ret = check_access(node, err);

    if (ret < 0)
        return ret;
    struct qcow2 *q = get_qcow2(node);
    uint32_t n = q->header.l1_size;
    g_autofree uint64_t *empty = g_new0(uint64_t, (size_t)n + 1);
    g_autofree uint64_t *old = g_memdup2(q->l1, (size_t)(n + 1) * 8);
    ret = q2_replace_l1(q, empty, n, q->header.size, err);
    if (ret < 0)
        return ret;
    ret = release(q, old, n);
    return ret < 0 ? fail_errno(err, -ret, "%s: freeing the content", node->path) : 0;
}
