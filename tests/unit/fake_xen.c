#include "tests/unit/fake_xen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xencall.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xentoolcore.h>

#include "base/loop.h"

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>

#define PAGE   4096u
#define HANDLE ((void *)&xen) /* of every library */

static struct {
    unsigned vcpus;
    int memory;      /* a file with FAKE_PAGES pages */
    uint8_t *pages;  /* all of it */
    unsigned used;   /* so many were given out */
    GHashTable *map; /* frame number -> 1 + page of the file */
    struct xen_ring *ring;
    struct ioreq *slots;
    GArray *ranges; /* struct range */
    GString *said;
    const char *refuse;

    pthread_mutex_t
        lock; /* of what follows: event channels have nothing to do with the machine's */
    pthread_cond_t answer;
    int pipe[2]; /* ports with an event that nobody took */
    bool enabled, masked[FAKE_VCPU_PORT + FAKE_MAX_VCPUS], raised[FAKE_VCPU_PORT + FAKE_MAX_VCPUS];
} xen = { .lock = PTHREAD_MUTEX_INITIALIZER, .answer = PTHREAD_COND_INITIALIZER };

struct range {
    bool mmio;
    uint64_t first, last;
};

/* ---- The test's side ---- */

void fake_xen_create(unsigned vcpus, unsigned ram_pages)
{
    xen.vcpus = vcpus;
    xen.memory = memfd_create("fake-domain", MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(xen.memory, (off_t)FAKE_PAGES * PAGE), ==, 0);
    xen.pages = mmap(NULL, FAKE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, xen.memory, 0);
    g_assert_true(xen.pages != MAP_FAILED);
    xen.map = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    xen.ring = g_aligned_alloc0(2, PAGE, PAGE);
    xen.slots = (struct ioreq *)((uint8_t *)xen.ring + PAGE);
    xen.ranges = g_array_new(FALSE, FALSE, sizeof(struct range));
    xen.said = g_string_new(NULL);
    xen.used = 0;
    xen.refuse = NULL;
    xen.enabled = false;
    memset(xen.masked, 0, sizeof(xen.masked));
    memset(xen.raised, 0, sizeof(xen.raised));
    g_assert_cmpint(pipe2(xen.pipe, O_CLOEXEC), ==, 0);
    for (unsigned gfn = 0; gfn < ram_pages; gfn++)
        fake_xen_give(gfn);
}

void fake_xen_destroy(void)
{
    close(xen.pipe[0]);
    close(xen.pipe[1]);
    close(xen.memory);
    munmap(xen.pages, FAKE_PAGES * PAGE);
    g_aligned_free(xen.ring);
    g_hash_table_unref(xen.map);
    g_array_unref(xen.ranges);
    g_string_free(xen.said, TRUE);
}

static unsigned page_of(uint64_t gfn)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(xen.map, &gfn));
}

static void put_page(uint64_t gfn, unsigned page)
{
    g_hash_table_insert(xen.map, g_memdup2(&gfn, sizeof(gfn)), GUINT_TO_POINTER(page));
}

uint8_t *fake_xen_page(uint64_t gfn)
{
    unsigned page = page_of(gfn);

    return page == 0 ? NULL : xen.pages + (size_t)(page - 1) * PAGE;
}

void fake_xen_give(uint64_t gfn)
{
    g_assert_cmpuint(xen.used, <, FAKE_PAGES);
    put_page(gfn, ++xen.used);
}

void fake_xen_balloon(uint64_t gfn)
{
    g_assert_true(g_hash_table_remove(xen.map, &gfn));
}

unsigned fake_xen_mapped(void)
{
    g_autofree char *text = NULL;
    unsigned pages = 0;

    g_assert_true(g_file_get_contents("/proc/self/maps", &text, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i] != NULL; i++) {
        char *dash;
        uint64_t first = g_ascii_strtoull(lines[i], &dash, 16);
        if (strstr(lines[i], "fake-domain") != NULL)
            pages += (unsigned)((g_ascii_strtoull(dash + 1, NULL, 16) - first) / PAGE);
    }
    return pages - FAKE_PAGES; /* fake_xen_create()'s own */
}

bool fake_xen_claimed(bool mmio, uint64_t addr)
{
    for (unsigned i = 0; i < xen.ranges->len; i++) {
        const struct range *r = &g_array_index(xen.ranges, struct range, i);
        if (r->mmio == mmio && r->first <= addr && addr <= r->last)
            return true;
    }
    return false;
}

struct ioreq *fake_xen_slot(unsigned vcpu)
{
    return &xen.slots[vcpu];
}

/* As Linux has it: an event masks its port, and one that comes meanwhile is told at the unmasking.
 */
