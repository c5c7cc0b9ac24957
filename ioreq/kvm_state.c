/*
 * What the kernel keeps of the machine, as sections of a saved state: "core.cpuN" and "core.chips".
 *
 * Registers are fields by name. What Linux documents as a block of bytes (XSAVE area, local APIC,
 * interrupt controllers, pending events) stays one: its layout is the kernel's ABI.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "hw/core/device.h"
#include "hw/core/state.h"
#include "ioreq/kvm_internal.h"

#define CHIPS_SECTION "core.chips"

/* A member of any type as its bytes. */
#define STATE_BYTES(owner, member)                                                         \
    {                                                                                      \
        .name = #member, .type = STATE_UINT, .offset = offsetof(owner, member), .size = 1, \
        .count = STATE_MEMBER_SIZE(owner, member)                                          \
    }

/* ---- One CPU ---- */

static const struct state_field regs_state[] = {
    STATE_FIELD(struct kvm_regs, rax),
    STATE_FIELD(struct kvm_regs, rbx),
    STATE_FIELD(struct kvm_regs, rcx),
    STATE_FIELD(struct kvm_regs, rdx),
    STATE_FIELD(struct kvm_regs, rsi),
    STATE_FIELD(struct kvm_regs, rdi),
    STATE_FIELD(struct kvm_regs, rsp),
    STATE_FIELD(struct kvm_regs, rbp),
    STATE_FIELD(struct kvm_regs, r8),
    STATE_FIELD(struct kvm_regs, r9),
    STATE_FIELD(struct kvm_regs, r10),
    STATE_FIELD(struct kvm_regs, r11),
    STATE_FIELD(struct kvm_regs, r12),
    STATE_FIELD(struct kvm_regs, r13),
    STATE_FIELD(struct kvm_regs, r14),
    STATE_FIELD(struct kvm_regs, r15),
    STATE_FIELD(struct kvm_regs, rip),
    STATE_FIELD(struct kvm_regs, rflags),
    {},
};

static const struct state_field segment_state[] = {
    STATE_FIELD(struct kvm_segment, base),
    STATE_FIELD(struct kvm_segment, limit),
    STATE_FIELD(struct kvm_segment, selector),
    STATE_FIELD(struct kvm_segment, type),
    STATE_FIELD(struct kvm_segment, present),
    STATE_FIELD(struct kvm_segment, dpl),
    STATE_FIELD(struct kvm_segment, db),
    STATE_FIELD(struct kvm_segment, s),
    STATE_FIELD(struct kvm_segment, l),
    STATE_FIELD(struct kvm_segment, g),
    STATE_FIELD(struct kvm_segment, avl),
    STATE_FIELD(struct kvm_segment, unusable),
    {},
};

static const struct state_field table_state[] = {
    STATE_FIELD(struct kvm_dtable, base),
    STATE_FIELD(struct kvm_dtable, limit),
    {},
};

static const struct state_field sregs_state[] = {
    STATE_SUB(struct kvm_sregs, cs, segment_state),
    STATE_SUB(struct kvm_sregs, ds, segment_state),
    STATE_SUB(struct kvm_sregs, es, segment_state),
    STATE_SUB(struct kvm_sregs, fs, segment_state),
    STATE_SUB(struct kvm_sregs, gs, segment_state),
    STATE_SUB(struct kvm_sregs, ss, segment_state),
    STATE_SUB(struct kvm_sregs, tr, segment_state),
    STATE_SUB(struct kvm_sregs, ldt, segment_state),
    STATE_SUB(struct kvm_sregs, gdt, table_state),
    STATE_SUB(struct kvm_sregs, idt, table_state),
    STATE_FIELD(struct kvm_sregs, cr0),
    STATE_FIELD(struct kvm_sregs, cr2),
    STATE_FIELD(struct kvm_sregs, cr3),
    STATE_FIELD(struct kvm_sregs, cr4),
    STATE_FIELD(struct kvm_sregs, cr8),
    STATE_FIELD(struct kvm_sregs, efer),
    STATE_FIELD(struct kvm_sregs, apic_base),
    STATE_ARRAY(struct kvm_sregs, interrupt_bitmap),
    {},
};

static const struct state_field msr_state[] = {
    STATE_FIELD(struct kvm_msr_entry, index),
    STATE_FIELD(struct kvm_msr_entry, data),
    {},
};

static const struct state_field cpu_fields[] = {
    STATE_SUB(struct kvm_cpu_state, regs, regs_state),
    STATE_SUB(struct kvm_cpu_state, sregs, sregs_state),
    STATE_BYTES(struct kvm_cpu_state, xsave),
    STATE_BYTES(struct kvm_cpu_state, xcrs),
    STATE_BYTES(struct kvm_cpu_state, debugregs),
    STATE_BYTES(struct kvm_cpu_state, lapic),
    STATE_BYTES(struct kvm_cpu_state, events),
    STATE_FIELD(struct kvm_cpu_state, mp_state.mp_state),
    STATE_FIELD(struct kvm_cpu_state, n_msrs, .max = KVM_MAX_MSRS),
    STATE_SUB_ARRAY(struct kvm_cpu_state, msrs, msr_state),
    {},
};

/* In the shape of devices, so that they are saved and checked as those are. */
struct cpu_record {
    struct device dev;
    struct kvm_cpu_state cpu;
};

static const struct state_field cpu_state[] = { STATE_SUB(struct cpu_record, cpu, cpu_fields), {} };

static const struct device_kind cpu_kind = {
    .name = "kvm-cpu",
    .desc = "CPU of KVM",
    .size = sizeof(struct cpu_record),
    .state = cpu_state,
    .state_version = 1,
};

