/*
 * The Xen core against a hypervisor made for tests: a domain with 1 MiB, two vCPUs and a VGA. The
 * guest's requests arrive as Xen puts them; what the core says to Xen is looked at.
 */
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "base/loop.h"
#include "hw/core/dma.h"
#include "hw/xen/pvdevice.h"
#include "ioreq/xen.h"
#include "tests/unit/fake_xen.h"
#include "tests/unit/vga_bench.h"

#define PAGE 4096u

static struct vga_bench s;
static struct core *core;
static struct dispatch dispatch;
static int64_t clock_moved;
static unsigned times_told;

/* A port that acts on the core from within an access: what is written is an enum core_shutdown. */
static struct region port;
static uint8_t port_value;

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    return port_value;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    port_value = (uint8_t)value;
    if (offset == 1)
        core->ops->shutdown(core, (enum core_shutdown)value);
}

static const struct region_ops port_ops = { .read = port_read, .write = port_write, .valid = 1 };

static void time_offset(void *opaque, int64_t seconds)
{
    clock_moved += seconds;
    times_told++;
}

static void function_changed(void *opaque, const struct pci_device *pci, bool present)
{
    core->ops->pci_function(core, pci, present);
}

/* The machine around the core, and the core in it; stopped, as a toolstack starts it. romfile: of a
 * card in slot 3; NULL: there is none. */
static void create_with_rom(bool incoming, const char *romfile)
{
    struct xen_config config = { .domid = FAKE_DOMAIN,
                                 .max_cpus = 2,
                                 .ram_size = 1 << 20,
                                 .incoming = incoming,
                                 .time_offset = time_offset };
    GError *err = NULL;

    fake_xen_create(2, 256);
    vga_bench_create(&s);
    if (romfile != NULL) {
        g_autofree char *card = g_strdup_printf("device-id=0xc000,addr=3,romfile=%s", romfile);
        bench_plug(s.b, &xen_pvdevice_kind, card);
    }
    memmap_unmap(s.b->mem, &s.b->ram); /* the domain's is Xen's */
    port = (struct region){ .name = "port", .ops = &port_ops, .priority = REGION_FIXED };
    bus_map(s.b->bus, &port, BUS_PIO, 0x500, 2);
    core = xen_core_create(&config, &err);
    g_assert_no_error(err);
    dispatch = (struct dispatch){ .bus = s.b->bus, .mem = s.b->mem, .pci = s.b->pci };
    core->dispatch = &dispatch;
    struct bus_listener listener = core->ops->bus;
    listener.opaque = core;
    bus_set_listener(s.b->bus, &listener);
    pci_bus_set_ops(s.b->pci, &(struct pci_bus_ops){ .function_changed = function_changed });
    g_assert_cmpint(memmap_set_core(s.b->mem, &core->ops->mem, core), ==, 0);
    g_assert_cmpint(core->ops->create_cpus(core, &err), ==, 0);
    g_assert_no_error(err);
    clock_moved = times_told = 0;
}

static void create(bool incoming)
{
    create_with_rom(incoming, NULL);
}

static void start(void)
{
    create(false);
    core->ops->resume(core);
    g_free(fake_xen_said());
}

static void end(void)
{
    bus_unmap(s.b->bus, &port);
    vga_bench_destroy(&s);
    core->ops->destroy(core);
    fake_xen_destroy();
}

static uint64_t in(unsigned vcpu, uint16_t addr)
{
    fake_xen_request(vcpu,
                     &(struct ioreq){ .addr = addr, .count = 1, .size = 1, .flags = IOREQ_READ });
    return fake_xen_wait(vcpu);
}

static void out(unsigned vcpu, uint16_t addr, uint8_t value)
{
    fake_xen_request(vcpu, &(struct ioreq){ .addr = addr, .data = value, .count = 1, .size = 1 });
    fake_xen_wait(vcpu);
}

/* ---- Requests ---- */