void fake_xen_event(unsigned port)
{
    pthread_mutex_lock(&xen.lock);
    if (xen.masked[port])
        xen.raised[port] = true;
    else
        g_assert_cmpint(write(xen.pipe[1], &port, sizeof(port)), ==, sizeof(port));
    xen.masked[port] = true;
    pthread_mutex_unlock(&xen.lock);
}

static uint8_t state(unsigned vcpu)
{
    return __atomic_load_n(&xen.slots[vcpu].flags, __ATOMIC_ACQUIRE) & IOREQ_STATE_MASK;
}

void fake_xen_request(unsigned vcpu, const struct ioreq *req)
{
    struct ioreq *slot = &xen.slots[vcpu];
    uint32_t port = slot->vp_eport;

    g_assert_cmpuint(state(vcpu), ==, 0);
    *slot = *req;
    slot->vp_eport = port;
    __atomic_store_n(&slot->flags, req->flags | 1, __ATOMIC_RELEASE);
    fake_xen_event(FAKE_VCPU_PORT + vcpu);
}

bool fake_xen_answered(unsigned vcpu)
{
    return state(vcpu) == 3;
}

uint64_t fake_xen_wait(unsigned vcpu)
{
    machine_unlock();
    pthread_mutex_lock(&xen.lock);
    while (!fake_xen_answered(vcpu))
        pthread_cond_wait(&xen.answer, &xen.lock);
    pthread_mutex_unlock(&xen.lock);
    machine_lock();
    __atomic_store_n(&xen.slots[vcpu].flags, 0, __ATOMIC_RELEASE);
    return xen.slots[vcpu].data;
}

static void put_slot(uint64_t head, uint32_t data)
{
    uint32_t at = xen.ring->write_pointer;

    xen.ring->slot[at % XEN_RING_SLOTS] = head | (uint64_t)data << 32;
    __atomic_store_n(&xen.ring->write_pointer, at + 1, __ATOMIC_RELEASE);
}

void fake_xen_buffer(uint8_t type, uint32_t addr, unsigned size, uint64_t data)
{
    uint64_t head = type | (uint64_t)g_bit_nth_lsf(size, -1) << 10 | (uint64_t)addr << 12;

    put_slot(head, (uint32_t)data);
    if (size == 8)
        put_slot(head, (uint32_t)(data >> 32));
}

char *fake_xen_said(void)
{
    char *said = g_strdup(xen.said->str);

    g_string_truncate(xen.said, 0);
    return said;
}

void fake_xen_expect(const char *said)
{
    g_autofree char *really = fake_xen_said();

    g_assert_cmpstr(really, ==, said);
}

void fake_xen_refuse(const char *call)
{
    xen.refuse = call;
}

/* ---- The hypervisor's side ---- */

/* Writes the line down; its first word may be what is refused. */
static int G_GNUC_PRINTF(1, 2) hear(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    g_string_append_vprintf(xen.said, format, ap);
    va_end(ap);
    g_string_append_c(xen.said, '\n');
    const char *line = xen.said->str + xen.said->len - 1;
    while (line > xen.said->str && line[-1] != '\n')
        line--;
    if (xen.refuse == NULL || !g_str_has_prefix(line, xen.refuse))
        return 0;
    xen.refuse = NULL;
    errno = EPERM;
    return -1;
}

xendevicemodel_handle *xendevicemodel_open(struct xentoollog_logger *logger, unsigned flags)
{
    return HANDLE;
}

int xendevicemodel_close(xendevicemodel_handle *dmod)
{
    return 0;
}

int xendevicemodel_create_ioreq_server(xendevicemodel_handle *dmod, domid_t domid, int bufioreq,
                                       ioservid_t *id)
{
    g_assert_cmpint(domid, ==, FAKE_DOMAIN);
    *id = 3;
    return hear("create %d", bufioreq);
}

int xendevicemodel_destroy_ioreq_server(xendevicemodel_handle *dmod, domid_t domid, ioservid_t id)
{
    return hear("destroy");
}

int xendevicemodel_nr_vcpus(xendevicemodel_handle *dmod, domid_t domid, unsigned *vcpus)
{
    *vcpus = xen.vcpus;
    return 0;
}

int xendevicemodel_get_ioreq_server_info(xendevicemodel_handle *dmod, domid_t domid, ioservid_t id,
                                         xen_pfn_t *ioreq_gfn, xen_pfn_t *bufioreq_gfn,
                                         evtchn_port_t *port)
{
    g_assert_null(ioreq_gfn); /* frame numbers and mapped resources exclude one another */
    g_assert_null(bufioreq_gfn);
    *port = FAKE_RING_PORT;
    return 0;
}

