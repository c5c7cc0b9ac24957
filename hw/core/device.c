#include "hw/core/device.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/opts.h"

/* ---- Properties ---- */

static void store_uint(struct device *dev, const struct property *p, uint64_t value)
{
    uint8_t *field = (uint8_t *)dev + p->field;

    switch (p->size) {
    case 1: *field = (uint8_t)value; break;
    case 2: memcpy(field, &(uint16_t){ (uint16_t)value }, 2); break;
    case 4: memcpy(field, &(uint32_t){ (uint32_t)value }, 4); break;
    default: memcpy(field, &value, 8); break;
    }
}

static int bad_value(const struct device *dev, const struct property *p, const char *value,
                     const char *want, GError **err)
{
    return fail(err, EINVAL, "-device %s: %s=%s: %s", dev->kind->name, p->name, value, want);
}

static int set_bool(struct device *dev, const struct property *p, const char *value, GError **err)
{
    bool on;

    if (parse_bool(value, &on) < 0)
        return bad_value(dev, p, value, "not on or off", err);
    store_uint(dev, p, on);
    return 0;
}

static int set_number(struct device *dev, const struct property *p, const char *value, GError **err)
{
    uint64_t max = p->max != 0 ? p->max : size_mask(p->size), number = 0;
    int rc = p->type == PROP_SIZE ? parse_size(value, 'b', &number) : parse_uint(value, &number);

    if (rc == -EINVAL)
        return bad_value(dev, p, value, "not a number", err);
    if (rc < 0 || number < p->min || number > max)
        return fail(err, ERANGE, "-device %s: %s=%s: not between %" PRIu64 " and %" PRIu64,
                    dev->kind->name, p->name, value, p->min, max);
    store_uint(dev, p, number);
    return 0;
}

static int set_host(struct device *dev, const struct property *p, const char *value, GError **err)
{
    const struct services *s = dev->services;

    if (s->resolve == NULL)
        return bad_value(dev, p, value, "this machine has no host services", err);
    void *service = s->resolve(s->opaque, dev, p->host, value, err);
    if (service == NULL)
        return -ENOENT;
    memcpy((uint8_t *)dev + p->field, &service, sizeof(service));
    return 0;
}

static int set_value(struct device *dev, const struct property *p, const char *value, GError **err)
{
    switch (p->type) {
    case PROP_BOOL: return set_bool(dev, p, value, err);
    case PROP_UINT:
    case PROP_SIZE: return set_number(dev, p, value, err);
    case PROP_HOST: return set_host(dev, p, value, err);
    case PROP_STRING: break;
    }
    char **field = (char **)(void *)((uint8_t *)dev + p->field);
    g_free(*field);
    *field = g_strdup(value);
    return 0;
}

static const struct property *find_property(const struct property *list, const char *name)
{
    for (; list != NULL && list->name != NULL; list++)
        if (strcmp(list->name, name) == 0)
            return list;
    return NULL;
}

int device_set_property(struct device *dev, const char *name, const char *value, GError **err)
{
    const struct property *p = find_property(dev->kind->properties, name);

    if (p == NULL && dev->kind->base != NULL)
        p = find_property(dev->kind->base->properties, name);
    if (p == NULL)
        return fail(err, ENOENT, "-device %s: there is no property \"%s\"", dev->kind->name, name);
    return set_value(dev, p, value, err);
}

static void init_properties(struct device *dev, const struct property *list)
{
    for (; list != NULL && list->name != NULL; list++)
        if (list->initial != NULL)
            set_value(dev, list, list->initial, NULL);
}

static void free_properties(struct device *dev, const struct property *list)
{
    for (; list != NULL && list->name != NULL; list++)
        if (list->type == PROP_STRING)
            g_free(*(char **)(void *)((uint8_t *)dev + list->field));
}

/* ---- Life ---- */

struct device *device_new(const struct device_kind *kind, const char *id,
                          const struct services *services)
{
    struct device *dev = g_malloc0(kind->size);

    dev->kind = kind;
    dev->services = services;
    dev->id = g_strdup(id);
    dev->trace.name = kind->name;
    log_topic_register(&dev->trace);
    if (kind->base != NULL)
        init_properties(dev, kind->base->properties);
    init_properties(dev, kind->properties);
    return dev;
}

void device_destroy(struct device *dev)
{
    if (dev == NULL)
        return;
    const struct device_kind *kind = dev->kind;
    if (dev->realized) {
        if (kind->destroy != NULL)
            kind->destroy(dev);
        if (kind->base != NULL && kind->base->destroy != NULL)
            kind->base->destroy(dev);
    }
    free_properties(dev, kind->properties);
    if (kind->base != NULL)
        free_properties(dev, kind->base->properties);
    g_free(dev->id);
    g_free(dev);
}

void device_connect(struct device *dev, unsigned n, struct irq_line line)
{
    if (n < dev->kind->n_lines)
        dev->line[n] = line;
}

int device_realize(struct device *dev, GError **err)
{
    const struct device_kind *kind = dev->kind;
    int rc = 0;

    if (kind->base != NULL && kind->base->create != NULL)
        rc = kind->base->create(dev, err);
    if (rc < 0)
        return rc;
    dev->realized = true; /* from here on device_destroy() undoes what create did */
    if (kind->create != NULL)
        rc = kind->create(dev, err);
    if (rc < 0)
        return rc;
    device_reset(dev);
    return 0;
}

void device_reset(struct device *dev)
{
    const struct device_kind *kind = dev->kind;

    if (kind->base != NULL && kind->base->reset != NULL)
        kind->base->reset(dev);
    if (kind->reset != NULL)
        kind->reset(dev);
}

void guest_fault(struct device *dev, const char *fmt, ...)
{
    va_list ap;

    if (dev == NULL)
        return;
    dev->guest_faults++;
    if (!log_limited(&dev->fault_limit))
        return;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_info("guest fault: device=%s %s", dev->id, text);
}
