/*
 * The command lines of Xen's toolstacks, as libxl and XAPI compose them, and what they say to a
 * device model that they have just started. Left out is what needs a hypervisor: -xen-domid,
 * accel=xen, the TAP.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "tests/qtest/qtest.h"

#define SECTOR 512

/* A folder with a disk, a CD and the sockets. */
struct bench {
    char *dir;
    struct qtest *q;
};

static void add_image(const struct bench *b, const char *name)
{
    g_autofree char *path = g_build_filename(b->dir, name, NULL);
    g_autofree char *data = g_malloc0(64 * SECTOR);

    g_assert_true(g_file_set_contents(path, data, 64 * SECTOR, NULL));
}

/* Starts a machine; each %DIR% in the arguments is the bench's folder. */
static void begin(struct bench *b, const char *args)
{
    b->dir = g_dir_make_tmp("hvm-dm-toolstack-XXXXXX", NULL);
    add_image(b, "disk.img");
    add_image(b, "cd.iso");
    g_auto(GStrv) part = g_strsplit(args, "%DIR%", -1);
    g_autofree char *line = g_strjoinv(b->dir, part);
    b->q = qtest_start(line);
}

static void end(struct bench *b)
{
    const char *name;

    qtest_end(b->q);
    GDir *dir = g_dir_open(b->dir, 0, NULL);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(b->dir, name, NULL);
        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(b->dir);
    g_free(b->dir);
}

/* ---- A toolstack's connection ---- */

static GIOChannel *call(const struct bench *b, const char *name)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    g_autofree char *path = g_build_filename(b->dir, name, NULL);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
    GIOChannel *channel = g_io_channel_unix_new(fd);
    g_io_channel_set_close_on_unref(channel, TRUE);
    return channel;
}

static char *next_line(GIOChannel *channel)
{
    char *line = NULL;

    g_assert_cmpint(g_io_channel_read_line(channel, &line, NULL, NULL, NULL), ==,
                    G_IO_STATUS_NORMAL);
    return line;
}

/* The answer to a command; events on the way are passed over. The caller owns it. */
static char *ask(GIOChannel *channel, const char *command)
{
    int fd = g_io_channel_unix_get_fd(channel);

    g_assert_cmpint(write(fd, command, strlen(command)), ==, (ssize_t)strlen(command));
    g_assert_cmpint(write(fd, "\r\n", 2), ==, 2);
    for (;;) {
        char *line = next_line(channel);
        if (strstr(line, "\"event\"") == NULL)
            return line;
        g_free(line);
    }
}

static void must_say(GIOChannel *channel, const char *command, const char *part)
{
    g_autofree char *line = ask(channel, command);

    if (strstr(line, part) == NULL)
        g_error("%s: %s, not %s", command, line, part);
}

/* XAPI's parser takes the greeting as an ordered object: version before capabilities. */
static void check_greeting(GIOChannel *channel)
{
    g_autofree char *line = next_line(channel);
    const char *version = strstr(line, "\"version\""), *qemu = strstr(line, "\"qemu\"");
    const char *package = strstr(line, "\"package\""), *last = strstr(line, "\"capabilities\"");

    g_assert_true(g_str_has_prefix(line, "{\"QMP\""));
    g_assert_true(version != NULL && version < qemu && qemu < package && package < last);
}

/* ---- libxl ---- */

#define LIBXL                                                                                      \
    "-no-shutdown -chardev socket,id=libxl-cmd,path=%DIR%/libxl,server=on,wait=off "               \
    "-mon chardev=libxl-cmd,mode=control "                                                         \
    "-chardev socket,id=libxenstat-cmd,path=%DIR%/libxenstat,server=on,wait=off "                  \
    "-mon chardev=libxenstat-cmd,mode=control -nodefaults -no-user-config -name g1 "               \
    "-vnc 127.0.0.1:0,password=on,to=99 -display none -k de -serial pty -device VGA,vgamem_mb=16 " \
    "-boot order=cd -smp 1,maxcpus=1 -net none "                                                   \
    "-machine xenfv,suppress-vmdesc=on,max-ram-below-4g=4026531840 -m 48 "                         \
    "-drive file=%DIR%/disk.img,if=ide,index=0,media=disk,format=raw,cache=writeback "             \
    "-drive if=none,readonly=on,id=ide-5632,file=%DIR%/cd.iso,format=raw "                         \
    "-device ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0"