int xendevicemodel_set_ioreq_server_state(xendevicemodel_handle *dmod, domid_t domid, ioservid_t id,
                                          int enabled)
{
    for (unsigned i = 0; i < xen.vcpus; i++)
        xen.slots[i].vp_eport = FAKE_VCPU_PORT + i;
    xen.enabled = enabled != 0;
    return hear("enable %d", enabled);
}

int xendevicemodel_map_io_range_to_ioreq_server(xendevicemodel_handle *dmod, domid_t domid,
                                                ioservid_t id, int mmio, uint64_t first,
                                                uint64_t last)
{
    struct range range = { mmio != 0, first, last };

    for (uint64_t at = first; at <= last; at += mmio != 0 ? PAGE : 1)
        g_assert_false(fake_xen_claimed(mmio != 0, at)); /* EEXIST */
    g_array_append_val(xen.ranges, range);
    return 0;
}

int xendevicemodel_unmap_io_range_from_ioreq_server(xendevicemodel_handle *dmod, domid_t domid,
                                                    ioservid_t id, int mmio, uint64_t first,
                                                    uint64_t last)
{
    for (unsigned i = 0; i < xen.ranges->len; i++) {
        const struct range *r = &g_array_index(xen.ranges, struct range, i);
        if (r->mmio == (mmio != 0) && r->first == first && r->last == last) {
            g_array_remove_index(xen.ranges, i);
            return 0;
        }
    }
    errno = ENOENT;
    return -1;
}

int xendevicemodel_map_pcidev_to_ioreq_server(xendevicemodel_handle *dmod, domid_t domid,
                                              ioservid_t id, uint16_t segment, uint8_t bus,
                                              uint8_t device, uint8_t function)
{
    return hear("pci %02x.%x", device, function);
}

int xendevicemodel_unmap_pcidev_from_ioreq_server(xendevicemodel_handle *dmod, domid_t domid,
                                                  ioservid_t id, uint16_t segment, uint8_t bus,
                                                  uint8_t device, uint8_t function)
{
    return hear("no pci %02x.%x", device, function);
}

int xendevicemodel_set_isa_irq_level(xendevicemodel_handle *dmod, domid_t domid, uint8_t irq,
                                     unsigned level)
{
    return hear("isa %u %u", irq, level);
}

int xendevicemodel_set_pci_intx_level(xendevicemodel_handle *dmod, domid_t domid, uint16_t segment,
                                      uint8_t bus, uint8_t device, uint8_t intx, unsigned level)
{
    return hear("intx %u.%u %u", device, intx, level);
}

int xendevicemodel_set_pci_link_route(xendevicemodel_handle *dmod, domid_t domid, uint8_t link,
                                      uint8_t irq)
{
    return hear("link %u irq %u", link, irq);
}

int xendevicemodel_inject_msi(xendevicemodel_handle *dmod, domid_t domid, uint64_t addr,
                              uint32_t data)
{
    return hear("msi %" PRIx64 " %x", addr, data);
}

int xendevicemodel_inject_event(xendevicemodel_handle *dmod, domid_t domid, int vcpu,
                                uint8_t vector, uint8_t type, uint32_t error_code, uint8_t insn_len,
                                uint64_t extra)
{
    return hear("event type %u vector %u", type, vector);
}

/* With the state of the first vCPU's request, as it must not be answered yet. */
int xendevicemodel_shutdown(xendevicemodel_handle *dmod, domid_t domid, unsigned reason)
{
    return hear("shutdown %u in state %u", reason, state(0));
}

int xendevicemodel_set_mem_type(xendevicemodel_handle *dmod, domid_t domid, hvmmem_type_t type,
                                uint64_t first, uint32_t n)
{
    return hear("type %u %" PRIx64 "+%u", (unsigned)type, first, n);
}

int xendevicemodel_relocate_memory(xendevicemodel_handle *dmod, domid_t domid, uint32_t n,
                                   uint64_t from, uint64_t to)
{
    for (uint32_t i = 0; i < n; i++) {
        unsigned page = page_of(from + i);
        g_assert_cmpuint(page, !=, 0);
        put_page(to + i, page);
        fake_xen_balloon(from + i);
    }
    return hear("move %" PRIx64 "+%u to %" PRIx64, from, n, to);
}

int xendevicemodel_pin_memory_cacheattr(xendevicemodel_handle *dmod, domid_t domid, uint64_t first,
                                        uint64_t last, uint32_t type)
{
    return hear("cache %" PRIx64 "-%" PRIx64 " %d", first, last, (int)type);
}

int xendevicemodel_track_dirty_vram(xendevicemodel_handle *dmod, domid_t domid, uint64_t first,
                                    uint32_t n, unsigned long *bitmap)
{
    bitmap[0] = 1; /* the first page was written */
    return hear("track %" PRIx64 "+%u", first, n);
}

