/*
 * The program's disks: drives by id, as devices are given them, and images by node name, as
 * -blockdev and QMP's blockdev-add open them for drives to come; and what options say about images.
 */
#ifndef APP_DISKS_H
#define APP_DISKS_H

#include <json-glib/json-glib.h>

#include "app/app.h"
#include "base/opts.h"
#include "block/node.h"

/* ---- Drives ---- */

/* The drive of this id; NULL: none. */
struct block_drive *disk_find_drive(const struct app *app, const char *id);
/* Takes node (NULL: no medium) over, also on failure. NULL and a sentence: the id is taken. */
struct block_drive *disk_add_drive(struct app *app, const char *id, const char *serial,
                                   struct block_node *node, GError **err);
/*
 * What drive=NAME of a device means: a drive, or the image of that node name in a new drive without
 * a name. NULL and a sentence: there is none, or the image has a user.
 */
struct block_drive *disk_resolve(struct app *app, const char *name, GError **err);

/* ---- Nodes ---- */

/*
 * Opens what `-blockdev` says: driver=raw|qcow2|vpc and the file below it, inside (file.filename=
 * and so on) or as the name of a node of driver=file, which is opened when it is used.
 */
int disk_add_node(struct app *app, struct opts *opts, GError **err);
/* -ENOENT, -EBUSY and a sentence. */
int disk_remove_node(struct app *app, const char *name, GError **err);
/* The image of this name, borrowed; NULL: none, or not opened yet. */
struct block_node *disk_find_node(const struct app *app, const char *name);
/* The same for a new user, and opens it; NULL and a sentence: there is none, or it has a user. */
struct block_node *disk_claim_node(struct app *app, const char *name, GError **err);
/* The name that a node was given by -blockdev or blockdev-add; NULL: none. */
const char *disk_node_name(const struct app *app, const struct block_node *node);
void disk_for_each_node(const struct app *app, void (*fn)(struct block_node *node, void *opaque),
                        void *opaque);
void disk_free_nodes(struct app *app);

/* ---- What options say ---- */

struct disk_word {
    const char *text; /* NULL ends a list */
    int value;
};

/* The value of a key that is one of some words; *value stays where it is not given. */
int disk_get_word(struct opts *opts, const char *key, const struct disk_word *words, int *value,
                  GError **err);
/* What -drive and -blockdev have in common; o->cache is there already. */
int disk_get_options(const struct app *app, struct opts *opts, struct block_options *o,
                     GError **err);
/* JSON in the place of keys and values: {"file": {"filename": "x"}} is file.filename=x. */
struct opts *disk_json_options(const char *option, JsonObject *object, GError **err);

#endif