static void test_libxl(void)
{
    struct bench b;

    begin(&b, LIBXL);
    GIOChannel *channel = call(&b, "libxl");
    check_greeting(channel);
    must_say(channel, "{\"execute\":\"qmp_capabilities\",\"id\":2020372737}", "\"id\":2020372737");
    must_say(channel, "{\"execute\":\"query-chardev\",\"id\":1}", "\"pty:/dev/pts/");
    must_say(channel, "{\"execute\":\"query-vnc\",\"id\":2}", "\"service\":\"59");
    must_say(channel,
             "{\"execute\":\"change-vnc-password\",\"id\":7,\"arguments\":{\"password\":\"x\"}}",
             "\"return\"");
    must_say(channel, "{\"execute\":\"query-version\",\"id\":8}", "\"major\"");
    g_io_channel_unref(channel);
    channel = call(&b, "libxl"); /* each operation is a connection of its own */
    check_greeting(channel);
    must_say(channel, "{\"execute\":\"qmp_capabilities\",\"id\":3}", "\"return\"");
    must_say(channel, "{\"execute\":\"eject\",\"id\":4,\"arguments\":{\"id\":\"ide-5632\"}}",
             "\"return\"");
    g_io_channel_unref(channel);
    channel = call(&b, "libxenstat");
    check_greeting(channel);
    must_say(channel, "{\"execute\":\"qmp_capabilities\",\"id\":5}", "\"return\"");
    must_say(channel, "{\"execute\":\"query-blockstats\",\"id\":6}", "\"return\"");
    g_io_channel_unref(channel);
    g_assert_cmphex(qtest_pci_read(b.q, 2 << 3, 0, 4), ==, 0x00015853);
    g_assert_cmphex(qtest_pci_read(b.q, 3 << 3, 0, 4), ==, 0x11111234);
    end(&b);
}

/* ---- XAPI ---- */

#define XAPI                                                                                    \
    "-machine pc-0.10,max-ram-below-4g=4026531840,allow-unassigned=true,trad_compat=True "      \
    "-vnc unix:%DIR%/vnc,lock-key-sync=off -monitor null -pidfile %DIR%/pid -m size=248 "       \
    "-boot order=cdn -smp 1,maxcpus=1 -serial pty -display none -nodefaults "                   \
    "-trace enable=xen_platform_log "                                                           \
    "-S -global PIIX4_PM.revision_id=0x1 -global ide-hd.ver=0.10.2 "                            \
    "-global piix3-ide-xen.subvendor_id=0x5853 -global piix3-ide-xen.subsystem_id=0x0001 "      \
    "-global piix3-usb-uhci.subvendor_id=0x5853 -global rtl8139.subvendor_id=0x5853 "           \
    "-parallel null -qmp unix:%DIR%/libxl,server,nowait -qmp unix:%DIR%/event,server,nowait "   \
    "-device xen-platform,addr=3,device-id=0x0001,revision=0x2,class-id=0x0100,"                \
    "subvendor_id=0x5853,subsystem_id=0x0001 "                                                  \
    "-drive if=none,id=ide1-cd1,auto-read-only=off,read-only=on,format=raw,file=%DIR%/cd.iso "  \
    "-device ide-cd,drive=ide1-cd1,bus=ide.1,unit=1,id=ide1-cd1 "                               \
    "-drive file=%DIR%/disk.img,if=none,id=ide0-hd0,auto-read-only=off,format=raw "             \
    "-device ide-hd,drive=ide0-hd0,bus=ide.0,unit=0,bios-chs-trans=forcelba "                   \
    "-device VGA,vgamem_mb=8,addr=2,romfile=,rombar=1,subvendor_id=0x5853,subsystem_id=0x0001," \
    "qemu-extended-regs=false -device xen-pvdevice,device-id=0xc000 -vnc-clipboard-socket-fd 4"

