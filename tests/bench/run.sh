#!/usr/bin/env bash
# Sealway side by side with nginx stream: CPU time of the proxy per unit of work.  See README.md.
#
# QUICK=1 takes fewer rounds and less of everything (about a minute); ROUNDS=n sets their number.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
sealway=${SEALWAY_BIN:-build/sealway}
out=build/bench
PATH=$PATH:/usr/sbin:/sbin

if [[ ${QUICK:-0} == 1 ]]; then
    rounds=${ROUNDS:-2} short=6000 rr=60000 bulk=$((1 << 30)) idle=2000
else
    rounds=${ROUNDS:-5} short=20000 rr=200000 bulk=$((4 << 30)) idle=9000
fi
hosts=1000
backends=8
backend_port=7000
peers=(nginx nginx-64k sealway sealway-first-fin)
declare -A port=([nginx]=7001 [nginx-64k]=7002 [sealway]=7003 [sealway-first-fin]=7004)
declare -A pid=()

die() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

build() {
    mkdir -p "$out"
    local flags=(-O2 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Iinclude -Itests)
    "${CC:-cc}" "${flags[@]}" -o "$out/bench_backend" tests/bench/bench_backend.c
    "${CC:-cc}" "${flags[@]}" -o "$out/bench_load" tests/bench/bench_load.c \
        tests/support/hello_builder.c src/base/attr.c
}

# A network namespace of our own: no other traffic, and a congestion control without pacing timers.
enter_namespace() {
    local tool
    for tool in nginx python3 taskset unshare ip; do
        command -v "$tool" >/dev/null || die "$tool is not installed (tests/support/deps.sh bench)"
    done
    [[ -x $sealway ]] || die "$sealway is not there; run make first"
    build
    if unshare -n true 2>/dev/null; then
        exec unshare -n "$0" --inside
    fi
    unshare -rn true 2>/dev/null || die "no network namespace: run as root, or allow user namespaces"
    exec unshare -rn "$0" --inside
}

set_up_network() {
    ip link set lo up
    sysctl -qw net.ipv4.tcp_congestion_control=reno net.ipv4.ip_local_port_range="1024 65535" \
        net.ipv4.tcp_tw_reuse=1
    sysctl -qw net.core.somaxconn=16384 2>/dev/null || true
    # The ports of the programs lie in that range too; no client may get one.
    sysctl -qw net.ipv4.ip_local_reserved_ports=7000-7010
    ulimit -n "$(ulimit -Hn)"
}

backend_ip() { echo "127.0.0.$((10 + $1 % backends))"; }

write_manifests() {
    local i dir=$out/manifests
    rm -rf "$dir"
    mkdir -p "$dir"
    for ((i = 0; i < backends; i++)); do
        cat <<YAML
---
apiVersion: v1
kind: Service
metadata: {name: b$i, namespace: bench}
spec: {ports: [{name: tls, port: 443, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: b$i-1, namespace: bench, labels: {kubernetes.io/service-name: b$i}}
addressType: IPv4
ports: [{name: tls, port: $backend_port, protocol: TCP}]
endpoints: [{addresses: ["$(backend_ip "$i")"], conditions: {ready: true}}]
YAML
    done >"$dir/backends.yaml"
    for ((i = 0; i < hosts; i++)); do
        printf -- '---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: h%03d, namespace: bench}
spec:
  ingressClassName: sealway
  rules:
  - host: h%03d.bench.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: b%d, port: {number: 443}}}}]}
' "$i" "$i" $((i % backends))
    done >"$dir/hosts.yaml"
}

write_nginx() { # PEER BUFFER MULTI_ACCEPT
    local i module=/usr/lib/nginx/modules/ngx_stream_module.so
    {
        [[ -e $module ]] && echo "load_module $module;"
        cat <<CONF
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile $(ulimit -Hn);
pid $out/$1.pid;
events { worker_connections 20000; multi_accept $3; }
stream {
    map_hash_max_size 4096;
    map_hash_bucket_size 128;
    map \$ssl_preread_server_name \$backend {
CONF
        for ((i = 0; i < hosts; i++)); do
            printf '        h%03d.bench.test %s:%d;\n' "$i" "$(backend_ip "$i")" "$backend_port"
        done
        cat <<CONF
    }
    server {
        listen 127.0.0.1:${port[$1]} reuseport backlog=16384;
        ssl_preread on;
        proxy_buffer_size $2;
        proxy_pass \$backend;
    }
}
CONF
    } >"$out/$1.conf"
}

