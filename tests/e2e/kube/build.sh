#!/usr/bin/env bash
# build.sh [VERSION] - build the program of Kubernetes components once, outside the tree, and print
# its path.  It is built anew when its sources or versions change.
#
#   VERSION  1.36, which has what a node takes, too (go.mod; the default); 1.30 (go-1.30.mod)
set -eu
cd "$(dirname "$0")"
. ./go.sh

mod=go.mod tags=node
if [ $# -gt 0 ] && ! grep -qF "k8s.io/kubernetes v$1." go.mod; then
    # Old ones have their cloud providers in them, which nobody needs.
    mod=go-$1.mod tags=providerless
fi
[ -f "$mod" ] || { say "build.sh: Kubernetes $1: there is no tests/e2e/kube/$mod"; exit 1; }
version=$(sed -nE 's/^\tk8s\.io\/kubernetes (v[0-9.]+)$/\1/p' "$mod")
key=$(cat "$mod" "${mod%.mod}.sum" ./*.go build.sh | sha256sum | cut -c1-16)
# shellcheck disable=SC2154 # go.sh assigns it
program=$cache/kube-$key

build() {
    local package flags="-s -w" rest=${version#v*.}
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        flags="$flags -X $package.gitVersion=$version -X $package.gitMajor=1"
        flags="$flags -X $package.gitMinor=${rest%%.*} -X $package.gitTreeState=clean"
    done
    # No more compilers than two, for the memory; less collecting of garbage in each, for the time.
    CGO_ENABLED=0 GOGC=400 go build -p 2 -trimpath -buildvcs=false -modfile="$mod" -tags "$tags" \
        -ldflags "$flags" -o "$program.new" .
    mv "$program.new" "$program"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -x "$program" ]; then
    use_go
    began=$SECONDS
    say "building Kubernetes $version for the tests, once: about 4 minutes"
    build
    say "built in $((SECONDS - began)) s: $program"
fi
printf '%s\n' "$program"
