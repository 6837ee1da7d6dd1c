#!/usr/bin/env bash
# No file over 600 lines, no function over 80, tests included.
set -u
cd "$(dirname "$0")/../.." || exit 1
command -v ctags >/dev/null || { echo "ctags is not installed; tests/support/deps.sh ci" && exit 1; }

files=$(find include src cmd tests -name '*.[ch]' | sort)
bad=$(
    # shellcheck disable=SC2086 # a list of words
    wc -l $files | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines, more than 600" }'
    # shellcheck disable=SC2086
    ctags -x --c-kinds=f --_xformat='%N %F %n %{end}' $files |
        awk '$4 - $3 + 1 > 80 { print $2 ":" $3 ": " $1 " has " $4 - $3 + 1 " lines, more than 80" }'
)
if [ -n "$bad" ]; then
    echo "$bad"
    exit 1
fi
echo "ok sizes"
