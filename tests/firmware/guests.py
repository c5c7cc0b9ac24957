"""What boots: real loaders, kernels and firmware extensions, and media that are broken."""
import argparse
import base64
import glob
import os
import re
import shutil
import struct
import subprocess
import time

from machines import Failed, Skip, need, text_of, tool
from media import (GRUB, GRUB_CFG, boot_iso, initramfs, isolinux, kernel, numbered_disk, tiny,
                   write_disk)


def expect_guest(m, cpus=1, megabytes=0):
    m.wait('serial', 'guest: done')
    text = m.text('serial')
    found = re.search(r'guest: (\d+) cpus, (\d+) MiB', text)
    if not found or int(found[1]) != cpus or int(found[2]) < megabytes:
        raise Failed(f'guest sees {found and found[0]}')
    if 'guest: complains' in text:
        complaint = text[text.index(found[0]) + len(found[0]):text.index('guest: complains')]
        raise Failed(f'the kernel complains about the firmware: {complaint.strip()}')
    m.finish()


def case_kernel(args, work):
    """Debian's kernel directly, one processor."""
    with args.machine(args, work, '-m', '160', '-kernel', kernel(), '-initrd', initramfs(work), '-append',
                 'console=ttyS0 loglevel=4') as m:
        expect_guest(m)


def case_kernel_small(args, work):
    """The same with as little memory as it can have: it takes 64 MiB to unpack itself."""
    with args.machine(args, work, '-m', '96', '-kernel', kernel(), '-initrd', initramfs(work), '-append',
                      'console=ttyS0 loglevel=4') as m:
        expect_guest(m)


def case_kernel_smp(args, work):
    with args.machine(args, work, '-m', '8192', '-smp', '4', '-kernel', kernel(), '-initrd', initramfs(work),
                 '-append', 'console=ttyS0 loglevel=4') as m:
        expect_guest(m, 4, 7800)


def case_resume(args, work):
    with args.machine(args, work, '-m', '256', '-kernel', kernel(), '-initrd', initramfs(work), '-append',
                 'console=ttyS0 loglevel=4 no_console_suspend s3=yes') as m:
        m.wait('serial', 'guest: sleeps')
        time.sleep(4)
        for _ in range(10):
            if 'guest: awake' in m.text('serial') or m.process.poll() is not None:
                break
            m.monitor('system_wakeup')
            time.sleep(2)
        m.wait('serial', 'guest: awake')
        m.wait('debug', 'resume')


def grub_disk(work, config, **files):
    """A disk with an MBR, GRUB, its configuration and these files on a FAT file system."""
    need(GRUB + 'boot.img', 'sfdisk', 'mformat', 'mcopy', 'mmd')
    disk, core, cfg = (os.path.join(work, n) for n in ('disk', 'core.img', 'grub.cfg'))
    with open(cfg, 'w', encoding='ascii') as f:
        f.write(config)
    tool('grub-mkimage', '-O', 'i386-pc', '-p', '(hd0,msdos1)/grub', '-o', core, 'biosdisk', 'part_msdos',
         'fat', 'normal', 'linux', 'linux16', 'serial', 'terminal', 'echo', 'configfile')
    with open(disk, 'wb') as f:
        f.truncate(96 << 20)
    subprocess.run(['sfdisk', '-q', disk], input=b'2048,,c,*\n', check=True)
    with open(disk, 'r+b') as f, open(GRUB + 'boot.img', 'rb') as boot, open(core, 'rb') as c:
        f.write(boot.read()[:446])
        f.seek(512)
        f.write(c.read())
    part = disk + '@@1M'
    tool('mformat', '-i', part, '-F', '::')
    tool('mmd', '-i', part, '::grub')
    tool('mcopy', '-i', part, cfg, '::grub/')
    for name, path in files.items():
        tool('mcopy', '-i', part, path, f'::{name}')
    return disk


def case_grub_disk(args, work):
    """Debian's kernel by GRUB from a partitioned disk, two processors."""
    disk = grub_disk(work, GRUB_CFG, vmlinuz=kernel(), initrd=initramfs(work))
    with args.machine(args, work, '-m', '256', '-smp', '2', '-drive', f'file={disk},format=raw,if=ide') as m:
        m.wait('serial', 'guest: grub')
        expect_guest(m, 2)


