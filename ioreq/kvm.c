#include "ioreq/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "ioreq/kvm_internal.h"

/*
 * Pages that Intel CPUs without unrestricted guest need: an identity map page and three pages of
 * task state. They lie below the 16 MiB that firmware may take at the top of the first 4 GiB.
 */
#define IDENTITY_MAP_ADDR 0xfeffc000u
#define TSS_ADDR          0xfeffd000u

/* ---- Memory ---- */

static int free_slot(struct kvm_core *k)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(k->slots) * 64; i++)
        if ((k->slots[i / 64] >> (i % 64) & 1) == 0)
            return (int)i;
    return -1;
}

static int set_slot(struct kvm_core *k, const struct mem_block *block, uint64_t size)
{
    struct kvm_userspace_memory_region r = {
        .slot = (uint32_t)block->slot,
        .guest_phys_addr = block->gpa,
        .memory_size = size,
        .userspace_addr = (uintptr_t)block->host,
    };

    if ((block->flags & MEM_READONLY) != 0)
        r.flags |= KVM_MEM_READONLY;
    if ((block->flags & MEM_LOG_DIRTY) != 0)
        r.flags |= KVM_MEM_LOG_DIRTY_PAGES;
    return ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &r) < 0 ? -errno : 0;
}

static int kvm_block_map(void *core, struct mem_block *block)
{
    struct kvm_core *k = core;
    int slot = free_slot(k);

    if (slot < 0)
        return -ENOSPC;
    block->slot = slot;
    int rc = set_slot(k, block, block->size);
    if (rc == 0)
        k->slots[slot / 64] |= UINT64_C(1) << (slot % 64);
    return rc;
}

static void kvm_block_unmap(void *core, struct mem_block *block)
{
    struct kvm_core *k = core;

    set_slot(k, block, 0);
    k->slots[block->slot / 64] &= ~(UINT64_C(1) << (block->slot % 64));
}

static int kvm_block_dirty(void *core, struct mem_block *block, uint8_t *bitmap)
{
    struct kvm_core *k = core;
    size_t words = (block->size / MEM_PAGE + 63) / 64; /* the kernel writes whole words */
    g_autofree uint64_t *log = g_new0(uint64_t, words);
    struct kvm_dirty_log arg = { .slot = (uint32_t)block->slot, .dirty_bitmap = log };

    if (ioctl(k->vm, KVM_GET_DIRTY_LOG, &arg) < 0)
        return -errno;
    for (size_t i = 0; i < (block->size / MEM_PAGE + 7) / 8; i++)
        bitmap[i] |= ((const uint8_t *)log)[i];
    return 0;
}

/* ---- Interrupts ---- */

static void kvm_gsi(struct core *core, unsigned gsi, bool level)
{
    struct kvm_irq_level l = { .irq = gsi, .level = level };

    ioctl(((struct kvm_core *)core)->vm, KVM_IRQ_LINE, &l);
}

static void kvm_msi(struct core *core, uint64_t addr, uint32_t data)
{
    struct kvm_msi msi = { .address_lo = (uint32_t)addr,
                           .address_hi = (uint32_t)(addr >> 32),
                           .data = data };

    ioctl(((struct kvm_core *)core)->vm, KVM_SIGNAL_MSI, &msi);
}

static void kvm_nmi(struct core *core)
{
    ioctl(((struct kvm_core *)core)->vcpu[0].fd, KVM_NMI, 0);
}

static void kvm_hpet_legacy(struct core *core, bool on)
{
    struct kvm_core *k = (struct kvm_core *)core;
    struct kvm_pit_state2 pit;

    if (ioctl(k->vm, KVM_GET_PIT2, &pit) < 0)
        return;
    pit.flags = on ? pit.flags | KVM_PIT_FLAGS_HPET_LEGACY
                   : pit.flags & ~(uint32_t)KVM_PIT_FLAGS_HPET_LEGACY;
    ioctl(k->vm, KVM_SET_PIT2, &pit);
}