static void each_cpu_gets_its_answer(void)
{
    start();
    out(0, 0x500, 0x5a);
    g_assert_cmphex(in(1, 0x500), ==, 0x5a);
    g_assert_cmphex(in(0, 0x777), ==, 0xff); /* nothing is there */
    end();
}

static void repeated_accesses_reach_the_guests_memory(void)
{
    start();
    memcpy(fake_xen_page(3) + PAGE - 2, "ab", 2);
    memcpy(fake_xen_page(4), "cd", 2);
    fake_xen_request(0, &(struct ioreq){ .addr = 0x500,
                                         .data = 3 * PAGE + PAGE - 2,
                                         .count = 4,
                                         .size = 1,
                                         .flags = IOREQ_DATA_IS_PTR });
    fake_xen_wait(0);
    g_assert_cmpint(port_value, ==, 'd');
    fake_xen_request(1, &(struct ioreq){ .addr = 0x500,
                                         .data = 8 * PAGE + 2,
                                         .count = 3,
                                         .size = 1,
                                         .flags = IOREQ_DATA_IS_PTR | IOREQ_READ | IOREQ_DF });
    fake_xen_wait(1);
    g_assert_cmpmem(fake_xen_page(8), 4, "ddd\0", 4);
    end();
}

static void nonsense_is_answered_like_nothing_there(void)
{
    static const struct ioreq nonsense[] = {
        { .addr = 0x500, .count = 1, .size = 3, .flags = IOREQ_READ },
        { .addr = 0x500, .count = UINT32_MAX, .size = 4, .flags = IOREQ_DATA_IS_PTR },
        { .addr = UINT64_MAX, .count = 1, .size = 8, .flags = IOREQ_READ, .type = IOREQ_TYPE_COPY },
        { .addr = 0x500, .count = 1, .size = 1, .type = 99 },
        { .addr = UINT64_MAX, .count = 1, .size = 4, .type = IOREQ_TYPE_PCI_CONFIG },
    };

    start();
    for (unsigned i = 0; i < G_N_ELEMENTS(nonsense); i++) {
        fake_xen_request(0, &nonsense[i]);
        fake_xen_wait(0);
    }
    fake_xen_event(FAKE_VCPU_PORT); /* with nothing to do */
    out(0, 0x500, 1);
    g_assert_cmpint(port_value, ==, 1);
    end();
}

/* What is drawn on the screen by buffered writes is there when the guest looks, with no event. */
static void buffered_writes_come_before_the_next_access(void)
{
    start();
    vga_set(&s, &vga_text);
    fake_xen_buffer(IOREQ_TYPE_COPY, 0xb8000, 2, 0x0748);
    fake_xen_buffer(IOREQ_TYPE_COPY, 0xb8002, 8, UINT64_C(0x0721076507630769));
    fake_xen_request(
        0,
        &(struct ioreq){
            .addr = 0xb8006, .count = 1, .size = 4, .flags = IOREQ_READ, .type = IOREQ_TYPE_COPY });
    g_assert_cmphex(fake_xen_wait(0), ==, 0x07210765);
    fake_xen_buffer(IOREQ_TYPE_TIMEOFFSET, 0, 8, (uint64_t)-3600);
    fake_xen_event(FAKE_RING_PORT);
    in(1, 0x500);
    g_assert_cmpint(clock_moved, ==, -3600);
    end();
}

/* Each news of the clock is a line in xenstore, or for every monitor; a guest has no end of them.
 */
static void move_clock(unsigned n, int64_t seconds)
{
    for (unsigned i = 0; i < n; i++)
        fake_xen_buffer(IOREQ_TYPE_TIMEOFFSET, 0, 8, (uint64_t)seconds);
    fake_xen_event(FAKE_RING_PORT);
    in(0, 0x500);
}

static void a_clock_that_never_rests_is_told_now_and_then(void)
{
    start();
    move_clock(100, 7);
    g_assert_cmpuint(times_told, ==, 1);
    while (times_told == 1)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(times_told, ==, 2);
    g_assert_cmpint(clock_moved, ==, 700);
    end();
    g_assert_cmpuint(times_told, ==, 2);
}

