#!/usr/bin/env bash
# serve.sh ARCHIVE COMMIT - run the image as a restricted pod is run, and route real TLS through it.
#
# Everything is in namespaces of its own, so that nothing outlives it: processes, mounts, addresses.
set -u
cd "$(dirname "$0")" || exit 1
if [ "${INSIDE:-}" != yes ]; then
    exec env INSIDE=yes unshare --net --mount --pid --fork --kill-child --mount-proc -- \
        "$PWD/$(basename "$0")" "$@"
fi
archive=$1
commit=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/sealway-image-run.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap : PIPE
crun=(crun --root "$dir/state" --cgroup-manager disabled)
failed=0

# Says whether a command holds; what went wrong is shown.
holds() {
    local name=$1
    shift
    if "$@" >"$dir/said" 2>&1; then
        echo "ok $name"
    else
        failed=1
        echo "FAIL $name"
        sed 's/^/     /' "$dir/said" "$dir/serve.log" | tail -n 30
    fi
}

# Until a command succeeds: 60 s at most.
soon() {
    local deadline=$((SECONDS + 60))
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}

make_files() {
    mkdir "$dir/mounts" "$dir/mounts/manifests"
    echo '127.0.0.1 localhost' >"$dir/mounts/hosts"
    cat >"$dir/mounts/manifests/shop.yaml" <<'YAML'
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop}
spec:
  ingressClassName: sealway
  rules:
  - host: shop.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 443}}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{name: tls, port: 443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: tls, port: 9443}]
endpoints: [{addresses: [127.0.0.2]}]
YAML
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=shop.test \
        -addext subjectAltName=DNS:shop.test -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
}

# Answers each line with the line backwards.
start_backend() {
    openssl s_server -accept 127.0.0.2:9443 -cert "$dir/cert.pem" -key "$dir/key.pem" -rev -quiet \
        >"$dir/backend.log" 2>&1 &
    soon listening 127.0.0.2:9443
}

listening() { [ -n "$(ss -Hltn "src $1")" ]; }

start_image() {
    ./bundle.py "$archive" "$dir/bundle" "$dir/mounts" serve --manifests /mounts/manifests \
        --drain-delay 500ms || return
    "${crun[@]}" run --bundle "$dir/bundle" sealway >"$dir/serve.log" 2>&1 &
    runtime=$!
    soon ready || return
    inside=$("${crun[@]}" state sealway | sed -n 's/^ *"pid": \([0-9]*\).*/\1/p')
    [ -n "$inside" ]
}

ready() { curl -fsS --max-time 2 http://127.0.0.1:10254/readyz >"$dir/ready" 2>&1; }
not_ready() { ! ready; }

# A connection that stays: what is written into fd 5 is sent, answers stand in $dir/answers.
open_connection() {
    mkfifo "$dir/words"
    openssl s_client -connect "127.0.0.1:8443" -servername shop.test -CAfile "$dir/cert.pem" \
        -verify_return_error -verify_hostname shop.test -quiet <"$dir/words" >"$dir/answers" 2>&1 &
    client=$!
    exec 5>"$dir/words"
}

answered() {
    echo "$1" >&5
    soon grep -qx "$2" "$dir/answers"
}

# Nobody's certificate and no answer, but the alert that says so: RFC 6066 section 3, 112.
refused() {
    openssl s_client -connect 127.0.0.1:8443 -servername other.test </dev/null >"$dir/other" 2>&1
    grep -q 'unrecognized name' "$dir/other"
}

# One line of what the kernel says of the process.
status_is() { grep -E "^$1:" "/proc/$inside/status" | tee /dev/stderr | grep -qE "^$1:$2$"; }

root_is_read_only() { awk '$5 == "/" { print $6 }' "/proc/$inside/mountinfo" | grep -E '(^|,)ro(,|$)'; }

version_is() {
    "${crun[@]}" exec sealway /usr/bin/sealway version | tee /dev/stderr | grep -qx "commit $commit"
}

# By a name that only the container's /etc/hosts has.
asks_by_name() {
    "${crun[@]}" exec sealway /usr/bin/sealway routes --admin http://localhost:10254 |
        tee /dev/stderr | grep -q shop.test
}

# Long before --drain-timeout, once its client is gone.
ends_with_zero() {
    kill "$client"
    soon gone "$runtime" && wait "$runtime"
}

gone() { ! kill -0 "$1"; }

# The runtime refuses a hierarchy half of version 1, even to leave it alone.
hide_cgroups() {
    if [ -d /sys/fs/cgroup/unified ]; then
        mount -t cgroup2 none /sys/fs/cgroup
    fi
}

ip link set lo up
hide_cgroups
make_files
holds the_backend_listens start_backend
holds the_image_becomes_ready start_image
holds it_runs_as_its_own_user status_is Uid '(\s+64646){4}'
holds it_has_no_capability status_is 'Cap(Inh|Prm|Eff|Bnd|Amb)' '\s+0{16}'
holds it_gains_no_privilege status_is NoNewPrivs '\s+1'
holds it_is_under_seccomp status_is Seccomp '\s+2'
holds its_root_is_read_only root_is_read_only
holds it_says_its_commit version_is
holds it_finds_names_of_the_hosts_file asks_by_name
open_connection
holds tls_reaches_the_backend answered 'routed' 'detuor'
holds an_unknown_name_is_refused refused
"${crun[@]}" kill sealway TERM
holds a_signal_makes_it_unready soon not_ready
holds the_connection_goes_on_while_it_drains answered 'drained' 'deniard'
holds it_ends_with_the_last_connection ends_with_zero
exit $failed
