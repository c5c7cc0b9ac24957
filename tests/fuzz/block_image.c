/* libFuzzer target for one image format: FUZZ_FORMAT. */
#include "base/loop.h"
#include "tests/fuzz/image.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    loop_init();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_image(FUZZ_FORMAT, data, size);
    return 0;
}