/* Who stops or ends the domain knows how its clock is then. */
static void no_second_is_lost_at_the_end(void)
{
    start();
    move_clock(3, -5);
    core->ops->pause(core);
    g_assert_cmpint(clock_moved, ==, -15);
    core->ops->resume(core);
    move_clock(3, 2);
    out(0, 0x501, CORE_SHUTDOWN_RESET);
    g_assert_cmpint(clock_moved, ==, -9);
    move_clock(3, 1);
    end();
    g_assert_cmpint(clock_moved, ==, -6);
}

static void a_stopped_machine_answers_later(void)
{
    start();
    core->ops->pause(core);
    fake_xen_request(0, &(struct ioreq){ .addr = 0x500, .data = 7, .count = 1, .size = 1 });
    machine_unlock();
    g_usleep(20000);
    machine_lock();
    g_assert_false(fake_xen_answered(0));
    core->ops->resume(core);
    fake_xen_wait(0);
    g_assert_cmpint(port_value, ==, 7);
    end();
}

/* ---- The end ---- */

static void xen_knows_of_a_shutdown_before_the_guest_goes_on(void)
{
    static const char *const said[] = {
        [CORE_SHUTDOWN_OFF] = "shutdown 0 in state 2\n",
        [CORE_SHUTDOWN_RESET] = "shutdown 1 in state 2\n",
        [CORE_SHUTDOWN_CRASH] = "shutdown 3 in state 2\n",
        [CORE_SHUTDOWN_SUSPEND] = "sleep 3 in state 2\n",
    };

    for (unsigned why = 0; why < G_N_ELEMENTS(said); why++) {
        start();
        out(0, 0x501, (uint8_t)why);
        fake_xen_expect(said[why]);
        core->ops->pause(
            core); /* the machine's reaction; the other CPU still waits for its answer */
        out(1, 0x500, 0x77);
        g_assert_cmphex(port_value, ==, 0x77);
        core->ops->resume(core);
        fake_xen_expect(why == CORE_SHUTDOWN_SUSPEND ? "sleep 0 in state 0\n" : "");
        end();
    }
}

/* ---- What is claimed, interrupts ---- */

static void what_the_guest_reaches_is_claimed(void)
{
    start();
    g_assert_true(fake_xen_claimed(false, 0x500));
    g_assert_true(fake_xen_claimed(false, 0x3c0));
    g_assert_false(fake_xen_claimed(false, 0x502));
    g_assert_true(fake_xen_claimed(true, 0xa0000));
    g_assert_false(fake_xen_claimed(true, VGA_BENCH_MMIO));
    vga_bench_map(&s);
    g_assert_true(fake_xen_claimed(true, VGA_BENCH_MMIO)); /* registers */
    g_assert_false(fake_xen_claimed(true, VGA_BENCH_LFB)); /* memory needs no request */
    cfg_write(s.b, 0, 0, PCI_BAR0 + 8, 0xe9000000, 4);
    g_assert_true(fake_xen_claimed(true, 0xe9000000));
    g_assert_false(fake_xen_claimed(true, VGA_BENCH_MMIO));
    end();
}

static void interrupts_go_to_xens_controllers(void)
{
    start();
    core->ops->gsi(core, 14, true);
    core->ops->gsi(core, 0, true); /* the PIT, the cascade and the RTC are Xen's */
    core->ops->gsi(core, 2, true);
    core->ops->gsi(core, 8, true);
    core->ops->gsi(core, 17, true); /* PCI lines go by slot and pin */
    core->ops->pci_intx(core, 3, 0, true);
    core->ops->pci_link(core, 2, 11);
    core->ops->msi(core, 0xfee01000, 0x4041);
    core->ops->nmi(core);
    core->ops->protect(core, 0xc0000, 0x40000, true);
    fake_xen_expect("isa 14 1\nintx 3.0 1\nlink 2 irq 11\nmsi fee01000 4041\n"
                    "event type 2 vector 2\ntype 1 c0+64\n");
    fake_xen_refuse("isa");
    core->ops->gsi(core, 14, false); /* a line in the log, and no more */
    end();
}

