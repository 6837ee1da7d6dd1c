#!/usr/bin/env bash
# Every header compiles alone, with both compilers.
set -u
cd "$(dirname "$0")/../.." || exit 1

flags="-std=gnu11 -D_GNU_SOURCE -Iinclude -Itests -Wall -Wextra -Werror $(pkg-config --cflags libcjson)"
export flags

check_header() {
    local compiler
    for compiler in gcc clang; do
        # From the header's own directory, so that a private one finds its neighbours.
        # shellcheck disable=SC2086 # a list of words
        printf '#include "%s"\n' "$PWD/$1" |
            $compiler $flags -I"$(dirname "$1")" -fsyntax-only -x c - ||
            echo "$1: does not compile alone with $compiler"
    done
}
export -f check_header

out=$(find include src cmd tests -name '*.h' -print0 |
    xargs -0 -P "$(nproc)" -I {} bash -c 'check_header "$1"' _ {} 2>&1)
if [ -n "$out" ]; then
    echo "$out"
    exit 1
fi
echo "ok headers"
