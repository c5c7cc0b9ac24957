"""Scenarios of the network card: TAP to a network namespace, bridged, routed and by NAT, and PXE.

They make interfaces, so they need root on a machine that is theirs: the KVM lab.
"""

import hashlib
import os
import re
import subprocess
import time

from disks import cpu_seconds
from machine import Failure, Qmp
from scenarios import scenario

TAP = 'vif1.0-emu'  # as Xen's toolstack names it
ROM = '/usr/lib/ipxe/qemu/pxe-e1000.rom'
SIZE = 8 << 20      # of the files that are transferred


def sh(command):
    """Runs a shell command on the host; its failure is a Failure."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f'{command}: {done.stderr.strip()}')
    return done.stdout


class Peer:
    """A network namespace at the far end, and the interfaces that lead there."""

    def __init__(self, setup):
        self.setup = setup

    def __enter__(self):
        self.__exit__()  # what an earlier failure left
        # All that Xen's scripts vif-bridge, vif-route and vif-nat load or rely on.
        sh('modprobe -a bridge veth 8021q nf_tables nft_chain_nat nft_masq')
        sh(f'ip netns add peer; ip link add veth0 type veth peer name eth0 netns peer;'
           f'ip link set veth0 up; ip -n peer link set lo up; ip -n peer link set eth0 up;'
           f'ip tuntap add {TAP} mode tap; ip link set {TAP} up')
        for line in self.setup.strip().splitlines():
            sh(line)
        return self

    def __exit__(self, *_):
        subprocess.run(f'ip netns del peer; ip link del {TAP}; ip link del br0; ip link del veth0;'
                       'nft flush ruleset', shell=True, capture_output=True, check=False)

    def start(self, command, **options):
        """Starts a shell command over there."""
        return subprocess.Popen(f'exec ip netns exec peer {command}', shell=True, **options)


BRIDGE = f'''
ip link add br0 type bridge
ip link set br0 up
ip link set veth0 master br0
ip link set {TAP} master br0
ip -n peer address add 192.168.7.1/24 dev eth0
'''
ROUTE = f'''
ip address add 10.7.0.1/32 dev {TAP}
ip route add 10.7.0.2/32 dev {TAP}
ip address add 192.168.7.2/24 dev veth0
ip -n peer address add 192.168.7.1/24 dev eth0
ip -n peer route add 10.7.0.0/24 via 192.168.7.2
sysctl -qw net.ipv4.ip_forward=1
'''
NAT = ROUTE.replace('ip -n peer route add 10.7.0.0/24 via 192.168.7.2\n', '') + '''
nft add table ip nat
nft add chain ip nat post '{ type nat hook postrouting priority 100; }'
nft add rule ip nat post ip saddr 10.7.0.0/24 oifname veth0 masquerade
'''
GUEST_BRIDGED = 'ip address add 192.168.7.3/24 dev eth0 && ip link set eth0 up'
GUEST_ROUTED = ('ip address add 10.7.0.2/32 dev eth0 && ip link set eth0 up && '
                'ip route add 10.7.0.1 dev eth0 && ip route add default via 10.7.0.1')


def guest(bench):
    """The test guest with its card on the TAP."""
    return bench.linux('then=shell', '-netdev', f'tap,id=n,ifname={TAP},script=no,downscript=no',
                       '-device', 'e1000,netdev=n,mac=52:54:00:12:34:56')


def up(vm, commands):
    """Runs the commands that bring the guest's card up, once it has booted."""
    vm.shell('. /selftest/lib; mkfifo /tmp/open', 240)
    vm.shell(commands)
    wait_link(vm)


def wait_link(vm):
    vm.shell('wait_until 20 grep -q 1 /sys/class/net/eth0/carrier')


# busybox' nc ends when its standard input or the connection ends, so the receiver's input stays open.


def to_peer(vm, peer, bench, address='192.168.7.1'):
    """A file from the guest to the peer; the sum is compared. Returns MB/s."""
    got = bench.file('received')
    with open(got, 'wb') as file:
        server = peer.start('busybox nc -l -p 5000', stdout=file, stdin=subprocess.PIPE)
        time.sleep(0.5)
        wanted = vm.shell('sha256sum /tmp/file').split()[0]
        begin = time.monotonic()
        vm.shell(f'nc {address} 5000 < /tmp/file', 120)
        server.wait(60)
    seconds = time.monotonic() - begin
    with open(got, 'rb') as file:
        content = file.read()
    if hashlib.sha256(content).hexdigest() != wanted:
        raise Failure(f'to the peer: {len(content)} bytes, other content')
    return len(content) / seconds / 1e6


def from_peer(vm, peer, bench, address='192.168.7.1'):
    """A file from the peer to the guest."""
    path = bench.file('sent')
    content = os.urandom(SIZE)
    with open(path, 'wb') as file:
        file.write(content)
    with open(path, 'rb') as file:
        server = peer.start('busybox nc -l -p 5001', stdin=file)
        time.sleep(0.5)
        begin = time.monotonic()
        got = vm.shell(f'nc {address} 5001 <> /tmp/open > /tmp/got; sha256sum /tmp/got', 120)
        seconds = time.monotonic() - begin
        server.terminate()
        server.wait()
    if got.split()[0] != hashlib.sha256(content).hexdigest():
        raise Failure('from the peer: other content')
    return SIZE / seconds / 1e6


def both_ways(vm, peer, bench, what, address='192.168.7.1'):
    rates = to_peer(vm, peer, bench, address), from_peer(vm, peer, bench, address)
    print(f'# {what}: {rates[0]:.1f} MB/s to the peer, {rates[1]:.1f} MB/s from it', flush=True)


