#!/usr/bin/env bash
# Every option of --help stands in the README's table with the same value, default and words, and the
# other way round; every command has its row too.
set -u
cd "$(dirname "$0")/../.." || exit 1
sealway=${B:-build}/sealway

# "--name VALUE | default | meaning" for every option of a command's help: the head in the first
# columns, the default in the last brackets of its words, which may be broken over lines.
of_help() {
    "$sealway" "$1" --help | awk '
        function flush() {
            if (head == "") return
            match(words, /\[default: .*\]$/)
            print head " | " substr(words, RSTART + 10, RLENGTH - 11) " | " substr(words, 1, RSTART - 2)
            head = ""
        }
        /^  (-[a-z], )?--/ {
            flush()
            fits = substr($0, 38, 1) == " "
            head = fits ? substr($0, 3, 35) : substr($0, 3)
            words = fits ? substr($0, 39) : ""
            sub(/ +$/, "", head)
            next
        }
        /^ +[^ ]/ && head != "" { sub(/^ +/, ""); words = words (words == "" ? "" : " ") $0 }
        END { flush() }'
}

# The same of the table rows "| `--name VALUE` | default | meaning |" in the README.
of_readme() {
    sed -nE 's/^\| `((-[a-z], )?--[^`]*)` \| ([^|]*) \| (.*) \|$/\1 | \3 | \4/p' README.md | tr -d '`\\'
}

bad=0
difference=$(diff <(for c in serve check explain routes; do of_help $c; done | sort -u) <(of_readme | sort))
if [ -n "$difference" ]; then
    echo "README.md and --help differ (< help, > README):"
    echo "$difference"
    bad=1
fi
for command in $("$sealway" --help | sed -nE 's/^  ([a-z]+) .*/\1/p'); do
    grep -q "^| \`sealway $command" README.md || {
        echo "README.md: no row for the command $command"
        bad=1
    }
done

[ $bad -eq 0 ] && echo "ok options"
exit $bad
