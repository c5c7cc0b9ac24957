#include "tests/fuzz/coverage.h"

#include <stdint.h>
#include <string.h>

/*
 * Where clang counts (SanitizerCoverage, inline 8 bit counters); the linker names the section's
 * ends. This file itself is not counted: it would give these names another meaning.
 */
extern uint8_t __start___sancov_cntrs[], __stop___sancov_cntrs[];

void coverage_forget(void)
{
    /* cppcheck-suppress comparePointers ; two names for one array's ends */
    memset(__start___sancov_cntrs, 0, (size_t)(__stop___sancov_cntrs - __start___sancov_cntrs));
}