/* ---- The guest's memory ---- */

static void a_page_that_left_the_domain_is_let_go(void)
{
    struct memmap *mem;
    uint64_t len = 2 * PAGE;
    uint32_t word = 0x12345678;

    start();
    mem = s.b->mem;
    unsigned video = fake_xen_mapped();
    uint8_t *transfer = dma_map(mem, 5 * PAGE, &len, true);
    g_assert_nonnull(transfer);
    g_assert_cmpuint(len, ==, 2 * PAGE);
    fake_xen_balloon(6);
    fake_xen_request(0, &(struct ioreq){ .data = UINT64_MAX, .type = IOREQ_TYPE_INVALIDATE });
    fake_xen_wait(0);
    memset(transfer, 0xee, len); /* it goes to its end */
    dma_unmap(mem, 5 * PAGE, transfer, len, true);
    g_assert_cmpuint(fake_xen_mapped(), ==, video);
    g_assert_cmpint(dma_write(mem, 6 * PAGE, &word, 4), ==, -EFAULT);
    g_assert_cmpint(dma_write(mem, 7 * PAGE - 2, &word, 4), ==, -EFAULT);
    g_assert_cmpint(dma_write(mem, 7 * PAGE, &word, 4), ==, 0);
    g_assert_cmpint(fake_xen_page(5)[7], ==, 0xee);
    fake_xen_give(6); /* it came back: with no word from Xen */
    g_assert_cmpint(dma_write(mem, 6 * PAGE, &word, 4), ==, 0);
    g_assert_cmpmem(fake_xen_page(6), 4, &word, 4);
    end();
}

/* 512 MiB of addresses, in pieces of 64 pages, and more than that is asked for. */
static void mappings_have_a_bound(void)
{
    enum { BUCKETS = 2048, MORE = 3000 };
    uint8_t *held[BUCKETS];
    uint64_t len = 16;

    start();
    unsigned video = fake_xen_mapped();
    for (uint64_t i = 0; i < MORE; i++) {
        uint64_t gfn = 0x10000 + i * 64;
        fake_xen_give(gfn);
        g_assert_cmpint(dma_write(s.b->mem, gfn * PAGE, &i, sizeof(i)), ==, 0);
        g_assert_cmpmem(fake_xen_page(gfn), sizeof(i), &i, sizeof(i));
    }
    g_assert_cmpuint(fake_xen_mapped(), ==, video + BUCKETS);
    for (uint64_t i = 0; i < BUCKETS; i++) {
        held[i] = dma_map(s.b->mem, (0x10000 + i * 64) * PAGE, &len, false);
        g_assert_nonnull(held[i]);
        g_assert_cmpmem(held[i], sizeof(i), &i, sizeof(i));
    }
    g_assert_null(dma_map(s.b->mem, (0x10000 + BUCKETS * 64) * PAGE, &len, false));
    for (uint64_t i = 0; i < BUCKETS; i++)
        dma_unmap(s.b->mem, (0x10000 + i * 64) * PAGE, held[i], len, false);
    g_assert_nonnull(dma_map(s.b->mem, (0x10000 + BUCKETS * 64) * PAGE, &len, false));
    end();
}

