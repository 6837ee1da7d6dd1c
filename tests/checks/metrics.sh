#!/usr/bin/env bash
# The families of a live scrape are exactly those of the table in docs/operations.md, with the labels
# that it names.
set -u
cd "$(dirname "$0")/../.." || exit 1
sealway=${B:-build}/sealway
command -v curl >/dev/null || { echo "curl is not installed; tests/support/deps.sh ci" && exit 1; }

dir=$(mktemp -d)
pid=
finish() {
    [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
    pid=
}
trap 'finish; rm -rf "$dir"' EXIT

# The page of an instance with the given source.
scrape() {
    local admin=
    : >"$dir/log" # that of the one before is not to be read for its own
    "$sealway" serve "$@" --listen 127.0.0.1:0 --admin 127.0.0.1:0 --drain-delay 0s \
        2>"$dir/log" >&2 &
    pid=$!
    for _ in {1..100}; do
        admin=$(sed -nE 's/.*msg="admin port" address=(.*)/\1/p' "$dir/log")
        [ -n "$admin" ] && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.05
    done
    curl -sS --max-time 10 "http://$admin/metrics" || {
        cat "$dir/log" >&2
        exit 1
    }
    finish
}

# Files, and an API server that is not there: what is watched has its figures all the same.
mkdir "$dir/manifests"
cat >"$dir/kubeconfig" <<'KUBECONFIG'
current-context: none
contexts: [{name: none, context: {cluster: none, user: none}}]
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: none, user: {}}]
KUBECONFIG
scrape --manifests "$dir/manifests" >"$dir/page" || exit 1
scrape --kubeconfig "$dir/kubeconfig" --write on >"$dir/kube" || exit 1
grep -E '^(# [A-Z]+ )?sealway_(kube_|leader)' "$dir/kube" >>"$dir/page"

# "family labels" of rows "| `family`, `family` | label, label | ...".
of_docs() {
    sed -nE 's/^\| (`(sealway|process)_[^|]*`) \| ([^|]*)\|.*/\1|\3/p' docs/operations.md |
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
difference=$(diff <(of_page | cut -d' ' -f1) <(of_docs | cut -d' ' -f1))
if [ -n "$difference" ]; then
    echo "docs/operations.md and /metrics differ in families (< metrics, > docs):"
    echo "$difference"
    bad=1
fi
wrong=$(join <(of_page) <(of_docs) | awk '$2 != "*" && $2 != $3')
if [ -n "$wrong" ]; then
    echo "labels on the page, and those in docs/operations.md:"
    echo "$wrong"
    bad=1
fi

[ $bad -eq 0 ] && echo "ok metrics"
exit $bad