def case_grub_cd(args, work):
    need('grub-mkrescue', GRUB)
    tree, iso = os.path.join(work, 'iso'), os.path.join(work, 'cd.iso')
    os.makedirs(os.path.join(tree, 'boot/grub'))
    shutil.copy(kernel(), os.path.join(tree, 'vmlinuz'))
    shutil.copy(initramfs(work), os.path.join(tree, 'initrd'))
    with open(os.path.join(tree, 'boot/grub/grub.cfg'), 'w') as f:
        f.write(GRUB_CFG)
    tool('grub-mkrescue', '-d', GRUB, '-o', iso, tree)
    with args.machine(args, work, '-m', '256', '-cdrom', iso, '-boot', 'd') as m:
        m.wait('serial', 'guest: grub')
        expect_guest(m)


GRUB_GRAPHICS_CFG = '''insmod vbe
insmod gfxterm
loadfont /ascii.pf2
set gfxmode=1024x768x32
set color_normal=light-cyan/blue
set menu_color_normal=yellow/blue
set timeout=-1
terminal_output gfxterm
menuentry "one" { true }
menuentry "two" { true }
'''


def case_grub_graphics(args, work):
    """GRUB's menu in a VBE mode with linear frame buffer, all its own drawing."""
    need('grub-mkrescue', GRUB + 'vbe.mod', '/usr/share/grub/ascii.pf2')
    tree, iso = os.path.join(work, 'iso'), os.path.join(work, 'cd.iso')
    os.makedirs(os.path.join(tree, 'boot/grub'))
    shutil.copy('/usr/share/grub/ascii.pf2', tree)
    with open(os.path.join(tree, 'boot/grub/grub.cfg'), 'w') as f:
        f.write(GRUB_GRAPHICS_CFG)
    tool('grub-mkrescue', '-d', GRUB, '-o', iso, tree)
    with args.machine(args, work, '-m', '128', '-cdrom', iso, '-boot', 'd') as m:
        m.wait_screen(1024, 768, 3)


def case_vesafb(args, work):
    """Debian's kernel sets mode 117h by its setup code, and writes its console there."""
    with args.machine(args, work, '-m', '256', '-kernel', kernel(), '-initrd', initramfs(work), '-append',
                 'vga=0x317 console=tty0 console=ttyS0 loglevel=7') as m:
        m.wait('serial', 'vesafb: mode is 1024x768x16')
        m.wait_screen(1024, 768, 2)
        m.wait('serial', 'guest: done')


def case_text_console(args, work):
    """The same in text mode 80x50, which the setup code makes by loading a font of 8 lines."""
    with args.machine(args, work, '-m', '256', '-kernel', kernel(), '-initrd', initramfs(work), '-append',
                 'vga=ext console=tty0 console=ttyS0 loglevel=7') as m:
        m.wait('serial', r'Console: colour VGA\+ 80x50')
        m.wait('serial', 'guest: done')


VBETOOL = '''$b mount -t devtmpfs d /dev
export PATH=/bin
vbetool vbemode set 279 && echo "guest: mode $(vbetool vbemode get)"
vbetool vbestate save > /state
vbetool vbemode set 3 && echo "guest: mode $(vbetool vbemode get)"
vbetool vbestate restore < /state && echo "guest: mode $(vbetool vbemode get)"
vbetool post && echo "guest: mode $(vbetool vbemode get)"
'''


def case_x86emu(args, work):
    """The ROM in an emulator of real mode, with which 64-bit systems call it."""
    with args.machine(args, work, '-m', '256', '-kernel', kernel(), '-initrd',
                 initramfs(work, ['vbetool'], VBETOOL), '-append', 'console=ttyS0 loglevel=4') as m:
        m.wait('serial', 'guest: done')
        modes = re.findall(r'guest: mode (\d+)', m.text('serial'))
        if modes != ['279', '3', '279', '3']:
            raise Failed(f'modes {modes}')


DMIDECODE = '''$b mount -t sysfs s /sys; $b mount -t devtmpfs d /dev; export PATH=/bin
dmidecode || echo "guest: complains"
$b mkdir -p /tmp && cd /tmp && acpidump -b && for t in *; do echo "guest: table $t $($b base64 -w 0 $t)"; done
'''


def case_tables(args, work):
    """dmidecode has nothing to object to, iasl can take every ACPI table apart."""
    need('iasl')
    with args.machine(args, work, '-m', '256', '-kernel', kernel(), '-initrd',
                 initramfs(work, ['dmidecode', 'acpidump'], DMIDECODE), '-append',
                 'console=ttyS0 loglevel=4') as m:
        expect_guest(m)
        text = m.text('serial')
    for complaint in ('TRUNCATED', 'Wrong DMI', 'Invalid entry', 'OUT OF SPEC', 'Bad checksum', 'BROKEN'):
        if complaint in text:
            raise Failed(f'dmidecode says {complaint}')
    tables = re.findall(r'guest: table (\w+)\.dat (\S+)', text)
    if not {'dsdt', 'facp', 'apic', 'facs'} <= {name for name, _ in tables}:
        raise Failed(f'only {[name for name, _ in tables]}')
    for name, content in tables:
        path = os.path.join(work, name + '.dat')
        with open(path, 'wb') as f:
            f.write(base64.b64decode(content))
        said = subprocess.run(['iasl', '-d', path], capture_output=True, text=True)
        output = said.stdout + said.stderr
        print(name, 'taken apart')
        if said.returncode or re.search(r'(?i)\b(error|warning|invalid|incorrect checksum)\b', output):
            raise Failed(f'iasl on {name}: {output}')


