/* Shared by kvm*.c only. */
#ifndef IOREQ_KVM_INTERNAL_H
#define IOREQ_KVM_INTERNAL_H

#include <linux/kvm.h>
#include <pthread.h>

#include "ioreq/kvm.h"

#define KVM_MAX_MSRS 56

/* All of a CPU that a reset puts back and that is saved. */
struct kvm_cpu_state {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_xsave xsave;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debugregs;
    struct kvm_lapic_state lapic;
    struct kvm_vcpu_events events;
    struct kvm_mp_state mp_state;
    uint32_t n_msrs;
    struct kvm_msr_entry msrs[KVM_MAX_MSRS];
};

struct kvm_core;

struct kvm_vcpu {
    struct kvm_core *core;
    unsigned index;
    int fd;
    struct kvm_run *run;
    pthread_t thread;
    bool started;    /* the thread exists */
    bool in_kernel;  /* between dropping the lock and taking it again around KVM_RUN */
    bool unfinished; /* the last exit's access is completed by the next KVM_RUN */
    struct kvm_cpu_state reset_state; /* of the CPU when it had just been created */
};

struct kvm_core {
    struct core core;
    int kvm, vm;
    unsigned run_size;
    bool quit;
    pthread_cond_t resumed; /* CPU threads wait: hold went false, or quit */
    pthread_cond_t paused;  /* the main thread waits: a CPU left the kernel */
    struct kvm_vcpu vcpu[KVM_MAX_CPUS];
    struct kvm_vcpu *asking; /* whose port access is being dispatched; NULL: none */
    struct kvm_irqchip irqchip_reset[3];
    struct kvm_pit_state2 pit_reset;
    uint64_t slots[8]; /* a bit per memory slot in use */
};

/* A CPU with the host's features and its APIC id. 0 or -errno and a sentence. */
int kvm_vcpu_create(struct kvm_core *k, unsigned index, GError **err);
int kvm_vcpu_start(struct kvm_vcpu *cpu, GError **err); /* its thread; it waits for resume() */
void kvm_vcpu_kick(struct kvm_vcpu *cpu);               /* out of the kernel, soon */
void kvm_vcpu_reset(struct kvm_vcpu *cpu);
/* All of its state, while it is paused. 0 or -errno and a sentence. */
int kvm_vcpu_get_state(struct kvm_vcpu *cpu, struct kvm_cpu_state *s, GError **err);
int kvm_vcpu_set_state(struct kvm_vcpu *cpu, const struct kvm_cpu_state *s, GError **err);
/* As struct core_ops has them. */
void kvm_get_registers(struct core *core, struct cpu_registers *regs);
void kvm_set_registers(struct core *core, const struct cpu_registers *regs);
void kvm_vcpu_destroy(struct kvm_vcpu *cpu); /* after its thread was told to quit */

/* kvm_state.c; see struct core_ops */
int kvm_save(struct core *core, GByteArray *out, GError **err);
int kvm_load(struct core *core, const GArray *sections, GError **err);

#endif