static void a_migration_hears_of_what_devices_write(void)
{
    uint8_t sector[512] = { 1 };

    start();
    vga_set(&s, &vga_text);
    vga_bench_map(&s);
    g_free(fake_xen_said());
    dma_write(s.b->mem, 5 * PAGE, sector, sizeof(sector));
    mmio_write(s.b, 0xb8000, 0x41, 1);
    fake_xen_expect(""); /* nobody is listening */
    xen_core_log_dirty(core, true);
    dma_write(s.b->mem, 5 * PAGE - 1, sector, sizeof(sector));
    fake_xen_expect("modified 4+2\n");
    mmio_write(s.b, 0xb8000, 0x41, 1); /* the planes' bytes are at four times the address */
    mmio_write(s.b, 0xb8800, 0x42, 1);
    fake_xen_buffer(IOREQ_TYPE_COPY, 0xb8f00, 2, 0x0743);
    fake_xen_expect("");
    core->ops->pause(core); /* the last pages are sent now */
    fake_xen_expect("modified e0000+1\nmodified e0002+2\n");
    core->ops->pause(core);
    fake_xen_expect("");
    end();
}

/* ---- Video memory ---- */

static void video_memory_is_where_its_bar_is(void)
{
    uint8_t bits[32] = { 0 };

    create(false);
    g_autofree char *said = fake_xen_said();
    g_assert_nonnull(strstr(said, "populate 100+256\n")); /* above the RAM */
    struct mem_block *vram = pci_bus_function(s.b->pci, 0)->bar[0].block;
    g_assert_cmpuint(vram->saved, ==, 0); /* but with the guest's memory */
    vram->host[0x1234] = 0x99;
    g_assert_cmpint(fake_xen_page(0x101)[0x234], ==, 0x99);
    vga_bench_map(&s);
    g_assert_cmpint(fake_xen_page(0xe0001)[0x234], ==, 0x99);
    g_assert_null(fake_xen_page(0x101));
    fake_xen_expect("cache 100-1ff -1\nmove 100+256 to e0000\ncache e0000-e00ff 6\n");
    memmap_take_dirty(s.b->mem, vram, bits);
    g_assert_cmphex(bits[0], ==, 1);
    fake_xen_expect("track e0000+256\n");
    cfg_write(s.b, 0, 0, PCI_COMMAND, 0, 2);
    g_assert_cmpint(fake_xen_page(0x101)[0x234], ==, 0x99);
    end();
}

/* It is no memory of the domain's: what the file has is what the guest reads. */
static void a_rom_keeps_its_content(void)
{
    static const char content[PAGE] = { 0x55, (char)0xaa, 8, 0x77 };
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "hvm-dm-rom-XXXXXX", NULL);
    int fd = g_mkstemp(path);

    g_assert_cmpint(write(fd, content, sizeof(content)), ==, sizeof(content));
    close(fd);
    create_with_rom(false, path);
    g_unlink(path);
    g_autofree char *said = fake_xen_said();
    g_assert_nonnull(strstr(said, "populate 100+256\n"));
    g_assert_null(strstr(said, "populate 200"));
    cfg_write(s.b, 3, 0, PCI_ROM_ADDRESS, 0xf8000001, 4);
    cfg_write(s.b, 3, 0, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(mmio_read(s.b, 0xf8000000, 4), ==, 0x7708aa55);
    end();
}

/* A disk reads into it, and the guest switches the BAR off before the disk is done. */
static void video_memory_moves_under_a_transfer(void)
{
    uint64_t len = 2 * PAGE;

    start();
    vga_bench_map(&s);
    unsigned mapped = fake_xen_mapped();
    uint8_t *transfer = dma_map(s.b->mem, VGA_BENCH_LFB + PAGE, &len, true);
    g_assert_nonnull(transfer);
    cfg_write(s.b, 0, 0, PCI_COMMAND, 0, 2);
    memset(transfer, 0xee, len);
    dma_unmap(s.b->mem, VGA_BENCH_LFB + PAGE, transfer, len, true);
    g_assert_cmpint(fake_xen_page(0x101)[0], ==, 0xee);
    g_assert_cmpuint(fake_xen_mapped(), ==, mapped); /* it is there for the next one */
    end();
}