def case_isolinux_menu(args, work):
    """isolinux' graphical menu, 640x480 by VBE."""
    modules = '/usr/lib/syslinux/modules/bios/'
    need(modules + 'vesamenu.c32')
    files = [modules + name for name in ('vesamenu.c32', 'libcom32.c32', 'libutil.c32')]
    iso = isolinux(work, kernel(), '-', files=files, config='UI vesamenu.c32\nMENU TITLE hvm-dm\n')
    with args.machine(args, work, '-m', '128', '-cdrom', iso, '-boot', 'd') as m:
        m.wait_screen(640, 480, 8)


def case_isolinux(args, work):
    iso = isolinux(work, kernel(), 'console=ttyS0 loglevel=4', initramfs(work))
    with args.machine(args, work, '-m', '256', '-cdrom', iso, '-boot', 'd') as m:
        m.wait('serial', 'ISOLINUX')
        expect_guest(m)


def memtest_image():
    images = sorted(glob.glob('/boot/memtest86+x64.bin') + glob.glob('/boot/memtest86+ia32.bin'))
    if not images:
        raise Skip('memtest86+ is not installed')
    return images[-1]


def memtest(args, work, passes, *options):
    """memtest86+ on the serial port, until it has begun some tests or ended a pass of all of them."""
    with args.machine(args, work, '-m', '32' if passes else '64', *options) as m:
        m.limit = max(m.limit, 1800 if passes else 0)
        m.wait('serial', r'Errors: 0')
        m.wait('serial', r'Pass: *[1-9]|Pass complete' if passes else r'#[3-9] ')
        if re.search(r'Errors: *[1-9]', m.text('serial')):
            raise Failed('memtest86+ counts errors')


def case_memtest(args, work):
    """memtest86+ from a CD finds no error in its first tests."""
    memtest(args, work, False, '-cdrom', isolinux(work, memtest_image(), 'console=ttyS0,115200'))


def case_memtest_pass(args, work):
    """The same to the end of a pass, which takes minutes."""
    memtest(args, work, True, '-cdrom', isolinux(work, memtest_image(), 'console=ttyS0,115200'))


def case_memtest_disk(args, work):
    """A pass of memtest86+, which GRUB loads from a disk."""
    disk = grub_disk(work, 'linux16 /memtest console=ttyS0,115200\nboot\n', memtest=memtest_image())
    memtest(args, work, True, '-drive', f'file={disk},format=raw,if=ide')


def case_pxe(args, work):
    need('/usr/lib/ipxe/qemu/pxe-e1000.rom')
    directory = os.path.join(work, 'tftp')
    os.makedirs(directory)
    with open(os.path.join(directory, 'nbp'), 'wb') as f: # prints P to port E9h
        f.write(b'\xb0P\xe6\xe9\xf4\xeb\xfd')
    with args.machine(args, work, '-m', '128', '-boot', 'n', '-netdev',
                 f'user,id=n,tftp={directory},bootfile=nbp', '-device',
                 'e1000,netdev=n,romfile=/usr/lib/ipxe/qemu/pxe-e1000.rom') as m:
        m.wait('e9', 'P')


def case_menu(args, work):
    """F12 at the menu, the second disk chosen: it boots, and is 80h."""
    drives = []
    for i, letter in enumerate('AB'):
        drives += ['-drive', f'file={write_disk(work, letter, tiny(letter))},format=raw,if=ide,index={i}']
    with args.machine(args, work, '-m', '64', '-boot', 'menu=on,splash-time=3000', *drives) as m:
        m.wait('debug', 'F12')
        m.key('f12')
        m.wait('debug', 'Boot from:')
        m.key('2')
        m.wait('e9', 'B')