static struct cpu_record *new_cpu(unsigned index)
{
    g_autofree char *id = g_strdup_printf("core.cpu%u", index);

    return (struct cpu_record *)device_new(&cpu_kind, id, NULL);
}

/* ---- The chips ---- */

struct chips_record {
    struct device dev;
    struct kvm_irqchip master, slave, ioapic;
    struct kvm_pit_state2 pit;
    uint64_t clock; /* of kvmclock, ns */
};

static const struct state_field chips_state[] = {
    STATE_BYTES(struct chips_record, master.chip), STATE_BYTES(struct chips_record, slave.chip),
    STATE_BYTES(struct chips_record, ioapic.chip), STATE_BYTES(struct chips_record, pit),
    STATE_FIELD(struct chips_record, clock),       {},
};

static const struct device_kind chips_kind = {
    .name = "kvm-chips",
    .desc = "Interrupt controllers, timer and clock of KVM",
    .size = sizeof(struct chips_record),
    .state = chips_state,
    .state_version = 1,
};

static struct chips_record *new_chips(void)
{
    struct chips_record *r = (struct chips_record *)device_new(&chips_kind, CHIPS_SECTION, NULL);

    r->master.chip_id = KVM_IRQCHIP_PIC_MASTER;
    r->slave.chip_id = KVM_IRQCHIP_PIC_SLAVE;
    r->ioapic.chip_id = KVM_IRQCHIP_IOAPIC;
    return r;
}

static int get_chips(const struct kvm_core *k, struct chips_record *r)
{
    struct kvm_clock_data clock;

    if (ioctl(k->vm, KVM_GET_IRQCHIP, &r->master) < 0 ||
        ioctl(k->vm, KVM_GET_IRQCHIP, &r->slave) < 0 ||
        ioctl(k->vm, KVM_GET_IRQCHIP, &r->ioapic) < 0 || ioctl(k->vm, KVM_GET_PIT2, &r->pit) < 0 ||
        ioctl(k->vm, KVM_GET_CLOCK, &clock) < 0)
        return -errno;
    r->clock = clock.clock;
    return 0;
}

static int set_chips(const struct kvm_core *k, struct chips_record *r)
{
    struct kvm_clock_data clock = { .clock = r->clock };

    if (ioctl(k->vm, KVM_SET_IRQCHIP, &r->master) < 0 ||
        ioctl(k->vm, KVM_SET_IRQCHIP, &r->slave) < 0 ||
        ioctl(k->vm, KVM_SET_IRQCHIP, &r->ioapic) < 0 || ioctl(k->vm, KVM_SET_PIT2, &r->pit) < 0 ||
        ioctl(k->vm, KVM_SET_CLOCK, &clock) < 0)
        return -errno;
    return 0;
}

/* ---- Saving ---- */

static int save_cpu(struct kvm_vcpu *cpu, GByteArray *out, GError **err)
{
    struct cpu_record *r = new_cpu(cpu->index);
    int rc = kvm_vcpu_get_state(cpu, &r->cpu, err);

    if (rc == 0)
        state_save_device(out, &r->dev);
    device_destroy(&r->dev);
    return rc;
}

int kvm_save(struct core *core, GByteArray *out, GError **err)
{
    struct kvm_core *k = (struct kvm_core *)core;
    struct chips_record *chips = new_chips();
    int rc = get_chips(k, chips);

    if (rc == 0)
        state_save_device(out, &chips->dev);
    else
        fail_errno(err, -rc, "kvm: state of the chips");
    device_destroy(&chips->dev);
    for (unsigned i = 0; i < core->n_cpus && rc == 0; i++)
        rc = save_cpu(&k->vcpu[i], out, err);
    return rc;
}

/* ---- Loading ---- */

static int load_record(const GArray *sections, struct device *dev, GError **err)
{
    const struct state_section *s = state_find_section(sections, dev->id);

    return s != NULL ? state_load_device(dev, s, err)
                     : fail(err, EINVAL, "saved state: %s is missing", dev->id);
}

static int load_cpu(struct kvm_vcpu *cpu, const GArray *sections, GError **err)
{
    struct cpu_record *r = new_cpu(cpu->index);
    int rc = load_record(sections, &r->dev, err);

    if (rc == 0)
        rc = kvm_vcpu_set_state(cpu, &r->cpu, err);
    device_destroy(&r->dev);
    return rc;
}

static int load_chips(const struct kvm_core *k, const GArray *sections, GError **err)
{
    struct chips_record *r = new_chips();
    int rc = load_record(sections, &r->dev, err);

    if (rc == 0 && (rc = set_chips(k, r)) < 0)
        fail_errno(err, -rc, "saved state: " CHIPS_SECTION ": the kernel refuses it");
    device_destroy(&r->dev);
    return rc;
}

/* As many CPUs as there are, and nothing of another core. */
static int check_ids(const struct core *core, const GArray *sections, GError **err)
{
    unsigned n = 0;

    for (guint i = 0; i < sections->len; i++)
        n += g_str_has_prefix(g_array_index(sections, struct state_section, i).id, "core.");
    if (n == core->n_cpus + 1)
        return 0;
    return fail(err, EINVAL, "saved state: made with another number of CPUs, not %u", core->n_cpus);
}

int kvm_load(struct core *core, const GArray *sections, GError **err)
{
    struct kvm_core *k = (struct kvm_core *)core;
    int rc = check_ids(core, sections, err);

    if (rc == 0)
        rc = load_chips(k, sections, err);
    for (unsigned i = 0; i < core->n_cpus && rc == 0; i++)
        rc = load_cpu(&k->vcpu[i], sections, err);
    return rc;
}
