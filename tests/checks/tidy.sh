#!/usr/bin/env bash
# clang-tidy with the checks of .clang-tidy over the program's own sources.  Only the findings are
# shown; run clang-tidy on the file for the way that leads there.
set -u
cd "$(dirname "$0")/../.." || exit 1
command -v clang-tidy >/dev/null || { echo "clang-tidy is not installed; tests/support/deps.sh ci" && exit 1; }

tidy() {
    clang-tidy --quiet "$1" -- -std=gnu11 -D_GNU_SOURCE -Iinclude -I/usr/include/cjson \
        '-DSEALWAY_VERSION="x"' '-DSEALWAY_COMMIT="x"' '-DSEALWAY_BUILD="x"' 2>&1 | grep -F ': error: '
}
export -f tidy

out=$(find src cmd -name '*.c' -print0 | xargs -0 -P "$(nproc)" -I {} bash -c 'tidy "$1"' _ {})
if [ -n "$out" ]; then
    echo "$out"
    exit 1
fi
echo "ok tidy"