def case_broken(args, work):
    """Disks that cannot be booted: a line each, and the next one is tried."""
    bad_catalog = os.path.join(work, 'bad.iso')
    boot_iso(tiny('X'), bad_catalog, '-no-emul-boot', '-boot-load-size', '4')
    with open(bad_catalog, 'r+b') as f:
        f.seek(17 * 2048 + 0x47)
        catalog = struct.unpack('<I', f.read(4))[0]
        f.seek(catalog * 2048 + 4)
        f.write(b'broken')
    with args.machine(args, work, '-m', '64', '-boot', 'order=dca', '-cdrom', bad_catalog, '-drive',
                 f'file={write_disk(work, "empty", b"")},format=raw,if=ide', '-drive',
                 f'file={write_disk(work, "fd", tiny("F"), 1440 << 10)},format=raw,if=floppy') as m:
        m.wait('e9', 'F')
        m.wait('debug', 'damaged boot catalogue')
        m.wait('debug', 'no boot sector')
    with args.machine(args, work, '-m', '64') as m:
        m.wait('debug', 'Nothing to boot from')


def option_rom(path, checksum):
    """A PCI option ROM for the e1000, which writes R to port E9h; the sum of its bytes is given."""
    rom = bytearray(512)
    rom[:3] = 0x55, 0xAA, 1
    rom[3:8] = b'\xb0R\xe6\xe9\xcb'
    rom[0x18] = 0x1c
    rom[0x1c:0x34] = struct.pack('<4sHHHHBBBBHHBBH', b'PCIR', 0x8086, 0x100e, 0, 0x18, 0, 0, 0, 2, 1, 0,
                                 0, 0x80, 0)
    rom[-1] = (checksum - sum(rom)) & 0xFF
    with open(path, 'wb') as f:
        f.write(rom)
    return f'e1000,romfile={path}'


def case_bad_rom(args, work):
    """An option ROM with a wrong checksum is told of and not run; a good one is run."""
    path = os.path.join(work, 'rom')
    disk = f'file={write_disk(work, "disk", tiny("D"))},format=raw,if=ide'
    for checksum, wanted in (0, 'RD'), (1, 'D'):
        with args.machine(args, work, '-m', '64', '-device', option_rom(path, checksum), '-drive', disk) as m:
            m.wait('e9', 'D')
            if m.text('e9') != wanted:
                raise Failed(f'checksum {checksum}: {m.text("e9")}, not {wanted}')
            if checksum:
                m.wait('debug', 'bad length or checksum, not used')


# A boot sector that reads the next sector, and gives up to INT 18h: the next device.
READER = bytes.fromhex('b80102 b90200 ba8000 bb0080 cd13 cd18').ljust(510, b'\0') + b'\x55\xaa'


def case_silent(args, work):
    """A disk and a CD that answer at most once: time-outs, and the next device."""
    iso = os.path.join(work, 'cd.iso')
    boot_iso(tiny('C'), iso, '-no-emul-boot', '-boot-load-size', '4')
    slow = 'format=raw,if=ide,throttling.bps-total=1' # the second read would take minutes
    with args.machine(args, work, '-m', '64', '-boot', 'order=cda',
                      '-drive', f'file={write_disk(work, "disk", READER)},{slow}',
                      '-drive', f'file={iso},media=cdrom,index=2,{slow}', '-drive',
                      f'file={write_disk(work, "fd", tiny("F"), 1440 << 10)},format=raw,if=floppy') as m:
        m.wait('debug', 'CD .*: boot catalogue cannot be read')
        m.wait('e9', 'F')


def case_absurd(args, work):
    """A host that lists a thousand memory ranges, and a disk that says it has no sectors."""
    if args.on != 'qemu':
        raise Skip('hvm-dm has neither')
    bios, memory, disk = (os.path.join(work, name) for name in ('bios.bin', 'e820', 'disk'))
    with open(args.bios, 'rb') as source, open(bios, 'wb') as f: # looks for a file that users may make
        f.write(source.read().replace(b'etc/e820\0', b'opt/e820\0'))
    with open(memory, 'wb') as f:
        f.write(struct.pack('<QQI', 0, 64 << 20, 1))
        for i in range(1000):
            f.write(struct.pack('<QQI', (16 << 30) + (i << 20), 1 << 16, 2))
    write_disk(work, 'disk', b'', 0)
    changed = argparse.Namespace(**{**vars(args), 'bios': bios})
    with args.machine(changed, work, '-m', '64', '-boot', 'order=ca', '-fw_cfg', f'opt/e820,file={memory}',
                      '-drive', f'file={disk},format=raw,if=ide', '-drive',
                      f'file={write_disk(work, "fd", tiny("F"), 1440 << 10)},format=raw,if=floppy') as m:
        m.wait('e9', 'F')
        m.wait('debug', 'IDE 0:0: identification makes no sense, not used')
        m.wait('debug', 'Memory map: more than 128 ranges')
        if len(re.findall('^e820: ', m.text('debug'), re.MULTILINE)) < 100:
            raise Failed('the ranges that fit are not there')