/* Guests that were installed on an older generation of XenServer see that hardware again. */
static void check_looks(struct qtest *q)
{
    g_assert_cmphex(qtest_pci_read(q, 1 << 3 | 1, 0x2c, 4), ==, 0x00015853); /* IDE */
    g_assert_cmphex(qtest_pci_read(q, 1 << 3 | 3, 0x08, 1), ==, 0x01);       /* PM */
    g_assert_cmphex(qtest_pci_read(q, 2 << 3, 0, 4), ==, 0x11111234);
    g_assert_cmphex(qtest_pci_read(q, 2 << 3, 0x2c, 4), ==, 0x00015853);
    g_assert_cmphex(qtest_pci_read(q, 3 << 3, 0, 4), ==, 0x00015853);
    g_assert_cmphex(qtest_pci_read(q, 3 << 3, 0x08, 4), ==, 0x01000002);
    g_assert_cmphex(qtest_pci_read(q, 4 << 3, 0, 4), ==, 0xc0005853);
    g_assert_cmphex(qtest_inw(q, 0x10), ==, 0x49d2); /* the platform device's protocol */
}

static void test_xapi(void)
{
    struct bench b;

    begin(&b, XAPI);
    GIOChannel *channel = call(&b, "event"); /* that this works tells XAPI that it is ready */
    check_greeting(channel);
    must_say(channel, "{\"execute\":\"qmp_capabilities\",\"id\":\"q-000001\"}",
             "\"id\":\"q-000001\"");
    must_say(channel, "{\"execute\":\"query-status\",\"id\":\"q-000002\"}", "prelaunch");
    must_say(channel, "{\"execute\":\"cont\",\"id\":\"q-000003\"}", "\"return\"");
    must_say(channel, "{\"execute\":\"query-vnc\",\"id\":\"q-000004\"}", "\"enabled\":true");
    must_say(channel, "{\"execute\":\"query-migratable\",\"id\":\"q-000005\"}", "\"return\"");
    must_say(channel,
             "{\"execute\":\"eject\",\"arguments\":{\"device\":\"ide1-cd1\",\"force\":true},"
             "\"id\":\"q-000006\"}",
             "\"return\"");
    check_looks(b.q);
    g_io_channel_unref(channel);
    end(&b);
}

/* ---- What is not there ---- */

/* Refused at once, with one line that names it. */
static void test_refused(void)
{
    static const struct {
        const char *args, *name;
    } cases[] = {
        { "-device rtl8139,netdev=net0,mac=00:16:3e:11:22:33", "rtl8139" },
        { "-usb -usbdevice tablet", "-usb" },
        { "-device lsi53c895a", "lsi53c895a" },
        { "-device ahci,id=ahci0", "ahci" },
        { "-device nvme,serial=nvme0,id=nvme0,addr=7", "nvme" },
        { "-device ac97", "ac97" },
        { "-device qxl-vga,vram_size_mb=64,ram_size_mb=64", "qxl-vga" },
        { "-spice port=0", "-spice" },
        { "-xen-attach", "-xen-attach" },
        { "-global piix3-ide=1.2", "-global" },
        { "-global PIIX4_PM.color=red", "color" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *args = g_strconcat("-accel qtest -nodefaults ", cases[i].args, NULL);
        g_autofree char *output = NULL, *errors = NULL;
        g_assert_cmpint(qtest_run(args, &output, &errors), ==, 1);
        g_assert_nonnull(strstr(errors, cases[i].name));
        g_assert_nonnull(strchr(errors, '\n'));
        g_assert_cmpstr(strchr(errors, '\n') + 1, ==, "");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/toolstack/libxl", test_libxl);
    g_test_add_func("/toolstack/xapi", test_xapi);
    g_test_add_func("/toolstack/refused", test_refused);
    return g_test_run();
}