/* The domain was built with it: nothing is added, and it is found parked, or at its BAR. */
static void restored_video_memory_is_found(bool at_bar)
{
    uint64_t at = at_bar ? 0xe0000 : 0x100;

    create(true);
    g_autofree char *said = fake_xen_said();
    g_assert_null(strstr(said, "populate"));
    for (unsigned i = 0; i < 256; i++)
        fake_xen_give(at + i);
    fake_xen_page(at + 9)[5] = 0x66;
    if (at_bar)
        vga_bench_map(&s); /* as the loaded state does */
    core->ops->resume(core);
    g_assert_cmpint(pci_bus_function(s.b->pci, 0)->bar[0].block->host[9 * PAGE + 5], ==, 0x66);
    end();
}

static void a_restored_guest_has_its_screen(void)
{
    restored_video_memory_is_found(true);
    restored_video_memory_is_found(false);
}

/* A state says that it is at its BAR, and the domain has no pages there: the card draws on. */
static void video_memory_that_is_not_where_the_state_says(void)
{
    create(true);
    vga_set(&s, &vga_text);
    vga_bench_map(&s);
    core->ops->resume(core);
    mmio_write(s.b, 0xb8000, 0x41, 1);
    g_assert_cmphex(mmio_read(s.b, 0xb8000, 1), ==, 0x41);
    end();
}

/* ---- Refusals ---- */

static void what_xen_refuses_is_said(void)
{
    static const char *const calls[] = { "create", "resource", "vcpus" };
    struct xen_config config = { .domid = FAKE_DOMAIN, .max_cpus = 1 };

    for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++) {
        g_autoptr(GError) err = NULL;
        fake_xen_create(i == 2 ? 129 : 1, 1);
        fake_xen_refuse(calls[i]);
        g_assert_null(xen_core_create(&config, &err));
        g_assert_nonnull(err);
        g_assert_true(g_str_has_prefix(err->message, "-accel xen: "));
        fake_xen_destroy();
    }
    start();
    GError *err = NULL;
    fake_xen_refuse("restrict");
    g_assert_cmpint(xen_core_restrict(core, &err), ==, -EPERM);
    g_clear_error(&err);
    g_assert_cmpint(xen_core_restrict(core, &err), ==, 0);
    fake_xen_expect("restrict 7\nrestrict 7\n");
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    loop_init();
    g_test_add_func("/xen-core/requests", each_cpu_gets_its_answer);
    g_test_add_func("/xen-core/repeated", repeated_accesses_reach_the_guests_memory);
    g_test_add_func("/xen-core/nonsense", nonsense_is_answered_like_nothing_there);
    g_test_add_func("/xen-core/buffered", buffered_writes_come_before_the_next_access);
    g_test_add_func("/xen-core/clock", a_clock_that_never_rests_is_told_now_and_then);
    g_test_add_func("/xen-core/clock-at-the-end", no_second_is_lost_at_the_end);
    g_test_add_func("/xen-core/paused", a_stopped_machine_answers_later);
    g_test_add_func("/xen-core/shutdown", xen_knows_of_a_shutdown_before_the_guest_goes_on);
    g_test_add_func("/xen-core/claims", what_the_guest_reaches_is_claimed);
    g_test_add_func("/xen-core/interrupts", interrupts_go_to_xens_controllers);
    g_test_add_func("/xen-core/balloon", a_page_that_left_the_domain_is_let_go);
    g_test_add_func("/xen-core/bound", mappings_have_a_bound);
    g_test_add_func("/xen-core/migration", a_migration_hears_of_what_devices_write);
    g_test_add_func("/xen-core/video-memory", video_memory_is_where_its_bar_is);
    g_test_add_func("/xen-core/rom", a_rom_keeps_its_content);
    g_test_add_func("/xen-core/video-memory-moves", video_memory_moves_under_a_transfer);
    g_test_add_func("/xen-core/restored", a_restored_guest_has_its_screen);
    g_test_add_func("/xen-core/lost", video_memory_that_is_not_where_the_state_says);
    g_test_add_func("/xen-core/refusals", what_xen_refuses_is_said);
    return g_test_run();
}
