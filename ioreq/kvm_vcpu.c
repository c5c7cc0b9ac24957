/*
 * One CPU of the KVM core: its features, its thread, its exits and its reset.
 */
#include "ioreq/kvm_internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"

#define KICK_SIGNAL SIGUSR1

/* ---- Features ---- */

#define MAX_CPUID 256

struct cpuid_table {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[MAX_CPUID];
};

/* Leaf 1 EBX: initial APIC id and number of logical CPUs; EDX bit 28: the number counts. */
static void patch_leaf1(struct kvm_cpuid_entry2 *e, unsigned index, unsigned n_cpus)
{
    e->ebx = (e->ebx & 0x0000ffff) | index << 24 | n_cpus << 16;
    e->edx = n_cpus > 1 ? e->edx | 1u << 28 : e->edx & ~(1u << 28);
    e->ecx |= 1u << 31; /* a hypervisor is present */
}

static unsigned bits_for(unsigned n)
{
    return n > 1 ? 32 - (unsigned)__builtin_clz(n - 1) : 0;
}

/* Leaf 0xB: every CPU is a core of its own in one package. */
static void patch_topology(struct kvm_cpuid_entry2 *e, unsigned index, unsigned n_cpus)
{
    static const uint32_t level_type[] = { 1 << 8, 2 << 8 | 1 }; /* SMT, then core */

    e->edx = index;
    if (e->index >= G_N_ELEMENTS(level_type)) {
        e->eax = e->ebx = 0;
        e->ecx = e->index;
        return;
    }
    e->eax = e->index == 0 ? 0 : bits_for(n_cpus);
    e->ebx = e->index == 0 ? 1 : n_cpus;
    e->ecx = level_type[e->index];
}

static void patch_cpuid(struct kvm_cpuid_entry2 *e, unsigned index, unsigned n_cpus)
{
    switch (e->function) {
    case 1: patch_leaf1(e, index, n_cpus); break;
    case 4: /* cores per package, minus one */
        e->eax = (e->eax & 0x03ffc000) | (e->eax & 0x3ff) | (n_cpus - 1) << 26;
        break;
    case 0xb: patch_topology(e, index, n_cpus); break;
    case 0x80000008: /* AMD: number of cores, minus one, and the bits of the APIC id they take */
        e->ecx = (e->ecx & ~0xf0ffu) | bits_for(n_cpus) << 12 | (n_cpus - 1);
        break;
    case 0x8000001e: /* AMD: extended APIC id, compute unit, node */
        e->eax = index;
        e->ebx = index;
        e->ecx = 0;
        break;
    default: break;
    }
}

static int set_cpuid(struct kvm_vcpu *cpu, GError **err)
{
    struct kvm_core *k = cpu->core;
    g_autofree struct cpuid_table *t = g_new0(struct cpuid_table, 1);

    t->head.nent = MAX_CPUID;
    if (ioctl(k->kvm, KVM_GET_SUPPORTED_CPUID, &t->head) < 0)
        return fail_errno(err, errno, "-accel kvm: supported CPU features");
    for (unsigned i = 0; i < t->head.nent; i++)
        patch_cpuid(&t->entries[i], cpu->index, k->core.n_cpus);
    if (ioctl(cpu->fd, KVM_SET_CPUID2, &t->head) < 0)
        return fail_errno(err, errno, "-accel kvm: CPU %u: features", cpu->index);
    return 0;
}

/* ---- State ---- */

#define MSR_TSC 0x10

/* A part of a CPU's state: how it is read and written, and where it is kept. */
struct state_part {
    const char *name;
    unsigned long get, set;
    size_t offset;
};

#define STATE_PART(text, ioctl_name, member)                                      \
    {                                                                             \
        .name = (text), .get = KVM_GET_##ioctl_name, .set = KVM_SET_##ioctl_name, \
        .offset = offsetof(struct kvm_cpu_state, member)                          \
    }

