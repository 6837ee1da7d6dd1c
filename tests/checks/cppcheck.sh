#!/usr/bin/env bash
# cppcheck's view of the same sources: another analyser, other findings.
set -u
cd "$(dirname "$0")/../.." || exit 1

# Uninitialised variables are left to the compilers and valgrind: cppcheck loses them in macros.
if cppcheck --quiet --enable=warning,portability --inline-suppr --std=c11 --error-exitcode=1 \
    --suppress=missingIncludeSystem --suppress=uninitvar --suppress=legacyUninitvar \
    --template='{file}:{line}: {id}: {message}' -D_GNU_SOURCE -D__GNUC__=12 -DSEALWAY_VERSION='"x"' \
    -DSEALWAY_COMMIT='"x"' -DSEALWAY_BUILD='"x"' -Iinclude -j "$(nproc)" src cmd; then
    echo "ok cppcheck"
else
    exit 1
fi
