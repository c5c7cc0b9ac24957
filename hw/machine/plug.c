/*
 * Devices as they are configured: their properties, from the board, from the user for all of a
 * kind, and from the user for the one.
 */
#include <string.h>

#include "hw/machine/board.h"

/* ---- Configuration ---- */

struct device_config *device_config_new(const char *driver, const char *id)
{
    struct device_config *config = g_new0(struct device_config, 1);

    config->driver = g_strdup(driver);
    config->id = g_strdup(id);
    config->properties = g_ptr_array_new_with_free_func(g_free);
    return config;
}

void device_config_add(struct device_config *config, const char *name, const char *value)
{
    g_ptr_array_add(config->properties, g_strdup(name));
    g_ptr_array_add(config->properties, g_strdup(value));
}

void device_config_free(struct device_config *config)
{
    g_free(config->driver);
    g_free(config->id);
    g_ptr_array_unref(config->properties);
    g_free(config);
}

/* ---- Adding one ---- */

static int set_properties(struct device *dev, const char *const *properties, GError **err)
{
    int rc = 0;

    for (; properties != NULL && properties[0] != NULL && rc == 0; properties += 2)
        rc = device_set_property(dev, properties[0], properties[1], err);
    return rc;
}

static int set_defaults(const struct machine *m, struct device *dev, GError **err)
{
    int rc = 0;

    for (unsigned i = 0; m->defaults != NULL && i < m->defaults->len && rc == 0; i++) {
        const struct device_config *config = m->defaults->pdata[i];
        const GPtrArray *list = config->properties;
        if (strcmp(config->driver, dev->kind->name) == 0)
            for (unsigned n = 0; n + 1 < list->len && rc == 0; n += 2)
                rc = device_set_property(dev, list->pdata[n], list->pdata[n + 1], err);
    }
    return rc;
}

struct device *machine_adopt(struct machine *m, struct device *dev, const char *const *properties,
                             GError **err)
{
    int rc = set_defaults(m, dev, err);

    if (rc == 0)
        rc = set_properties(dev, properties, err);
    if (rc == 0)
        rc = device_realize(dev, err);
    if (rc < 0) {
        device_destroy(dev);
        return NULL;
    }
    g_ptr_array_add(m->devices, dev);
    return dev;
}

struct device *machine_add(struct machine *m, const struct device_kind *kind, const char *id,
                           const char *const *properties, GError **err)
{
    return machine_adopt(m, device_new(kind, id, &m->services), properties, err);
}