/* In the order of a reset: sregs have the mode and the APIC's base, which decide about the rest. */
static const struct state_part state_parts[] = {
    STATE_PART("system registers", SREGS, sregs),
    STATE_PART("local APIC", LAPIC, lapic),
    STATE_PART("registers", REGS, regs),
    STATE_PART("extended control registers", XCRS, xcrs),
    STATE_PART("extended state", XSAVE, xsave),
    STATE_PART("debug registers", DEBUGREGS, debugregs),
    STATE_PART("events", VCPU_EVENTS, events),
    STATE_PART("run state", MP_STATE, mp_state),
};

/*
 * MSRs that a guest sets, and that a reset puts back. The reset values are the kernel's own and not
 * those of a manual: a guest that wakes from S3 writes back what it read before, and the kernel
 * refuses that with #GP where a read-only bit (MISC_ENABLE has some) would change. The time stamp
 * counter comes first: a deadline is one of its values.
 */
static const uint32_t state_msrs[] = {
    MSR_TSC,    0x3b,                               /* TSC_ADJUST */
    0x174,      0x175,      0x176,                  /* SYSENTER_CS, ESP, EIP */
    0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, /* STAR, LSTAR, CSTAR, SFMASK */
    0xc0000102, 0xc0000103,                         /* KERNEL_GS_BASE, TSC_AUX */
    0x277,      0x1a0,                              /* PAT, MISC_ENABLE */
    0x200,      0x201,      0x202,      0x203,      /* MTRRs: base and mask of eight ranges */
    0x204,      0x205,      0x206,      0x207,      0x208, 0x209, 0x20a, 0x20b, 0x20c, 0x20d,
    0x20e,      0x20f,      0x250,      0x258,      0x259, 0x268, 0x269, 0x26a, /* the fixed ones */
    0x26b,      0x26c,      0x26d,      0x26e,      0x26f, 0x2ff, /* their default type */
    0x48,       0xda0,                                            /* SPEC_CTRL, XSS */
    0x6e0,                                                        /* TSC deadline */
    0x4b564d00, 0x4b564d01,                                       /* kvmclock: wall, system */
    0x4b564d02, 0x4b564d03, 0x4b564d04,                           /* async PF, steal time, PV EOI */
};

static_assert(G_N_ELEMENTS(state_msrs) <= KVM_MAX_MSRS, "room for every MSR");

struct one_msr {
    struct kvm_msrs head;
    struct kvm_msr_entry entry;
};

static bool get_msr(const struct kvm_vcpu *cpu, struct kvm_msr_entry *entry)
{
    struct one_msr m = { { .nmsrs = 1 }, { .index = entry->index } };
    bool there = ioctl(cpu->fd, KVM_GET_MSRS, &m) == 1;

    entry->data = m.entry.data;
    return there;
}

/* Only those that this CPU has: a saved state may name any. */
static bool has_msr(const struct kvm_vcpu *cpu, uint32_t index)
{
    const struct kvm_cpu_state *s = &cpu->reset_state;

    for (unsigned i = 0; i < s->n_msrs; i++)
        if (s->msrs[i].index == index)
            return true;
    return false;
}

static int set_msr(const struct kvm_vcpu *cpu, const struct kvm_msr_entry *entry, GError **err)
{
    struct one_msr m = { { .nmsrs = 1 }, *entry };

    if (has_msr(cpu, entry->index) && ioctl(cpu->fd, KVM_SET_MSRS, &m) == 1)
        return 0;
    return fail(err, EINVAL, "kvm: CPU %u: MSR 0x%x can't be set to 0x%" PRIx64, cpu->index,
                entry->index, (uint64_t)entry->data);
}

/*
 * As they are when a CPU is made. One may lack any of them, and the kernel reads some, XSS for one,
 * that it does not let be written.
 */
