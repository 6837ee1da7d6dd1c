#!/usr/bin/env bash
# Every script is run past shellcheck.
set -u
cd "$(dirname "$0")/../.." || exit 1

if find .ci tests deploy -type f \( -name '*.sh' -o -path .ci/run \) -print0 |
    xargs -0 shellcheck --severity=warning; then
    echo "ok shellcheck"
else
    exit 1
fi
