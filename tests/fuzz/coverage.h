/*
 * What libFuzzer takes for an input's doing.
 */
#ifndef TESTS_FUZZ_COVERAGE_H
#define TESTS_FUZZ_COVERAGE_H

/* What ran until now was no input's doing: libFuzzer need not look through it. */
void coverage_forget(void);

#endif
