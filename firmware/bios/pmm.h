/*
 * POST memory manager (PMM 1.01): memory for option ROMs while they start.
 */
#ifndef BIOS_PMM_H
#define BIOS_PMM_H

#include "regs.h"

/* The far call of the $PMM structure; arguments are on the caller's stack, the result in DX:AX. */
void pmm_service(struct regs *r);

#endif