static void find_msrs(struct kvm_vcpu *cpu)
{
    struct kvm_cpu_state *s = &cpu->reset_state;

    for (unsigned i = 0; i < G_N_ELEMENTS(state_msrs); i++) {
        struct kvm_msr_entry *entry = &s->msrs[s->n_msrs];
        entry->index = state_msrs[i];
        if (!get_msr(cpu, entry))
            continue;
        if (entry->index == MSR_TSC)
            entry->data = 0; /* it runs already */
        s->n_msrs++;
        if (set_msr(cpu, entry, NULL) < 0)
            s->n_msrs--;
    }
}

static int set_part(const struct kvm_vcpu *cpu, const struct state_part *p,
                    const struct kvm_cpu_state *s, GError **err)
{
    if (p->set == KVM_SET_XCRS && s->xcrs.nr_xcrs == 0)
        return 0; /* a host without XSAVE reads none and takes none */
    if (ioctl(cpu->fd, p->set, (const uint8_t *)s + p->offset) < 0)
        return fail_errno(err, errno, "kvm: CPU %u: %s can't be set", cpu->index, p->name);
    return 0;
}

int kvm_vcpu_set_state(struct kvm_vcpu *cpu, const struct kvm_cpu_state *s, GError **err)
{
    int rc = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(state_parts) && rc == 0; i++)
        rc = set_part(cpu, &state_parts[i], s, err);
    for (unsigned i = 0; i < s->n_msrs && rc == 0; i++)
        rc = set_msr(cpu, &s->msrs[i], err);
    return rc;
}

static int get_parts(const struct kvm_vcpu *cpu, struct kvm_cpu_state *s, GError **err)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(state_parts); i++) {
        const struct state_part *p = &state_parts[i];
        if (ioctl(cpu->fd, p->get, (uint8_t *)s + p->offset) < 0)
            return fail_errno(err, errno, "kvm: CPU %u: %s", cpu->index, p->name);
    }
    return 0;
}

/* What can't be set is left as it is: the rest of the CPU is still the better for its reset. */
void kvm_vcpu_reset(struct kvm_vcpu *cpu)
{
    const struct kvm_cpu_state *s = &cpu->reset_state;

    for (unsigned i = 0; i < G_N_ELEMENTS(state_parts) + s->n_msrs; i++) {
        g_autoptr(GError) err = NULL;
        int rc = i < G_N_ELEMENTS(state_parts)
                     ? set_part(cpu, &state_parts[i], s, &err)
                     : set_msr(cpu, &s->msrs[i - G_N_ELEMENTS(state_parts)], &err);
        if (rc < 0)
            log_warn("reset: %s", err->message);
    }
}

/* ---- Exits ---- */

static void do_io(struct kvm_vcpu *cpu)
{
    const struct kvm_run *run = cpu->run;
    uint8_t *data = (uint8_t *)cpu->run + run->io.data_offset;
    bool in = run->io.direction == KVM_EXIT_IO_IN;

    cpu->core->asking = cpu;
    /* A string instruction: its items are in the run page, already gathered by the kernel. */
    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        struct ioreq req = { .addr = run->io.port,
                             .count = 1,
                             .size = run->io.size,
                             .flags = in ? IOREQ_READ : 0,
                             .type = IOREQ_TYPE_PIO };
        if (!in)
            req.data = get_le(data, run->io.size);
        ioreq_dispatch(cpu->core->core.dispatch, &req);
        if (in)
            put_le(data, req.data, run->io.size);
    }
    cpu->core->asking = NULL;
    cpu->unfinished = true;
}

void kvm_get_registers(struct core *core, struct cpu_registers *regs)
{
    const struct kvm_core *k = (const struct kvm_core *)core;
    struct kvm_regs all;

    if (k->asking == NULL || ioctl(k->asking->fd, KVM_GET_REGS, &all) < 0)
        return;
    *regs = (struct cpu_registers){ (uint32_t)all.rax, (uint32_t)all.rbx, (uint32_t)all.rcx,
                                    (uint32_t)all.rdx, (uint32_t)all.rsi, (uint32_t)all.rdi };
}

