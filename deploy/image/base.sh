#!/usr/bin/env bash
# base.sh FILE - make the image that the Dockerfile builds in, where none can be pulled.
#
# FILE becomes a tar of Debian 12 as small as debian:12-slim, made of Debian's packages by
# mmdebstrap.  Packages come from this machine's own Debian sources, by its own proxy, and the base
# keeps both.  A FILE younger than a week is taken as it is; remove it to have today's.
set -euo pipefail
file=$1
suite=bookworm

if [ -n "$(find "$file" -mtime -7 2>/dev/null)" ]; then
    exit 0
fi
command -v mmdebstrap >/dev/null || {
    echo "base.sh: mmdebstrap is missing; tests/support/deps.sh image installs it" >&2
    exit 1
}

# The sources of this machine, where it is a Debian; otherwise mmdebstrap knows what is usual.
sources() {
    command -v apt-get >/dev/null || return 0
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(RELEASE) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' |
        sed -n "s/^${suite}[a-z-]* \(deb .* main\)$/\1/p" | sort -u
}

# How this machine reaches them, and what it thinks of their age.
settings() {
    command -v apt-config >/dev/null || return 0
    apt-config dump | grep -E '^Acquire::(https?::.*Proxy|Check-)' || true
}

work=$(mktemp -d "${TMPDIR:-/tmp}/sealway-base.XXXXXX")
trap 'rm -rf "$work"' EXIT
sources >"$work/sources.list"
settings >"$work/apt.conf"
mirrors=()
if grep -q " $suite main" "$work/sources.list"; then
    mirrors=("$work/sources.list")
fi
echo "making $file: Debian $suite, of packages"
mkdir -p "$(dirname "$file")"
# Nothing of it has to outlive a power cut, and dpkg need not wait for the disk.
mmdebstrap --quiet --variant=minbase \
    --aptopt="$work/apt.conf" --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    "$suite" "$work/base.tar" "${mirrors[@]}"
mv "$work/base.tar" "$file.new"
mv "$file.new" "$file"
