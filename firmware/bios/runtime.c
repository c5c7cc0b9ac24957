/*
 * The run-time data, at the start of the writable segment (bios.ld.S).
 */
#include "runtime.h"

struct runtime rt __attribute__((section(".runtime")));