/* A 32-bit result clears the upper half, as an instruction's would. */
static void set_low_half(__u64 *reg, uint32_t value)
{
    if ((uint32_t)*reg != value)
        *reg = value;
}

/* The kernel puts the answer of an IN into RAX afterwards. */
void kvm_set_registers(struct core *core, const struct cpu_registers *regs)
{
    const struct kvm_core *k = (const struct kvm_core *)core;
    struct kvm_regs all;

    if (k->asking == NULL || ioctl(k->asking->fd, KVM_GET_REGS, &all) < 0)
        return;
    set_low_half(&all.rbx, regs->ebx);
    set_low_half(&all.rcx, regs->ecx);
    set_low_half(&all.rdx, regs->edx);
    set_low_half(&all.rsi, regs->esi);
    set_low_half(&all.rdi, regs->edi);
    if (ioctl(k->asking->fd, KVM_SET_REGS, &all) < 0)
        log_warn("kvm: CPU %u: registers could not be set: %s", k->asking->index,
                 g_strerror(errno));
}

static void do_mmio(struct kvm_vcpu *cpu)
{
    struct kvm_run *run = cpu->run;
    struct ioreq req = { .addr = run->mmio.phys_addr,
                         .count = 1,
                         .size = run->mmio.len,
                         .flags = run->mmio.is_write ? 0 : IOREQ_READ,
                         .type = IOREQ_TYPE_COPY };

    if (run->mmio.is_write)
        req.data = get_le(run->mmio.data, run->mmio.len);
    ioreq_dispatch(cpu->core->core.dispatch, &req);
    if (!run->mmio.is_write)
        put_le(run->mmio.data, req.data, run->mmio.len);
    cpu->unfinished = true;
}

static void cannot_go_on(struct kvm_vcpu *cpu, const char *what, uint64_t detail)
{
    struct core *core = &cpu->core->core;
    struct kvm_regs regs = { 0 };

    ioctl(cpu->fd, KVM_GET_REGS, &regs);
    g_autofree char *why = g_strdup_printf("kvm: CPU %u: %s (0x%" PRIx64 ") at rip=0x%" PRIx64,
                                           cpu->index, what, detail, (uint64_t)regs.rip);
    core->hold = true;
    core->events.failed(core->events.opaque, why);
}

static void handle_exit(struct kvm_vcpu *cpu)
{
    struct core *core = &cpu->core->core;
    const struct kvm_run *run = cpu->run;

    switch (run->exit_reason) {
    case KVM_EXIT_IO: do_io(cpu); break;
    case KVM_EXIT_MMIO: do_mmio(cpu); break;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_HLT: break;
    case KVM_EXIT_SHUTDOWN: core->events.triple_fault(core->events.opaque); break;
    case KVM_EXIT_INTERNAL_ERROR:
        cannot_go_on(cpu, "the kernel can't emulate an instruction", run->internal.suberror);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        cannot_go_on(cpu, "the CPU refused to enter the guest",
                     run->fail_entry.hardware_entry_failure_reason);
        break;
    default: cannot_go_on(cpu, "unexpected exit", run->exit_reason); break;
    }
}

/* One stay in the guest. The lock is dropped meanwhile. */
static void run_guest(struct kvm_vcpu *cpu)
{
    cpu->in_kernel = true;
    cpu->unfinished = false;
    machine_unlock();
    int rc = ioctl(cpu->fd, KVM_RUN, 0);
    int code = errno;
    machine_lock();
    cpu->in_kernel = false;
    cpu->run->immediate_exit = 0;
    if (rc == 0)
        handle_exit(cpu);
    else if (code != EINTR && code != EAGAIN)
        cannot_go_on(cpu, g_strerror(code), (uint64_t)code);
    if (cpu->core->core.hold)
        pthread_cond_broadcast(&cpu->core->paused);
}

