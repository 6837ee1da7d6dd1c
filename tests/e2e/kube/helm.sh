#!/usr/bin/env bash
# Build helm once, outside the tree, from its Go module, and print its path.  See build.sh.
set -eu
cd "$(dirname "$0")"
. ./go.sh

version=v3.22.0
# shellcheck disable=SC2154 # go.sh assigns it
program=$cache/helm-$version

mkdir -p "$cache"
exec 9>"$cache/lock-helm"
flock 9
if [ ! -x "$program" ]; then
    use_go
    say "building helm $version for the tests, once: about a minute"
    GOBIN=$cache/helm.new CGO_ENABLED=0 GOGC=400 go install -p 2 -trimpath -ldflags '-s -w' \
        "helm.sh/helm/v3/cmd/helm@$version" >&2
    mv "$cache/helm.new/helm" "$program"
    rmdir "$cache/helm.new"
fi
printf '%s\n' "$program"
