#include "ui/sdl.h"

#include <errno.h>
#include <gmodule.h>

#include "base/error.h"

const struct sdl_ops *sdl_load(const char *path, GError **err)
{
    GModule *module = g_module_open(path, G_MODULE_BIND_LOCAL);
    gpointer ops = NULL;

    if (module == NULL || !g_module_symbol(module, "hvm_dm_sdl_ops", &ops)) {
        fail(err, ENOENT, "-display sdl: %s", g_module_error());
        return NULL;
    }
    g_module_make_resident(module); /* SDL's own threads may outlive the window */
    return ops;
}