/*
 * An access that was answered but not yet given to the CPU is finished by entering the kernel
 * once more; immediate_exit sees to it that no instruction of the guest runs. Of an access that is
 * wider than the kernel hands on at a time, or lies in two pages, the rest comes then.
 */
static void finish_access(struct kvm_vcpu *cpu)
{
    while (cpu->unfinished) {
        cpu->unfinished = false;
        cpu->run->immediate_exit = 1;
        int rc = ioctl(cpu->fd, KVM_RUN, 0);
        cpu->run->immediate_exit = 0;
        if (rc == 0)
            handle_exit(cpu);
    }
}

int kvm_vcpu_get_state(struct kvm_vcpu *cpu, struct kvm_cpu_state *s, GError **err)
{
    finish_access(cpu);
    s->n_msrs = cpu->reset_state.n_msrs;
    for (unsigned i = 0; i < s->n_msrs; i++) {
        s->msrs[i].index = cpu->reset_state.msrs[i].index;
        if (!get_msr(cpu, &s->msrs[i]))
            return fail(err, EIO, "kvm: CPU %u: MSR 0x%x can't be read", cpu->index,
                        s->msrs[i].index);
    }
    return get_parts(cpu, s, err);
}

static void *vcpu_thread(void *opaque)
{
    struct kvm_vcpu *cpu = opaque;
    struct kvm_core *k = cpu->core;

    machine_lock();
    while (!k->quit) {
        if (k->core.hold) {
            finish_access(cpu);
            machine_wait(&k->resumed);
        } else {
            run_guest(cpu);
        }
    }
    machine_unlock();
    return NULL;
}

static void ignore_signal(int sig)
{
}

void kvm_vcpu_kick(struct kvm_vcpu *cpu)
{
    if (!cpu->in_kernel)
        return;
    cpu->run->immediate_exit = 1; /* before the signal: it may come before KVM_RUN */
    pthread_kill(cpu->thread, KICK_SIGNAL);
}

/* ---- Life ---- */

int kvm_vcpu_create(struct kvm_core *k, unsigned index, GError **err)
{
    struct kvm_vcpu *cpu = &k->vcpu[index];

    cpu->core = k;
    cpu->index = index;
    cpu->fd = ioctl(k->vm, KVM_CREATE_VCPU, (unsigned long)index);
    if (cpu->fd < 0)
        return fail_errno(err, errno, "-smp: CPU %u", index);
    cpu->run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
    if (cpu->run == MAP_FAILED) {
        cpu->run = NULL;
        return fail_errno(err, errno, "-smp: CPU %u", index);
    }
    int rc = set_cpuid(cpu, err);
    if (rc < 0)
        return rc;
    find_msrs(cpu);
    return get_parts(cpu, &cpu->reset_state, err);
}

int kvm_vcpu_start(struct kvm_vcpu *cpu, GError **err)
{
    struct sigaction sa = { .sa_handler = ignore_signal };

    sigaction(KICK_SIGNAL, &sa, NULL);
    int rc = pthread_create(&cpu->thread, NULL, vcpu_thread, cpu);
    if (rc != 0)
        return fail_errno(err, rc, "-smp: thread of CPU %u", cpu->index);
    cpu->started = true;
    g_autofree char *name = g_strdup_printf("cpu %u", cpu->index);
    pthread_setname_np(cpu->thread, name);
    return 0;
}

void kvm_vcpu_destroy(struct kvm_vcpu *cpu)
{
    if (cpu->started) {
        kvm_vcpu_kick(cpu);
        machine_unlock();
        pthread_join(cpu->thread, NULL);
        machine_lock();
    }
    if (cpu->run != NULL)
        munmap(cpu->run, cpu->core->run_size);
    if (cpu->fd > 0)
        close(cpu->fd);
}
