"""What the machines boot: disks and CDs made from Debian's packages, and a small Linux to see."""
import os
import re
import shutil
import struct
import subprocess

from machines import need, tool

D_I = '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/linux'
GRUB = '/usr/lib/grub/i386-pc/'


def numbered_disk(program, path, sectors):
    """A disk whose sector n starts with n, from 64 on; the program in front."""
    image = bytearray(sectors * 512)
    for n in range(64, sectors):
        struct.pack_into('<I', image, n * 512, n)
    image[:len(program)] = program
    with open(path, 'wb') as f:
        f.write(image)


def boot_iso(program, path, *options):
    tree = path + '.d'
    os.makedirs(tree, exist_ok=True)
    with open(os.path.join(tree, 'image'), 'wb') as f:
        f.write(program)
    tool('xorriso', '-as', 'mkisofs', '-quiet', '-o', path, '-b', 'image', '-c', 'catalog', *options,
         tree)


def kernel():
    need(D_I)
    return D_I


def install_programs(root, programs):
    """Copies programs and their libraries to a guest's root."""
    for program in map(shutil.which, programs):
        libraries = re.findall(r'/\S+', subprocess.run(['ldd', program], check=True, capture_output=True,
                                                       text=True).stdout)
        shutil.copy(program, os.path.join(root, 'bin'))
        for library in libraries:
            os.makedirs(root + os.path.dirname(library), exist_ok=True)
            shutil.copy(library, root + library)


def initramfs(work, programs=(), script=''):
    """Prints the kernel's complaints, runs the script, and switches the machine off."""
    need('busybox', 'cpio', *programs)
    root = os.path.join(work, 'root')
    os.makedirs(os.path.join(root, 'bin'), exist_ok=True)
    install_programs(root, programs)
    shutil.copy(shutil.which('busybox'), os.path.join(root, 'bin'))
    with open(os.path.join(root, 'init'), 'w') as f:
        f.write('#!/bin/busybox sh\nb=/bin/busybox\n$b mkdir -p /proc /sys\n$b mount -t proc p /proc\n'
                'echo "guest: $($b grep -c ^processor /proc/cpuinfo) cpus,'
                ' $($b awk \'/MemTotal/{print int($2/1024)}\' /proc/meminfo) MiB"\n'
                '$b dmesg | $b grep -iE "firmware bug|BIOS (bug|error)|ACPI.*(Error|Exception)"'
                ' && echo "guest: complains"\n'
                '[ "$($b grep -o s3=[a-z]* /proc/cmdline)" = s3=yes ] && $b mount -t sysfs s /sys &&'
                ' echo guest: sleeps && echo mem > /sys/power/state && echo guest: awake\n'
                + script + 'echo "guest: done"\n$b poweroff -f\n')
    os.chmod(os.path.join(root, 'init'), 0o755)
    out = os.path.join(work, 'initrd')
    subprocess.run(f'find . | cpio -o -H newc --quiet | gzip -1 > {out}', shell=True, cwd=root, check=True)
    return out


GRUB_CFG = '''serial --unit=0 --speed=115200
terminal_output serial
echo "guest: grub"
linux /vmlinuz console=ttyS0 loglevel=4
initrd /initrd
boot
'''


def isolinux(work, linux, append, initrd=None, files=(), config=''):
    core = '/usr/lib/ISOLINUX/isolinux.bin'
    library = '/usr/lib/syslinux/modules/bios/ldlinux.c32'
    need(core, library, 'xorriso')
    tree, iso = os.path.join(work, 'iso'), os.path.join(work, 'cd.iso')
    os.makedirs(tree)
    for source, name in ((core, 'isolinux.bin'), (library, 'ldlinux.c32'), (linux, 'linux'),
                         (initrd, 'initrd')):
        if source:
            shutil.copy(source, os.path.join(tree, name))
    for source in files:
        shutil.copy(source, tree)
    with open(os.path.join(tree, 'isolinux.cfg'), 'w') as f:
        f.write(config + 'SERIAL 0 115200\nDEFAULT x\nPROMPT 0\nLABEL x\n LINUX /linux\n'
                + (' INITRD /initrd\n' if initrd else '') + f' APPEND {append}\n')
    tool('xorriso', '-as', 'mkisofs', '-quiet', '-o', iso, '-b', 'isolinux.bin', '-c', 'boot.cat',
         '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table', tree)
    return iso


def tiny(letter):
    """A boot sector that prints a letter to port E9h."""
    return (b'\xb0' + letter.encode() + b'\xe6\xe9\xf4\xeb\xfd').ljust(510, b'\0') + b'\x55\xaa'


def write_disk(work, name, content, size=1 << 20):
    path = os.path.join(work, name)
    with open(path, 'wb') as f:
        f.write(content.ljust(size, b'\0'))
    return path
