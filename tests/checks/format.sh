#!/usr/bin/env bash
# clang-format decides, nobody argues.
set -u
cd "$(dirname "$0")/../.." || exit 1

if find include src cmd tests -name '*.[ch]' -print0 |
    xargs -0 -n 20 -P "$(nproc)" clang-format --dry-run -Werror; then
    echo "ok format"
else
    echo "clang-format -i mends it"
    exit 1
fi
