#!/bin/bash
# The block layer against qemu-img and fio, alternately in the same run: seconds of each, best of
# RUNS, and the ratio (above 1: we are faster). The files are made in DIR (default: .), which
# should be on the disk of interest.
# usage: block.sh PATH-OF-HVM-IMG [DIR]       environment: RUNS=3 SIZE_MB=512
set -eu
img=$(realpath "$1")
dir=$(mktemp -d "$(realpath "${2:-.}")/hvm-bench-XXXXXX")
runs=${RUNS:-3}
mb=${SIZE_MB:-512}
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# seconds COMMAND...: of the wall clock, to its end: the time that bench says of itself has the writing
# of metadata with one tool and lacks it with the other
seconds() {
    local start out
    start=$(date +%s.%N)
    out=$("$@" 2>&1) || { echo "$*: $out" >&2; exit 1; }
    echo "$start $(date +%s.%N)" | awk '{ print $2 - $1 }'
}

# pair NAME PREPARE OPTIONS...: the same command line for both tools
pair() {
    local name=$1 prepare=$2 ours='' theirs='' t
    shift 2
    for ((i = 0; i < runs; i++)); do
        for tool in qemu-img "$img"; do
            eval "$prepare"
            t=$(seconds "$tool" "$@")
            if [ "$tool" = qemu-img ]; then
                theirs=$(printf '%s\n%s\n' "${theirs:-$t}" "$t" | sort -g | head -1)
            else
                ours=$(printf '%s\n%s\n' "${ours:-$t}" "$t" | sort -g | head -1)
            fi
        done
    done
    printf '%-44s qemu %8.3f s   ours %8.3f s   ratio %5.2f\n' "$name" "$theirs" "$ours" \
        "$(echo "$theirs $ours" | awk '{ print $1 / $2 }')"
}

head -c "${mb}M" /dev/urandom > raw
qemu-img convert -f raw -O qcow2 raw full.qcow2
fresh="qemu-img create -q -f qcow2 new.qcow2 ${mb}M"
n=$((mb * 16)) # clusters of 64 KiB

pair "qcow2 allocating 4k writes, one a cluster" "$fresh" bench -f qcow2 -w -c $n -S 64k -t writeback new.qcow2
pair "qcow2 allocating 4k writes, O_DIRECT" "$fresh" bench -f qcow2 -w -c $n -S 64k -t none -n new.qcow2
pair "qcow2 allocating 64k writes" "$fresh" bench -f qcow2 -w -c $n -s 64k -t writeback new.qcow2
pair "qcow2 rewriting 4k, strided" "" bench -f qcow2 -w -c 50000 -S 68k -t writeback full.qcow2
pair "qcow2 4k reads, strided, cached" "" bench -f qcow2 -c 100000 -S 68k -t writeback full.qcow2
pair "qcow2 4k reads, strided, O_DIRECT" "" bench -f qcow2 -c 30000 -S 68k -t none -n full.qcow2
pair "raw 4k reads, strided, O_DIRECT" "" bench -f raw -c 30000 -S 68k -t none -n raw
pair "raw 1M reads, O_DIRECT" "" bench -f raw -c $mb -d 16 -s 1M -t none -n raw
pair "convert raw to qcow2" "rm -f out" convert -f raw -O qcow2 raw out
pair "convert qcow2 to raw" "rm -f out" convert -f qcow2 -O raw full.qcow2 out
head -c 64M raw > small
pair "convert to compressed qcow2" "rm -f out" convert -c -f raw -O qcow2 small out

if command -v fio > /dev/null; then
    fio_s() { # fio's MB/s for the bare file
        fio --name=x --filename=raw --direct=1 --ioengine=libaio --rw=read --bs=1M --iodepth=16 \
            --size="${mb}M" --output-format=terse --terse-version=3 | cut -d';' -f7
    }
    kib=$(fio_s)
    t=$(seconds "$img" bench -f raw -c "$mb" -d 16 -s 1M -t none -n raw)
    echo "$kib $t $mb" | awk '{ printf "%-44s fio %9.0f MB/s ours %7.0f MB/s  ratio %5.2f\n",
        "raw 1M reads against fio libaio", $1 / 1024, $3 / $2, $3 / $2 / ($1 / 1024) }'
fi