@scenario()
def network_bridge(bench):
    """Files over a bridged TAP: TSO on and off, jumbo frames, a VLAN; the driver's self-test."""
    with Peer(BRIDGE) as peer, guest(bench) as vm:
        up(vm, GUEST_BRIDGED)
        vm.shell(f'dd if=/dev/urandom of=/tmp/file bs=1M count={SIZE >> 20} 2>/dev/null')
        both_ways(vm, peer, bench, 'bridge')
        vm.shell('ethtool -K eth0 tso off sg off tx off rx off')
        both_ways(vm, peer, bench, 'bridge, no offloads')
        vm.shell('ethtool -K eth0 rx on tx on sg on tso on')
        wait_link(vm)

        for link in ('veth0', 'br0', TAP):
            sh(f'ip link set {link} mtu 9000')
        sh('ip -n peer link set eth0 mtu 9000')
        vm.shell('ip link set eth0 mtu 9000')
        wait_link(vm)
        vm.shell('ping -c 2 -W 5 -s 8972 192.168.7.1')
        both_ways(vm, peer, bench, 'bridge, jumbo frames')

        sh('ip -n peer link add link eth0 name eth0.100 type vlan id 100;'
           'ip -n peer address add 192.168.8.1/24 dev eth0.100; ip -n peer link set eth0.100 up')
        vm.shell('ip link add link eth0 name eth0.100 type vlan id 100 && '
                 'ip address add 192.168.8.3/24 dev eth0.100 && ip link set eth0.100 up')
        both_ways(vm, peer, bench, 'bridge, VLAN', '192.168.8.1')

        print('# ' + vm.shell('ethtool -S eth0').replace('\n', '\n# '), flush=True)
        # Registers, EEPROM, interrupts, loopback. The one thing here that stock QEMU does not pass.
        vm.shell('ethtool -t eth0 offline', 240)
        vm.shell('ip link set eth0 up')
        wait_link(vm)
        vm.shell('ping -c 2 -W 5 192.168.7.1')


@scenario()
def network_speed(bench):
    """A bench: TCP over a bridged TAP, 32 MiB each way; run it with --machine qemu-kvm too."""
    zeroes = 'dd if=/dev/zero bs=64k count=512 2>/dev/null'
    with Peer(BRIDGE) as peer, guest(bench) as vm:
        up(vm, GUEST_BRIDGED)
        for what, there, here in (
                ('to the peer', 'busybox nc -l -p 5000 >/dev/null',
                 f'{zeroes} | nc 192.168.7.1 5000'),
                ('from the peer', f"sh -c '{zeroes} | busybox nc -l -p 5000'",
                 'nc 192.168.7.1 5000 <>/tmp/open >/dev/null')) * 2:
            server = peer.start(there, stdin=subprocess.PIPE)
            time.sleep(0.5)
            cpu, begin = cpu_seconds(vm.process), time.monotonic()
            vm.shell(here, 300)
            seconds, cpu = time.monotonic() - begin, cpu_seconds(vm.process) - cpu
            server.terminate()
            server.wait()
            bench.say(f"{what}: {32 / seconds:.2f} MiB/s, {cpu:.2f} s of the host's CPUs")
        vm.type('poweroff -f')
        vm.ends()


@scenario()
def network_route(bench):
    """Files over a routed TAP, as vif-route sets it up."""
    with Peer(ROUTE) as peer, guest(bench) as vm:
        up(vm, GUEST_ROUTED)
        vm.shell(f'dd if=/dev/urandom of=/tmp/file bs=1M count={SIZE >> 20} 2>/dev/null')
        both_ways(vm, peer, bench, 'route')


@scenario()
def network_nat(bench):
    """Files through address translation, as vif-nat sets it up."""
    with Peer(NAT) as peer, guest(bench) as vm:
        up(vm, GUEST_ROUTED)
        vm.shell(f'dd if=/dev/urandom of=/tmp/file bs=1M count={SIZE >> 20} 2>/dev/null')
        both_ways(vm, peer, bench, 'NAT')


@scenario()
def network_link(bench):
    """QMP's set_link: the driver sees the cable go and come back, and packets pass again."""
    path = bench.file('qmp')
    with bench.linux('then=shell', '-netdev', 'user,id=n', '-device', 'e1000,netdev=n',
                     '-qmp', f'unix:{path},server=on,wait=off') as vm:
        vm.expect('^GUEST: ready', 300)
        up(vm, 'ip address add 10.0.2.15/24 dev eth0 && ip link set eth0 up')
        vm.shell('ping -c 1 -W 10 10.0.2.2')
        qmp = Qmp(path)
        qmp('set_link', name='n', up=False)
        vm.shell('wait_until 20 grep -q 0 /sys/class/net/eth0/carrier')
        vm.shell('! ping -c 1 -W 1 10.0.2.2')
        qmp('set_link', name='n', up=True)
        wait_link(vm)
        vm.shell('ping -c 3 -W 10 10.0.2.2')
        log = vm.shell('dmesg | grep "eth0.*NIC Link is"')
        if not re.search('Up.*\n.*Down.*\n.*Up', log):
            raise Failure(log)
        vm.type('poweroff -f')
        vm.ends()


@scenario('netboot')
def network_boot(bench):
    """iPXE's ROM gets pxelinux by TFTP, and that Debian's installer."""
    with bench.machine('-netdev',
                       f'user,id=n,tftp={bench.material("tftp")},bootfile=pxelinux.0',
                       '-device', f'e1000,netdev=n,romfile={ROM}', '-boot', 'n',
                       memory=512) as vm:
        vm.expect('^PXELINUX 6', 120)
        vm.expect('^Loading initrd.gz... *ok', 400)
        vm.expect('^Starting system log daemon', 300)
