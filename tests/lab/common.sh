# shellcheck shell=bash
# What the labs have in common: the cache, Debian's kernel and packages, module lists, cpio archives.
# Sourced by bash scripts. Everything made here lands below $cache and is made once; removing
# $cache (or a part of it) makes it anew. Nothing is mounted and nothing needs root.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${HVMDM_CACHE:-$top/.cache}
linux=$cache/linux
me=$(basename "$(dirname "$(realpath "$0")")")/$(basename "$0")

die() {
    echo "$me: $*" >&2
    exit 125
}

say() {
    echo "$me: $*" >&2
}

# need COMMAND...: stops with a hint unless all are there. /sbin is not on everyone's PATH.
need() {
    local c
    PATH=$PATH:/usr/sbin:/sbin
    for c; do
        command -v "$c" >/dev/null || die "command $c not found; tools/setup installs what is needed"
    done
}

# locked: holds the cache's lock until the script ends or calls unlocked, so that two runs started
# together build the cache once.
locked() {
    mkdir -p "$cache" || die "cannot make the cache directory $cache"
    exec {lock_fd}>"$cache/lock"
    flock "$lock_fd"
}

unlocked() {
    exec {lock_fd}>&-
}

# made_from TARGET SOURCE...: true when TARGET exists and no SOURCE is newer.
made_from() {
    local target=$1 source
    shift
    [ -e "$target" ] || return 1
    for source; do
        [ "$source" -nt "$target" ] && return 1
    done
    return 0
}

# has_virtualization: this machine runs guests itself. A /dev/kvm without the CPU flag is somebody's
# slow emulation and no use for an operating system.
has_virtualization() {
    grep -qwE 'svm|vmx' /proc/cpuinfo && [ -r /dev/kvm ] && [ -w /dev/kvm ]
}

# download PACKAGE DIRECTORY: the package's current .deb, by the machine's own apt.
download() {
    mkdir -p "$2"
    (cd "$2" && apt-get download -q -o APT::Sandbox::User=root "$1") >"$cache/apt.log" 2>&1 ||
        die "cannot download $1 (is apt-get update due?): $(tail -n 1 "$cache/apt.log")"
}

# unpacked PACKAGE: prints the directory in the cache that holds the package's files.
unpacked() {
    local dir=$cache/packages/$1
    if [ ! -d "$dir" ]; then
        say "downloading $1"
        rm -rf "$dir.new"
        download "$1" "$dir.new/deb"
        dpkg-deb -x "$dir.new"/deb/*.deb "$dir.new" || die "cannot unpack $1"
        rm -rf "$dir.new/deb"
        mv "$dir.new" "$dir"
    fi
    echo "$dir"
}

# prepare_linux: Debian's current, unmodified amd64 kernel in $linux: vmlinuz and lib/modules.
# Sets $kernel_version.
prepare_linux() {
    local package tree
    need apt-get apt-cache dpkg-deb depmod modprobe cpio
    if [ ! -e "$linux/vmlinuz" ]; then
        package=$(apt-cache depends linux-image-amd64 2>/dev/null |
            sed -n 's/.*Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
        [ -n "$package" ] || die "apt knows no linux-image-amd64 (is apt-get update due?)"
        tree=$(unpacked "$package")
        depmod -b "$tree" "$(basename "$tree"/lib/modules/*)"
        ln -s vmlinuz-"$(basename "$tree"/lib/modules/*)" "$tree/boot/vmlinuz"
        ln -sfn "packages/$package" "$linux"
        ln -s boot/vmlinuz "$tree/vmlinuz"
    fi
    kernel_version=$(basename "$linux"/lib/modules/*)
}

# add_modules DIRECTORY MODULE...: copies the modules and all they depend on to DIRECTORY/modules,
# where the file "order" lists them in the order in which insmod must see them.
add_modules() {
    local dir=$1
    shift
    add_modules_as order "$dir" "$@"
}

# add_modules_as LIST DIRECTORY MODULE...: the same; the file LIST lists them.
add_modules_as() {
    local list=$1 dir=$2/modules module file
    shift 2
    mkdir -p "$dir"
    for module; do
        modprobe -C /dev/null -d "$linux" -S "$kernel_version" --show-depends "$module" ||
            die "Debian's kernel has no module $module"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r file; do
        cp "$file" "$dir/"
        basename "$file"
    done >"$dir/$list"
}

# initramfs DIRECTORY: the tree as an initramfs on standard output, all of it owned by root.
initramfs() {
    (cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0 --reproducible)
}

# add_program DIRECTORY COMMAND: one of this machine's programs and the libraries that it needs.
add_program() {
    local file
    need "$2"
    file=$(command -v "$2")
    cp -L "$file" "$1/bin/"
    ldd "$file" | grep -o '/[^ ]*' | while read -r file; do
        mkdir -p "$1$(dirname "$file")"
        cp -L "$file" "$1$file"
    done
}

# busybox_tree DIRECTORY: an empty root with a static busybox that finds all its applets.
busybox_tree() {
    need busybox
    rm -rf "$1"
    mkdir -p "$1"/{bin,dev,proc,sys,tmp,run,mnt,etc}
    cp "$(command -v busybox)" "$1/bin/busybox"
    ldd "$1/bin/busybox" >/dev/null 2>&1 && die "busybox is not static: install busybox-static"
    ln -s busybox "$1/bin/sh"
}
