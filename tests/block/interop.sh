#!/bin/bash
# hvm-img and qemu-img on each other's images: every option, every command. TAP on stdout.
# usage: interop.sh PATH-OF-HVM-IMG
set -u
img=$(realpath "$1")
command -v qemu-img > /dev/null && command -v qemu-io > /dev/null || { echo "1..0 # SKIP no qemu-img"; exit 0; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
n=0
failed=0

# ok NAME COMMAND...: one test; its output is shown only when it fails.
ok() {
    local name=$1
    shift
    n=$((n + 1))
    if "$@" > out 2>&1; then
        echo "ok $n $name"
    else
        echo "not ok $n $name"
        sed 's/^/# /' out
        failed=1
    fi
}
not() { ! "$@"; }
status() { # status EXPECTED COMMAND...
    local expected=$1 got
    shift
    "$@"
    got=$?
    [ "$got" = "$expected" ] || { echo "exit status $got instead of $expected"; return 1; }
}

# A disk with data, zeroes and holes, that does not end at a cluster.
python3 - << 'END'
import random
random.seed(1)
with open('flat', 'wb') as f:
    for i in range(300):
        kind = random.randrange(4)
        size = random.randrange(1, 100) * 512
        if kind == 0: f.seek(size, 1)
        elif kind == 1: f.write(bytes(size))
        elif kind == 2: f.write(random.randbytes(size))
        else: f.write(bytes(b'text that packs well ' * size)[:size])
    f.write(b'end of the disk.' * 32)
END
size=$(stat -c %s flat)
same() { qemu-img compare -q -f "$1" -F raw "$2" flat && "$img" compare -q -f "$1" -F raw "$2" flat; }
check() { qemu-img check -q -f qcow2 "$1" && "$img" check -q -f qcow2 "$1"; }

# ---- qemu-img's images of each option: read, then written and read there
theirs() {
    local options=$1
    rm -f t
    qemu-img convert -f raw -O qcow2 ${options:+-o "$options"} flat t || return 1
    same qcow2 t && check t || return 1
    "$img" convert -n -f raw -O qcow2 -S 0 flat t && same qcow2 t && check t
}
for options in "" compat=0.10 compat=1.1 cluster_size=512 cluster_size=4k cluster_size=2M \
    lazy_refcounts=on refcount_bits=1 refcount_bits=2 refcount_bits=8 refcount_bits=32 refcount_bits=64 \
    preallocation=metadata preallocation=falloc preallocation=full compression_type=zlib; do
    ok "qemu-img's qcow2 $options" theirs "$options"
done
theirs_compressed() {
    rm -f t
    qemu-img convert -c -f raw -O qcow2 -o "cluster_size=$1" flat t && same qcow2 t && check t &&
        "$img" convert -n -f raw -O qcow2 -S 0 flat t && same qcow2 t && check t
}
for size_ in 512 4k 64k 2M; do ok "qemu-img's compressed, $size_" theirs_compressed $size_; done
refused() {
    rm -f t
    qemu-img create -q -f qcow2 "$@" t 1M
    not "$img" info -f qcow2 t && [ "$(wc -l < out)" -le 2 ] && ! grep -qi sanitizer out
}
ok "extended L2 is refused" refused -o extended_l2=on
ok "external data is refused" refused -o data_file=d
ok "encryption is refused" refused --object secret,id=s,data=x -o encrypt.format=luks,encrypt.key-secret=s

# ---- our images of each option
ours() {
    local options=$1
    shift
    rm -f o
    "$img" convert -f raw -O qcow2 "$@" ${options:+-o "$options"} flat o || return 1
    same qcow2 o && check o || return 1
    qemu-io -f qcow2 -c "write -P 7 100k 300k" -c "discard 500k 200k" -c "write -z 1M 100k" o || return 1
    check o
}
for options in "" compat=0.10 cluster_size=512 cluster_size=4k cluster_size=2M lazy_refcounts=on \
    refcount_bits=1 refcount_bits=8 refcount_bits=64; do
    ok "our qcow2 $options" ours "$options"
    [ "$options" = refcount_bits=1 ] || ok "our compressed qcow2 $options" ours "$options" -c
done
prealloc() {
    rm -f o
    "$img" create -q -f qcow2 -o "preallocation=$1" o 5M && check o && qemu-img compare -q -f qcow2 -F raw o z
}
truncate -s 5M z
for mode in off metadata falloc full; do ok "our preallocation=$mode" prealloc $mode; done

# ---- VHD
vhd() {
    rm -f v w
    "$img" convert -f raw -O vpc -o "subformat=$1" flat v && same vpc v || return 1
    # their sizes are rounded up to whole cylinders: behind the flat copy's end there are zeroes
    qemu-img convert -f raw -O vpc -o "subformat=$1" flat w && same vpc w || return 1
    "$img" convert -n -S 0 -f raw -O vpc flat w && same vpc w
}
ok "VHD dynamic" vhd dynamic
ok "VHD fixed" vhd fixed
vhd_child() {
    rm -f parent.vhd child.vhd
    "$img" convert -f raw -O vpc flat parent.vhd &&
        "$img" create -q -f vpc -b parent.vhd -F vpc child.vhd &&
        "$img" compare -q -f vpc -F raw child.vhd flat &&
        "$img" bench -q -f vpc -w -c 4 -s 64k -o 1M child.vhd &&
        not "$img" compare -q -f vpc -F raw child.vhd flat && same vpc parent.vhd
}
ok "VHD differencing" vhd_child

# ---- commands
chain() {
    rm -f base mid top
    "$img" convert -f raw -O qcow2 flat base &&
        "$img" create -q -f qcow2 -b base -F qcow2 mid && qemu-img create -q -f qcow2 -b mid -F qcow2 top &&
        qemu-io -f qcow2 -c "write -P 9 64k 256k" -c "write -z 1M 64k" top && qemu-img convert -f qcow2 -O raw top flat2
}
ok "a backing chain" chain
ok "the chain reads the same" "$img" compare -q -f qcow2 -F raw top flat2
rebased() {
    cp top r && "$img" rebase -q -f qcow2 -b base -F qcow2 r && qemu-img compare -q -f qcow2 -F raw r flat2 &&
        "$img" rebase -q -f qcow2 -b "" r && qemu-img compare -q -f qcow2 -F raw r flat2 && check r
}
ok "rebase" rebased
committed() {
    "$img" commit -q -f qcow2 top && qemu-img compare -q -f qcow2 -F raw mid flat2 &&
        qemu-img compare -q -f qcow2 -F raw top flat2 && check mid && check top
}
ok "commit" committed
grown() { # what is beyond the source's end is zero, not the backing file's: grown SIZE OPTION...
    rm -f o
    head -c 8M /dev/zero | tr '\0' b > longer && head -c 100k flat > short && cp short long &&
        truncate -s "$1" long && "$img" convert -f raw -O qcow2 -B longer -F raw -o "size=$1" "${@:2}" short o &&
        qemu-img compare -q -f qcow2 -F raw o long && check o
}
ok "convert -B to a larger disk" grown 3M
ok "convert -B to one larger than the backing file" grown 16M
ok "convert -B -c to a larger disk" grown 3M -c
ok "convert -B to a larger disk that knows no zeroes" grown 3M -o compat=0.10
several() { # -o is there more than once
    "$img" create -q -f qcow2 -o cluster_size=4k -o compat=0.10 o 1M &&
        qemu-img info -f qcow2 o > i && grep -q "cluster_size: 4096" i && grep -q "compat: 0.10" i &&
        "$img" convert -f raw -O qcow2 -o cluster_size=4k -o compat=0.10 flat o &&
        qemu-img info -f qcow2 o > i && grep -q "cluster_size: 4096" i && grep -q "compat: 0.10" i
}
ok "several -o" several
ok "a backing file without a format is refused" bash -c "! '$img' create -f qcow2 -b base x"
json_equal() { # the fields that both have, except those that may differ
    python3 - "$@" << 'END'
import json, subprocess, sys
tool, command, fmt, path = sys.argv[1:5]
def run(program):
    out = subprocess.run([program, command, '-f', fmt, '--output=json', path], capture_output=True).stdout
    return json.loads(out)
ours, theirs = run(tool), run('qemu-img')
def compare(a, b, where):
    if isinstance(b, dict):
        for key, value in b.items():
            if key in ('children', 'actual-size', 'full-backing-filename', 'compressed', 'icount'): continue
            if key not in a: sys.exit(f'{where}: {key} is missing: {a} {b}')
            compare(a[key], value, f'{where}.{key}')
    elif isinstance(b, list):
        if len(a) != len(b): sys.exit(f'{where}: {str(a)[:400]} != {str(b)[:400]}')
        for i, (x, y) in enumerate(zip(a, b)): compare(x, y, f'{where}[{i}]')
    elif a != b: sys.exit(f'{where}: {str(a)[:400]} != {str(b)[:400]}')
compare(ours, theirs, command)
END
}
rm -f o && "$img" convert -f raw -O qcow2 flat o && "$img" snapshot -f qcow2 -c first o && qemu-img snapshot -c second o
ok "info as JSON" json_equal "$img" info qcow2 o
ok "info as JSON, with a chain" json_equal "$img" info qcow2 top
ok "check as JSON" json_equal "$img" check qcow2 o
cp --sparse=never o o.full # qemu-img also reports the holes of the file
ok "map as JSON" json_equal "$img" map qcow2 o.full
for f in base mid; do cp --sparse=never $f full && mv full $f; done
ok "map as JSON, with a chain" json_equal "$img" map qcow2 mid
snapshots() {
    check o && qemu-io -f qcow2 -c "write -P 5 0 1M" o && check o &&
        qemu-img snapshot -a first o && same qcow2 o && check o &&
        qemu-io -f qcow2 -c "write -P 6 0 1M" o && "$img" snapshot -a second -f qcow2 o && same qcow2 o && check o &&
        "$img" snapshot -f qcow2 -d first o && qemu-img snapshot -d second o && check o && same qcow2 o
}
ok "snapshots of both" snapshots
resized() {
    "$img" resize -q -f qcow2 o +10M && check o && same qcow2 o &&
        not "$img" resize -q -f qcow2 o "$size" && "$img" resize -q -f qcow2 --shrink o "$size" && check o && same qcow2 o
}
ok "resize" resized
repaired() {
    python3 - << 'END'
import struct
with open('o', 'r+b') as f: # the refcount of the first 20 clusters: too low, too high
    f.seek(48); table = struct.unpack('>Q', f.read(8))[0]
    f.seek(table); block = struct.unpack('>Q', f.read(8))[0]
    f.seek(block); f.write(struct.pack('>20H', *([0, 5] * 10)))
END
    status 2 "$img" check -f qcow2 o && status 0 "$img" check -r all -f qcow2 o && check o && same qcow2 o
}
ok "repair of wrong refcounts" repaired
rebuilt() {
    python3 - << 'END'
import struct
with open('o', 'r+b') as f: # a refcount block in the nirvana
    f.seek(48); table = struct.unpack('>Q', f.read(8))[0]
    f.seek(table); f.write(struct.pack('>Q', 0x123456789))
END
    status 2 "$img" check -f qcow2 o && status 0 "$img" check -r all -f qcow2 o && check o && same qcow2 o
}
ok "repair of the refcount table" rebuilt
ok "compare: different is 1" bash -c "'$img' compare -f raw -F raw flat flat2; [ \$? = 1 ]"
ok "compare: error is 2" bash -c "'$img' compare -f raw -F raw flat nothing; [ \$? = 2 ]"
ok "check: raw cannot be" status 63 "$img" check -f raw flat
locked() {
    exec 3< <(exec 4<&0; qemu-io -f qcow2 -c "sleep 3000" o)
    sleep 1
    not "$img" resize -f qcow2 o +1M && "$img" info -U -f qcow2 o
    local ret=$?
    exec 3<&-
    wait
    return $ret
}
ok "QEMU's lock is respected" locked
echo "1..$n"
exit $failed
