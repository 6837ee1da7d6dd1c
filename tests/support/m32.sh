#!/usr/bin/env bash
# m32.sh BUILD_DIR - the parsers of bytes from the wire where a size_t has 32 bits: compiled with all
# warnings, and run over the corpora of their fuzz targets under sanitizers.
#
# Nothing else of Sealway is meant for such a machine, and no library is needed for this.
set -eu
if [ "$(uname -m)" != x86_64 ]; then
    echo "m32: skipped, for this machine is no x86-64"
    exit 0
fi
tests/support/deps.sh m32
build=$1/m32
mkdir -p "$build"
export UBSAN_OPTIONS=print_stacktrace=1
compile=(gcc -m32 -std=gnu11 -g -O1 -Iinclude -Itests -D_GNU_SOURCE -Wall -Wextra -Wshadow
    -Wconversion -Werror '-fsanitize=address,undefined' -fno-sanitize-recover=undefined)

rm -f "$build/libsupport.a"
for source in tests/support/guard_page.c tests/support/hello_*.c; do
    object=$build/$(basename "$source" .c).o
    "${compile[@]}" -c -o "$object" "$source"
    ar rcs "$build/libsupport.a" "$object"
done

for target in fuzz_hostname fuzz_clienthello; do
    "${compile[@]}" -o "$build/$target" "tests/fuzz/$target.c" tests/fuzz/replay.c src/tls/*.c \
        src/route/hostname.c src/base/attr.c "$build/libsupport.a"
    "$build/$target"
done
