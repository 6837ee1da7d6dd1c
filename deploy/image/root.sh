#!/usr/bin/env bash
# root.sh PROGRAM ROOT - lay out in ROOT what PROGRAM needs of this Debian to run, and no more.
#
# The shared libraries that the loader would take, public CA certificates, names of users and how
# host names are looked up.  For scanners and lawyers: dpkg's record of every package a file came
# from (var/lib/dpkg/status.d, one file for each), its checksums and its licence.  No program, so no
# shell; no times, so that equal contents make an equal layer.
set -euo pipefail
umask 022
program=$1
root=$2
declare -A packages=()

die() {
    echo "root.sh: $*" >&2
    exit 1
}

# The package that brought a file.  dpkg may know it by its name from before /lib was /usr/lib.
owner_of() {
    local found
    found=$(dpkg-query -S "$1" 2>/dev/null) || found=$(dpkg-query -S "${1#/usr}" 2>/dev/null) ||
        die "$1 belongs to no package"
    found=${found%%: *}
    echo "${found%%:*}"
}

# Where a file stands once its directory's links are followed; what it is called stays.
place_of() { echo "$(realpath "$(dirname "$1")")/$(basename "$1")"; }

# Under every name on the way: what the loader asks for is a link to the file.
copy_library() {
    local name file
    file=$(realpath "$1")
    for name in "$(place_of "$1")" "$file"; do
        mkdir -p "$root$(dirname "$name")"
        cp -a "$name" "$root$name"
    done
    packages[$(owner_of "$file")]=1
}

copy_libraries() {
    local library found
    found=$(ldd "$program")
    if grep 'not found' <<<"$found"; then
        die "$program lacks libraries"
    fi
    while read -r library; do
        copy_library "$library"
    done < <(awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' <<<"$found")
    # The loader's own path begins with one of these.
    for library in /lib /lib64; do
        if [ -L "$library" ] && [ -d "$root/usr$library" ]; then
            cp -a "$library" "$root$library"
        fi
    done
}

write_etc() {
    mkdir -p "$root/etc/ssl/certs" "$root/usr/lib"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    packages[ca-certificates]=1
    cp -L /usr/lib/os-release "$root/usr/lib/"
    ln -s ../usr/lib/os-release "$root/etc/os-release"
    packages[base-files]=1
    printf 'root:x:0:0:root:/:/nonexistent\nsealway:x:64646:64646::/:/nonexistent\n' \
        >"$root/etc/passwd"
    printf 'root:x:0:\nsealway:x:64646:\n' >"$root/etc/group"
    # Without it the C library asks a name server before it looks into /etc/hosts.
    printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
}

# The package's checksums of those of its files that were taken.
sums_of() {
    local sum file
    while read -r sum file; do
        if [ -f "$root/$file" ]; then
            printf '%s  %s\n' "$sum" "$file"
        fi
    done <"$(dpkg-query --control-path "$1" md5sums)"
}

write_records() {
    local package records=$root/var/lib/dpkg/status.d docs=$root/usr/share/doc
    mkdir -p "$records" "$docs"
    # What the licences of packages point at.
    cp -a /usr/share/common-licenses "$root/usr/share/"
    for package in "${!packages[@]}"; do
        mkdir -p "$docs/$package"
        cp -L "/usr/share/doc/$package/copyright" "$docs/$package/"
        dpkg-query -s "$package" >"$records/$package"
        sums_of "$package" >"$records/$package.md5sums"
    done
}

[ ! -e "$root" ] || die "$root is there already"
copy_libraries
write_etc
write_records
# Where a container runtime mounts: it cannot make them where the root is read-only.
mkdir "$root/dev" "$root/proc" "$root/run" "$root/sys"
find "$root" -exec touch -h -d @0 {} +
