/*
 * Giving an image to another process, and taking it over: how a migrated machine's disks change
 * hands. Two processes have the image open, and only one at a time knows what is in it.
 */
#include <errno.h>

#include "base/error.h"
#include "block/format.h"

static void give_up(struct block_node *node)
{
    if (node->opened)
        node->format->close(node);
    node->opened = false;
    node->state = NULL;
    node->read_only = node->inactive = true;
}

int block_inactivate(struct block_node *node, GError **err)
{
    int ret = 0;

    if (node->inactive || node->read_only)
        return 0;
    block_drain(node);
    if (node->format->flush != NULL)
        ret = node->format->flush(node);
    if (ret < 0)
        return fail_errno(err, -ret, "%s: cannot be given to another process", node->path);
    give_up(node);
    file_unlock(node->file);
    return 0;
}

/* The images below are read-only: they are as they were. So are their names, whatever they are. */
static int open_anew(struct block_node *node, GError **err)
{
    const struct block_options as_usual = { .format = node->format->name };
    char *backing = g_steal_pointer(&node->backing_name);
    char *format = g_steal_pointer(&node->backing_format_name);
    int ret = node->format->open(node, &as_usual, err);

    g_free(node->backing_name);
    g_free(node->backing_format_name);
    node->backing_name = backing;
    node->backing_format_name = format;
    node->opened = ret == 0;
    return ret;
}

int block_activate(struct block_node *node, GError **err)
{
    uint64_t size = node->size;

    if (!node->inactive)
        return 0;
    int ret = file_lock(node->file, err);
    if (ret < 0)
        return ret;
    give_up(node); /* what was read of the image before is out of date */
    node->read_only = node->inactive = false;
    ret = open_anew(node, err);
    if (ret < 0) {
        give_up(node);
        file_unlock(node->file);
        return ret;
    }
    node->writes_flushed = 0;
    if (node->size != size)
        node_tell_resized(node);
    return 0;
}