static void add_route(struct kvm_irq_routing *table, unsigned gsi, unsigned chip, unsigned pin)
{
    table->entries[table->nr++] = (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

/* As a PC is wired: IRQ0 reaches the IOAPIC's pin 2, since the 8259s' cascade leaves that free. */
static int set_routing(struct kvm_core *k)
{
    g_autofree struct kvm_irq_routing *table = g_malloc0(
        sizeof(*table) + 2 * KVM_IOAPIC_NUM_PINS * sizeof(table->entries[0]));

    for (unsigned gsi = 0; gsi < KVM_IOAPIC_NUM_PINS; gsi++) {
        if (gsi < 16)
            add_route(table, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                      gsi % 8);
        if (gsi != 2)
            add_route(table, gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi);
    }
    return ioctl(k->vm, KVM_SET_GSI_ROUTING, table);
}

/* ---- Running ---- */

static void kvm_resume(struct core *core)
{
    struct kvm_core *k = (struct kvm_core *)core;

    core->hold = false;
    pthread_cond_broadcast(&k->resumed);
}

static bool any_in_kernel(const struct kvm_core *k)
{
    for (unsigned i = 0; i < k->core.n_cpus; i++)
        if (k->vcpu[i].in_kernel)
            return true;
    return false;
}

static void kvm_pause(struct core *core)
{
    struct kvm_core *k = (struct kvm_core *)core;

    core->hold = true;
    for (unsigned i = 0; i < core->n_cpus; i++)
        kvm_vcpu_kick(&k->vcpu[i]);
    while (any_in_kernel(k))
        machine_wait(&k->paused);
}

static void kvm_reset(struct core *core)
{
    struct kvm_core *k = (struct kvm_core *)core;

    for (unsigned i = 0; i < G_N_ELEMENTS(k->irqchip_reset); i++)
        ioctl(k->vm, KVM_SET_IRQCHIP, &k->irqchip_reset[i]);
    ioctl(k->vm, KVM_SET_PIT2, &k->pit_reset);
    for (unsigned i = 0; i < core->n_cpus; i++)
        kvm_vcpu_reset(&k->vcpu[i]);
}

/* ---- Life ---- */

static int kvm_create_cpus(struct core *core, GError **err)
{
    struct kvm_core *k = (struct kvm_core *)core;
    int rc = 0;

    core->hold = true;
    for (unsigned i = 0; i < core->n_cpus && rc == 0; i++)
        rc = kvm_vcpu_create(k, i, err);
    for (unsigned i = 0; i < core->n_cpus && rc == 0; i++)
        rc = kvm_vcpu_start(&k->vcpu[i], err);
    return rc;
}

static void kvm_destroy(struct core *core)
{
    struct kvm_core *k = (struct kvm_core *)core;

    core->hold = true;
    k->quit = true;
    pthread_cond_broadcast(&k->resumed);
    for (unsigned i = 0; i < core->n_cpus; i++)
        kvm_vcpu_destroy(&k->vcpu[i]);
    if (k->vm >= 0)
        close(k->vm);
    if (k->kvm >= 0)
        close(k->kvm);
    pthread_cond_destroy(&k->resumed);
    pthread_cond_destroy(&k->paused);
    g_free(k);
}

static const struct core_ops kvm_ops = {
    .name = "kvm",
    .chips = CORE_HAS_PIC | CORE_HAS_IOAPIC | CORE_HAS_PIT | CORE_HAS_CPUS | CORE_HAS_REGISTERS,
    .mem = { .block_map = kvm_block_map,
             .block_unmap = kvm_block_unmap,
             .block_dirty = kvm_block_dirty },
    .create_cpus = kvm_create_cpus,
    .resume = kvm_resume,
    .pause = kvm_pause,
    .reset = kvm_reset,
    .gsi = kvm_gsi,
    .msi = kvm_msi,
    .nmi = kvm_nmi,
    .hpet_legacy = kvm_hpet_legacy,
    .save = kvm_save,
    .load = kvm_load,
    .get_registers = kvm_get_registers,
    .set_registers = kvm_set_registers,
    .destroy = kvm_destroy,
};

/* Whether the host's CPU can virtualize: without it a /dev/kvm is an emulation. */
static bool host_has_virtualization(void)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL))
        return true; /* nothing known: no warning */
    return strstr(text, " svm") != NULL || strstr(text, " vmx") != NULL;
}