int xendevicemodel_modified_memory(xendevicemodel_handle *dmod, domid_t domid, uint64_t first,
                                   uint32_t n)
{
    return hear("modified %" PRIx64 "+%u", first, n);
}

/* ---- Memory ---- */

xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger, unsigned flags)
{
    return HANDLE;
}

int xenforeignmemory_close(xenforeignmemory_handle *fmem)
{
    return 0;
}

/*
 * err NULL: all of them or none, and then the place is unmapped, as after any failure. Where a page
 * is missing nothing is put there.
 */
void *xenforeignmemory_map2(xenforeignmemory_handle *fmem, uint32_t dom, void *addr, int prot,
                            int flags, size_t n, const xen_pfn_t gfn[], int err[])
{
    g_assert_cmpint(flags, ==, MAP_FIXED);
    for (size_t i = 0; i < n; i++) {
        unsigned page = page_of(gfn[i]);
        if (err != NULL)
            err[i] = page == 0 ? -EINVAL : 0;
        else if (page == 0)
            return munmap(addr, n * PAGE), errno = EINVAL, NULL;
        if (page != 0)
            g_assert_true(mmap((uint8_t *)addr + i * PAGE, PAGE, prot, MAP_SHARED | MAP_FIXED,
                               xen.memory, (off_t)(page - 1) * PAGE) != MAP_FAILED);
    }
    return addr;
}

xenforeignmemory_resource_handle *xenforeignmemory_map_resource(xenforeignmemory_handle *fmem,
                                                                domid_t domid, unsigned type,
                                                                unsigned id, unsigned long frame,
                                                                unsigned long n, void **addr,
                                                                int prot, int flags)
{
    g_assert_cmpuint(type, ==, XENMEM_resource_ioreq_server);
    g_assert_cmpuint(id, ==, 3);
    g_assert_cmpuint(frame, ==, 0);
    g_assert_cmpuint(n, ==, 2);
    *addr = xen.ring;
    return hear("resource") == 0 ? HANDLE : NULL;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle *fmem,
                                    xenforeignmemory_resource_handle *resource)
{
    return 0;
}

/* ---- Event channels ---- */

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags)
{
    return HANDLE;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    return xen.pipe[0];
}

/* A local port is the remote one's number. */
xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
                                                     evtchn_port_t remote)
{
    g_assert_true(xen.enabled);
    return (xenevtchn_port_or_error_t)remote;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    pthread_mutex_lock(&xen.lock);
    pthread_cond_broadcast(&xen.answer);
    pthread_mutex_unlock(&xen.lock);
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    unsigned port;

    return read(xen.pipe[0], &port, sizeof(port)) == sizeof(port) ? (int)port : -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    pthread_mutex_lock(&xen.lock);
    bool again = xen.raised[port];
    xen.raised[port] = xen.masked[port] = false;
    pthread_mutex_unlock(&xen.lock);
    if (again)
        fake_xen_event(port);
    return 0;
}

/* ---- Hypercalls by number ---- */

xencall_handle *xencall_open(struct xentoollog_logger *logger, unsigned flags)
{
    return HANDLE;
}

int xencall_close(xencall_handle *call)
{
    return 0;
}

void *xencall_alloc_buffer(xencall_handle *call, size_t size)
{
    return g_malloc0(size);
}

void xencall_free_buffer(xencall_handle *call, void *p)
{
    g_free(p);
}

long xencall2L(xencall_handle *call, unsigned op, uint64_t arg1, uint64_t arg2)
{
    const struct xen_memory_reservation *r = (const void *)(uintptr_t)arg2;
    const xen_pfn_t *gfn = r->extent_start.p;

    g_assert_cmpuint(op, ==, __HYPERVISOR_memory_op);
    g_assert_cmpuint(arg1, ==, XENMEM_populate_physmap);
    for (xen_ulong_t i = 0; i < r->nr_extents; i++)
        fake_xen_give(gfn[i]);
    return hear("populate %" PRIx64 "+%u", (uint64_t)gfn[0], (unsigned)r->nr_extents) < 0
               ? -1
               : (long)r->nr_extents;
}

int xencall2(xencall_handle *call, unsigned op, uint64_t arg1, uint64_t arg2)
{
    const struct xen_hvm_param *param = (const void *)(uintptr_t)arg2;

    g_assert_cmpuint(op, ==, __HYPERVISOR_hvm_op);
    g_assert_cmpuint(arg1, ==, HVMOP_set_param);
    g_assert_cmpuint(param->index, ==, HVM_PARAM_ACPI_S_STATE);
    return hear("sleep %u in state %u", (unsigned)param->value, state(0));
}

int xentoolcore_restrict_all(domid_t domid)
{
    return hear("restrict %u", domid);
}