BOCHS = """memory: guest=128, host=128
romimage: file={bios}, address=0xfffe0000
vgaromimage: file={vgabios}
pci: enabled=1, chipset=i440fx, slot1=pcivga
vga: extension=vbe
ata0-master: type=disk, path={disk}, mode=flat, cylinders=0
boot: disk
com1: enabled=1, mode=file, dev={work}/serial
log: {work}/log
display_library: rfb, options="timeout=0"
speaker: enabled=0
panic: action=fatal
"""


def case_bochs(args, work):
    """Bochs with our BIOS and VGA BIOS: GRUB from its disk, by its own chips."""
    need('bochs')
    settings, commands, serial = (os.path.join(work, name) for name in ('rc', 'commands', 'serial'))
    disk = grub_disk(work, 'serial --unit=0\nterminal_output serial\necho "guest: grub"\n')
    with open(settings, 'w') as f:
        f.write(BOCHS.format(bios=args.bios, vgabios=args.vgabios, disk=disk, work=work))
    with open(commands, 'w') as f: # for its debugger
        f.write('continue\n')
    end = time.monotonic() + 110
    # Bochs 2.7 trusts fresh memory to be zero; meson fills it to find such mistakes in our programs.
    environment = {**os.environ, 'MALLOC_PERTURB_': '0'}
    with subprocess.Popen(['bochs', '-q', '-f', settings, '-rc', commands], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as bochs:
        while 'guest: grub' not in text_of(serial) and bochs.poll() is None and time.monotonic() < end:
            time.sleep(0.5)
        bochs.kill()
    if 'guest: grub' not in text_of(serial):
        print(text_of(os.path.join(work, 'log'))[-2000:])
        raise Failed('GRUB does not come up')


def case_floppy_emulation(args, work):
    """A CD with a floppy image: drive 00h is the image."""
    with open(os.path.join(args.sectors, 'sector-floppy.bin'), 'rb') as f:
        program = f.read()
    image = os.path.join(work, 'floppy.img')
    numbered_disk(program, image, 2880)
    with open(image, 'rb') as f:
        content = f.read()
    iso = os.path.join(work, 'cd.iso')
    boot_iso(content, iso)
    with args.machine(args, work, '-m', '64', '-cdrom', iso, '-boot', 'd') as m:
        m.wait('e9', r'(?m)^(passed|failed)$')
        text = m.text('e9')
    print(text)
    for wanted in ('ok 13/08 1.44 MB', 'ok 13/08 geometry', 'ok 13/02 one sector', 'ok 13/02 a track',
                   'ok 13/01 status of the last call', 'FAIL 13/03 write'):
        if wanted not in text:
            raise Failed(f'no "{wanted}"')


def case_emulation_ends(args, work):
    """A boot sector on an emulated floppy gives up: then A: is the real one, and is booted."""
    emulated = bytes.fromhex('b045 e6e9 cd18').ljust(510, b'\0') + b'\x55\xaa' # prints E, INT 18h
    iso = os.path.join(work, 'cd.iso')
    boot_iso(emulated.ljust(1440 << 10, b'\0'), iso)
    with args.machine(args, work, '-m', '64', '-boot', 'order=da', '-cdrom', iso, '-drive',
                      f'file={write_disk(work, "fd", tiny("F"), 1440 << 10)},format=raw,if=floppy') as m:
        m.wait('e9', 'F')
        if m.text('e9') != 'EF':
            raise Failed(f'{m.text("e9")}, not EF')


CASES = {'kernel': case_kernel, 'kernel-small': case_kernel_small, 'kernel-smp': case_kernel_smp, 'grub-disk': case_grub_disk,
         'grub-cd': case_grub_cd, 'isolinux': case_isolinux, 'memtest': case_memtest, 'memtest-pass': case_memtest_pass,
         'memtest-disk': case_memtest_disk, 'pxe': case_pxe,
         'menu': case_menu, 'broken': case_broken, 'bad-rom': case_bad_rom,
         'silent': case_silent, 'absurd': case_absurd, 'bochs': case_bochs,
         'floppy-emulation': case_floppy_emulation, 'emulation-ends': case_emulation_ends,
         'resume': case_resume, 'grub-graphics': case_grub_graphics, 'vesafb': case_vesafb,
         'text-console': case_text_console, 'isolinux-menu': case_isolinux_menu,
         'x86emu': case_x86emu, 'acpi-dmi': case_tables}