static int create_chips(struct kvm_core *k, GError **err)
{
    uint64_t identity = IDENTITY_MAP_ADDR;
    struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY }; /* port 0x61 too */

    if (ioctl(k->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
        ioctl(k->vm, KVM_SET_TSS_ADDR, (unsigned long)TSS_ADDR) < 0)
        return fail_errno(err, errno, "-accel kvm: reserved pages");
    if (ioctl(k->vm, KVM_CREATE_IRQCHIP, 0) < 0)
        return fail_errno(err, errno, "-accel kvm: interrupt controllers");
    if (set_routing(k) < 0)
        return fail_errno(err, errno, "-accel kvm: interrupt routing");
    if (ioctl(k->vm, KVM_CREATE_PIT2, &pit) < 0)
        return fail_errno(err, errno, "-accel kvm: timer");
    for (unsigned i = 0; i < G_N_ELEMENTS(k->irqchip_reset); i++) {
        k->irqchip_reset[i].chip_id = i;
        if (ioctl(k->vm, KVM_GET_IRQCHIP, &k->irqchip_reset[i]) < 0)
            return fail_errno(err, errno, "-accel kvm: interrupt controller %u", i);
    }
    if (ioctl(k->vm, KVM_GET_PIT2, &k->pit_reset) < 0)
        return fail_errno(err, errno, "-accel kvm: timer state");
    return 0;
}

static int open_kvm(struct kvm_core *k, GError **err)
{
    k->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (k->kvm < 0)
        return fail_errno(err, errno, "-accel kvm: /dev/kvm");
    if (ioctl(k->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
        return fail(err, ENOTSUP, "-accel kvm: /dev/kvm speaks another API version");
    k->vm = ioctl(k->kvm, KVM_CREATE_VM, 0);
    if (k->vm < 0)
        return fail_errno(err, errno, "-accel kvm: new virtual machine");
    int run_size = ioctl(k->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (run_size < (int)sizeof(struct kvm_run) ||
        ioctl(k->vm, KVM_CHECK_EXTENSION, KVM_CAP_IMMEDIATE_EXIT) <= 0 ||
        ioctl(k->vm, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM) <= 0)
        return fail(err, ENOTSUP, "-accel kvm: the kernel is too old (4.13 is needed)");
    k->run_size = (unsigned)run_size;
    return create_chips(k, err);
}

struct core *kvm_core_create(unsigned n_cpus, GError **err)
{
    if (n_cpus < 1 || n_cpus > KVM_MAX_CPUS) {
        fail(err, ERANGE, "-smp %u: not between 1 and %u", n_cpus, KVM_MAX_CPUS);
        return NULL;
    }
    struct kvm_core *k = g_new0(struct kvm_core, 1);
    k->core.ops = &kvm_ops;
    k->kvm = k->vm = -1;
    pthread_cond_init(&k->resumed, NULL);
    pthread_cond_init(&k->paused, NULL);
    if (open_kvm(k, err) < 0) {
        kvm_destroy(&k->core); /* n_cpus is still 0 */
        return NULL;
    }
    k->core.n_cpus = n_cpus;
    if (!host_has_virtualization())
        log_warn("/dev/kvm is not backed by hardware (no svm or vmx CPU flag): expect it to be "
                 "slow");
    return &k->core;
}
