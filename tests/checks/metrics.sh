#!/usr/bin/env bash
# The families of a live scrape are exactly those of the README's table, with the labels it names.
set -u
cd "$(dirname "$0")/../.." || exit 1
sealway=${B:-build}/sealway
command -v curl >/dev/null || { echo "curl is not installed; tests/support/deps.sh ci" && exit 1; }

dir=$(mktemp -d)
pid=
finish() {
    [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT

mkdir "$dir/manifests"
"$sealway" serve --manifests "$dir/manifests" --listen 127.0.0.1:0 --admin 127.0.0.1:0 \
    --drain-delay 0s --ports-file "$dir/ports" 2>"$dir/log" >&2 &
pid=$!
for _ in {1..100}; do
    [ -s "$dir/ports" ] && break
    kill -0 $pid 2>/dev/null || break
    sleep 0.05
done
admin=$(sed -nE 's/.*"admin": *"([^"]*)".*/\1/p' "$dir/ports")
curl -sS --max-time 10 "http://$admin/metrics" >"$dir/page" || {
    cat "$dir/log"
    exit 1
}

# "family labels" of rows "| `family`, `family` | label, label | ...".
of_readme() {
    sed -nE 's/^\| (`(sealway|process)_[^|]*`) \| ([^|]*)\|.*/\1|\3/p' README.md |
        awk -F'|' '{ n = split($1, names, /`, `/); gsub(/ /, "", $2);
                     for (i = 1; i <= n; i++) { gsub(/`/, "", names[i]); print names[i] " " $2 } }' |
        sort
}

# The same of the page; a family without samples, or with several sets of labels, has "*".
of_page() {
    awk '/^# TYPE/ { family = $3; families[family] = ""; next }
         /^#/ { next }
         { labels = $0
           if (!sub(/^[^{ ]*\{/, "", labels)) labels = ""
           sub(/\}[^}]*$/, "", labels); gsub(/="[^"]*"/, "", labels); sub(/,?le$/, "", labels)
           seen[family] = labels; has[family] = 1 }
         END { for (f in families) print f " " (has[f] ? seen[f] : "*") }' "$dir/page" | sort
}

bad=0
difference=$(diff <(of_page | cut -d' ' -f1) <(of_readme | cut -d' ' -f1))
if [ -n "$difference" ]; then
    echo "README.md and /metrics differ in families (< metrics, > README):"
    echo "$difference"
    bad=1
fi
wrong=$(join <(of_page) <(of_readme) | awk '$2 != "*" && $2 != $3')
if [ -n "$wrong" ]; then
    echo "labels on the page, and those in README.md:"
    echo "$wrong"
    bad=1
fi

[ $bad -eq 0 ] && echo "ok metrics"
exit $bad
