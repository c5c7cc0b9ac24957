/*
 * Intel 82540EM and 82545EM gigabit Ethernet controllers (PRO/1000 MT).
 *
 * From Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual"
 * (317453, rev 4.0), called SDM in the e1000_*.c files, and Marvell's 88E1000 PHY as that describes
 * it. Kinds "e1000" and "e1000-82545em"; properties netdev=, mac=, bootindex=, and those of PCI.
 */
#ifndef HW_NET_E1000_H
#define HW_NET_E1000_H

#include "hw/core/device.h"

extern const struct device_kind e1000_kind, e1000_82545em_kind;

/* If dev is such a controller: true, and its bootindex= (UINT32_MAX: none). */
bool e1000_get_bootindex(const struct device *dev, uint32_t *bootindex);

#endif
