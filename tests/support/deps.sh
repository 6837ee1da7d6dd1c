#!/usr/bin/env bash
# deps.sh PURPOSE... - install the Debian packages that are missing for a purpose.
#
# Purposes: build, test, demo, bench, chart, ci, cluster, e2e, image, m32, stacks, browsers (each
# includes what it builds on).
# Silent when nothing is missing.  Needs root or sudo only when something is.
set -eu

build='gcc make pkg-config libc6-dev libevent-dev libcurl4-openssl-dev libcjson-dev libssl-dev
       libyaml-dev uthash-dev ca-certificates git'
run='openssl curl python3 iproute2 procps'
test="libcmocka-dev $run locales prometheus python3-prometheus-client gnutls-bin nftables tshark"
bench='nginx-light libnginx-mod-stream haproxy sniproxy strace util-linux'
stacks='libnss3-tools libmbedtls-dev nginx-light libnginx-mod-stream'
e2e='openssl iproute2 python3 python3-yaml util-linux'
chart='python3 python3-yaml prometheus'
cluster='conntrack containerd containernetworking-plugins curl nftables nginx-light
         procps prometheus python3-grpcio runc'
image='buildah crun golang-github-containers-common mmdebstrap python3-jsonschema python3-pip'
browsers='libnss3-tools chromium firefox-esr'
ci='clang clang-tidy clang-format libclang-rt-14-dev valgrind cppcheck shellcheck universal-ctags'

# A language is taken from Debian where there is none yet.
for language in go:golang-go java:default-jre-headless node:nodejs; do
    command -v "${language%%:*}" >/dev/null || stacks="$stacks ${language#*:}"
done
cargo --version >/dev/null 2>&1 || stacks="$stacks cargo-web rustc-web" # rustup's may have none to run
command -v go >/dev/null || e2e="$e2e golang-go" chart="$chart golang-go" bench="$bench golang-go"

wanted=
for purpose in "$@"; do
    case $purpose in
        build) wanted="$wanted $build" ;;
        test) wanted="$wanted $build $test" ;;
        demo) wanted="$wanted $build $run nginx-light" ;;
        bench) wanted="$wanted $build $run $bench" ;;
        stacks) wanted="$wanted $build $run gnutls-bin $stacks" ;;
        chart) wanted="$wanted $build $chart" ;;
        e2e) wanted="$wanted $build $e2e" ;;
        cluster) wanted="$wanted $build $e2e $image $cluster" ;;
        browsers) wanted="$wanted $browsers" ;;
        image) wanted="$wanted $run util-linux $image" ;;
        m32) wanted="$wanted $build gcc-multilib" ;;
        ci) wanted="$wanted $build $test $ci" ;;
        *)
            echo "deps.sh: $purpose: no such purpose; there are build, test, demo, bench, chart," \
                "ci, cluster, e2e, image, m32, stacks and browsers" >&2
            exit 2
            ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "deps.sh: not Debian, so nothing is installed; wanted:$(echo "$wanted" | tr -s ' \n' ' ')" >&2
    exit 0
fi

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = 'install ok installed' ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "deps.sh: these packages are missing, and installing them takes root:$missing" >&2
    exit 1
fi
echo "installing$missing"
# What is installed starts no service of its own meanwhile, unless somebody has said which may.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ] && [ ! -L $policy ]; then
    trap '$as_root rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
fi
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
