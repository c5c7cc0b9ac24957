/*
 * The KVM core: the guest's CPUs by Linux' /dev/kvm (Documentation/virt/kvm/api.rst), with the
 * kernel's 8259 pair, IOAPIC, local APICs and PIT.
 */
#ifndef IOREQ_KVM_H
#define IOREQ_KVM_H

#include "ioreq/core.h"

#define KVM_MAX_CPUS 16

/*
 * Opens /dev/kvm and makes a virtual machine of n_cpus (1 to KVM_MAX_CPUS). NULL and a sentence
 * when there is no usable KVM. Says in a warning when KVM is not backed by hardware.
 */
struct core *kvm_core_create(unsigned n_cpus, GError **err);

#endif