start_peer() {
    case $1 in
    nginx*)
        taskset -c 0 nginx -e stderr -p "$root" -c "$root/$out/$1.conf" 2>"$out/$1.log" &
        ;;
    sealway | sealway-first-fin)
        local half_close=on
        [[ $1 == sealway ]] || half_close=off
        taskset -c 0 "$sealway" serve --manifests "$out/manifests" --workers 1 \
            --listen "127.0.0.1:${port[$1]}" --admin 127.0.0.1:0 --access-log off --half-close $half_close \
            --drain-delay 0s --drain-timeout 1s >"$out/$1.log" 2>&1 &
        ;;
    esac
    pid[$1]=$!
    wait_for_port "$1" 127.0.0.1 "${port[$1]}"
}

wait_for_port() { # NAME IP PORT
    for _ in {1..200}; do
        (exec 3<>"/dev/tcp/$2/$3") 2>/dev/null && return
        sleep 0.05
    done
    die "$1 does not listen; see $out/$1.log"
}

stop_peer() {
    kill -TERM "${pid[$1]}" 2>/dev/null || true
    wait "${pid[$1]}" 2>/dev/null || true
    unset "pid[$1]"
}

stop_all() {
    local name
    for name in "${!pid[@]}"; do
        stop_peer "$name"
    done
}

# -P for the process and each of its children (nginx's worker).
pid_options() {
    local children
    read -r -a children <"/proc/${pid[$1]}/task/${pid[$1]}/children" || true
    printf -- '-P %d ' "${pid[$1]}" "${children[@]}"
}

measure() { # ROUND PEER MODE CONNECTIONS UNITS
    local line pids
    read -r -a pids <<<"$(pid_options "$2")"
    line=$(taskset -c 1 "$out/bench_load" -m "$3" -a 127.0.0.1 -p "${port[$2]}" -c "$4" -n "$5" \
        -h 3000 "${pids[@]}") || die "$2 failed in $3: $line"
    printf '{"round": %d, "peer": "%s", "result": %s}\n' "$1" "$2" "$line" >>"$out/results.jsonl"
    printf '.' >&2
}

run_rounds() {
    local round peer
    for ((round = 0; round <= rounds; round++)); do # round 0 warms up and is not counted
        for peer in "${peers[@]}"; do measure "$round" "$peer" short 64 "$short"; done
        for peer in "${peers[@]}"; do measure "$round" "$peer" rr 64 "$rr"; done
        for peer in "${peers[@]}"; do measure "$round" "$peer" down 8 "$bulk"; done
        for peer in "${peers[@]}"; do measure "$round" "$peer" up 8 "$bulk"; done
    done
}

# Memory is measured on programs that have not worked before.
run_idle() {
    local peer
    for peer in nginx sealway; do
        stop_peer "$peer"
        start_peer "$peer"
        measure 1 "$peer" idle "$idle" "$idle"
    done
}

[[ ${1:-} == --inside ]] || enter_namespace
trap stop_all EXIT
set_up_network
write_manifests
write_nginx nginx 16k off
write_nginx nginx-64k 64k on
: >"$out/results.jsonl"
taskset -c 1 "$out/bench_backend" "$backend_port" 2>"$out/backend.log" &
pid[backend]=$!
wait_for_port backend "$(backend_ip 0)" "$backend_port"
for peer in "${peers[@]}"; do start_peer "$peer"; done
run_rounds
run_idle
printf '\n' >&2
[[ ! -s $out/backend.log ]] || die "misrouted: $(head -n 1 "$out/backend.log")"
python3 tests/bench/summary.py "$out/results.jsonl" "$out/summary.json"
