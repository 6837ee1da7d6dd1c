#!/usr/bin/env bash
# A file foo.c exports foo, foo_* and, for a list of them, foos_* only: a name tells its file.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}

bad=0
seen=0
while IFS= read -r object; do
    source=${object#"$B/obj/"}
    [ -e "${source%.o}.c" ] || continue # its source is gone
    seen=$((seen + 1))
    name=$(basename "$object" .o)
    foreign=$(nm --defined-only --extern-only "$object" | awk '{ print $3 }' |
        grep -Ev "^(${name}|${name}s?_.*|main)\$")
    if [ -n "$foreign" ]; then
        echo "${source%.o}.c: exports ${foreign//$'\n'/ }"
        bad=1
    fi
done < <(find "$B/obj/src" "$B/obj/cmd" -name '*.o' | sort)

if [ $seen -eq 0 ]; then
    echo "$B: nothing is built yet; run make first"
    bad=1
fi
[ $bad -eq 0 ] && echo "ok prefixes"
exit $bad
