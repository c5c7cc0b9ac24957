/* Random guests of the e1000, from fixed seeds; `-m slow` lets many more of them loose. */
#include <glib.h>

#include "base/bytes.h"
#include "tests/fuzz/e1000.h"

static void guests_that_do_anything(void)
{
    static uint8_t bytes[32768];

    for (uint32_t seed = 0; seed < (g_test_slow() ? 100000 : 50); seed++) {
        GRand *rand = g_rand_new_with_seed(seed);

        for (size_t i = 0; i < sizeof(bytes); i += 4)
            put_le32(bytes + i, g_rand_int(rand));
        g_rand_free(rand);
        fuzz_e1000(bytes, sizeof(bytes));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/e1000/random", guests_that_do_anything);
    return g_test_run();
}
