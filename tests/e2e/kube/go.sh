# shellcheck shell=bash
# Sourced: use_go puts a Go on the PATH that is as new as go.mod says.  It is taken from the
# machine, else its toolchain from the module proxy; deps.sh installs an old one where there is none.

cache=${SEALWAY_E2E_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/sealway-e2e}

say() { printf '%s\n' "$*" >&2; }

# By an older go, that cannot switch by itself.
fetch_toolchain() {
    local name dir
    name=v0.0.1-go$1.linux-$(go env GOARCH)
    say "$(go env GOVERSION) is too old for what the tests need: taking go$1 from the module proxy"
    dir=$(cd "$cache" && GOFLAGS=-mod=mod go mod download -json "golang.org/toolchain@$name" |
        sed -nE 's/^\t"Dir": "(.*)",?$/\1/p')
    [ -n "$dir" ] || { say "it cannot be had"; return 1; }
    chmod -R u+w "$dir"
    chmod -R a+x "$dir/bin" "$dir/pkg/tool"
    PATH=$dir/bin:$PATH
}

use_go() {
    local wanted has
    wanted=$(sed -nE 's/^go ([0-9.]+)$/\1/p' go.mod)
    export GOTOOLCHAIN=local
    has=$(go env GOVERSION)
    [ "$(printf '%s\n' "$wanted" "${has#go}" | sort -V | head -n 1)" = "$wanted" ] ||
        fetch_toolchain "$wanted"
}

# build_once NAME PACKAGE FILE... - build a program of the module that stands here, unless it was
# built of the same FILEs before, and print its path.
build_once() {
    local name=$1 package=$2 program
    shift 2
    program=$cache/$name-$(cat go.mod "$@" | sha256sum | cut -c1-16)
    mkdir -p "$cache"
    exec 9>"$cache/lock-$name"
    flock 9
    if [ ! -x "$program" ]; then
        use_go
        CGO_ENABLED=0 go build -p 2 -trimpath -buildvcs=false -ldflags '-s -w' \
            -o "$program.new" "$package" >&2
        mv "$program.new" "$program"
    fi
    printf '%s\n' "$program"
}
