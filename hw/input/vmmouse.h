/*
 * VMware's absolute pointer: the pointer's place on the screen is known to the guest, so that a
 * viewer's own cursor and the guest's are one, with nothing to poll.
 *
 * The guest talks to it by CPU registers and an IN from port 0x5658: 0x564D5868 in EAX, a command
 * in CX, its argument in EBX. The mouse's interrupt tells when there is something to fetch. Drivers
 * are in Linux (psmouse, where it finds KVM's or VMware's CPUID), X.org and VMware's own tools.
 *
 * Sources: "VMware Backdoor I/O Port" (K. Kato) for the port, VMware's description of the vmmouse
 * protocol that came with X.org's driver for commands 39 to 41.
 */
#ifndef HW_INPUT_VMMOUSE_H
#define HW_INPUT_VMMOUSE_H

#include "hw/core/device.h"

/*
 * Output 0 is pulsed when events came: the PS/2 mouse has to make its interrupt. Property input= is
 * a host service of kind "input" (struct input). -ENOTSUP where services have no registers.
 */
extern const struct device_kind vmmouse_kind;

#endif
