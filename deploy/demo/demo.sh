#!/usr/bin/env bash
# Route real TLS by server name, undecrypted, to three real backends: openssl, nginx and python.
#
# Everything runs on loopback, on free ports, in a temporary directory, and is stopped at the end;
# KEEP=1 stays up until Ctrl-C.  Needs curl, openssl, nginx and python3.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
sealway=${SEALWAY_BIN:-$root/build/sealway}
[[ $sealway = /* ]] || sealway=$PWD/$sealway
dir=$(mktemp -d "${TMPDIR:-/tmp}/sealway-demo.XXXXXX")
pids=()
names=()

bold='' plain=''
[[ ! -t 1 ]] || bold=$'\e[1m' plain=$'\e[0m'

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

die() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# Debian puts nginx where an ordinary user's PATH does not look.
PATH=$PATH:/usr/sbin

require_tools() {
    local tool missing=()
    for tool in curl openssl nginx python3; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    ((${#missing[@]} == 0)) || die "not installed: ${missing[*]} (tests/support/deps.sh demo installs them)"
    [[ -x $sealway ]] || die "$sealway is not there; run make first"
}

# Run a program in the background; its output goes to NAME.log.
start() {
    local name=$1
    shift
    "$@" >"$dir/$name.log" 2>&1 &
    pids+=($!)
    names+=("$name")
}

# Stop all we started, by pid, and see that each is gone.
stop_all() {
    local i pid left=0
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        pid=${pids[i]}
        kill -TERM "$pid" 2>/dev/null || true
        for _ in {1..100}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL "$pid" 2>/dev/null && left=$((left + 1))
        wait "$pid" 2>/dev/null || true
    done
    pids=()
    return "$left"
}

clean_up() {
    local status=$?
    trap - EXIT INT TERM
    if ((status != 0 && status < 128)); then
        printf '\ndemo: failed; what the programs wrote last:\n' >&2
        tail -n 5 "$dir"/*.log >&2 2>/dev/null || true
    fi
    stop_all || true
    rm -rf "$dir"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Wait until program NAME, the INDEXth we started, accepts connections; thirty seconds at most.
until_open() { # INDEX NAME ADDRESS PORT
    for _ in {1..600}; do
        (exec 3<>"/dev/tcp/$3/$4") 2>/dev/null && return
        kill -0 "${pids[$1]}" 2>/dev/null || die "$2 ended by itself"
        sleep 0.05
    done
    die "$2 did not come up within thirty seconds"
}

# One free port for each of the addresses given.
free_ports() {
    python3 - "$@" <<'PY'
import socket, sys
held = []
for address in sys.argv[1:]:
    s = socket.socket()
    s.bind((address, 0))
    held.append(s)
print(*(s.getsockname()[1] for s in held))
PY
}

make_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 \
        -subj "/CN=Sealway demo CA" -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
}

# make_cert FILE HOST: a key and a certificate for HOST in one file, signed by our CA.
make_cert() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$2" \
        -keyout "$dir/$1.key" -out "$dir/$1.csr" 2>/dev/null
    openssl x509 -req -in "$dir/$1.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial \
        -days 2 -extfile <(printf 'subjectAltName=DNS:%s' "$2") -out "$dir/$1.crt" 2>/dev/null
    cat "$dir/$1.key" "$dir/$1.crt" >"$dir/$1.pem"
}

start_openssl() { # ADDRESS PORT
    mkdir "$dir/openssl"
    echo "openssl s_server" >"$dir/openssl/who"
    (cd "$dir/openssl" && exec openssl s_server -quiet -WWW -accept "$1:$2" -cert "$dir/shop.pem") \
        >"$dir/openssl.log" 2>&1 &
    pids+=($!)
    names+=(openssl)
}

start_nginx() { # ADDRESS PORT, and a second pair for the green shop
    mkdir "$dir/nginx"
    cat >"$dir/nginx.conf" <<CONF
daemon off;
master_process off;
worker_processes 1;
pid $dir/nginx.pid;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path $dir/nginx/body;
    proxy_temp_path $dir/nginx/proxy;
    fastcgi_temp_path $dir/nginx/fastcgi;
    uwsgi_temp_path $dir/nginx/uwsgi;
    scgi_temp_path $dir/nginx/scgi;
    default_type text/plain;
    server {
        listen $1:$2 ssl;
        ssl_certificate $dir/api.pem;
        ssl_certificate_key $dir/api.pem;
        location / { return 200 "nginx\n"; }
    }
    server {
        listen $3:$4 ssl;
        ssl_certificate $dir/shop.pem;
        ssl_certificate_key $dir/shop.pem;
        location / { return 200 "nginx, the new shop\n"; }
    }
}
CONF
    start nginx nginx -e stderr -p "$dir/nginx" -c "$dir/nginx.conf"
}

start_python() { # ADDRESS PORT
    cat >"$dir/backend.py" <<'PY'
import http.server, ssl, sys

class Who(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"python http.server\n")

server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Who)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
PY
    start python python3 "$dir/backend.py" "$1" "$2" "$dir/tenant.pem"
}

start_sealway() {
    start sealway "$sealway" serve --manifests "$dir/manifests" --listen 127.0.0.1:0 \
        --admin 127.0.0.1:0 \
        --drain-delay 0s --drain-timeout 2s --ports-file "$dir/ports.json"
    for _ in {1..600}; do
        # The file appears once connections are accepted.
        [[ ! -s $dir/ports.json ]] || break
        kill -0 "${pids[-1]}" 2>/dev/null || die "sealway ended by itself"
        sleep 0.05
    done
    [[ -s $dir/ports.json ]] || die "sealway did not come up within thirty seconds"
    port=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["listen"][0].rsplit(":", 1)[1])' "$dir/ports.json")
}

# Ask HOST through Sealway, verifying its certificate against our CA and its name.
ask() {
    curl -sS --max-time 10 --cacert "$dir/ca.pem" --connect-to "$1:443:127.0.0.1:$port" \
        "https://$1/who"
}

# The subject of the certificate HOST shows; the chain and the name must verify.
subject() {
    openssl s_client -connect "127.0.0.1:$port" -servername "$1" -CAfile "$dir/ca.pem" \
        -verify_return_error -verify_hostname "$1" </dev/null 2>/dev/null |
        openssl x509 -noout -subject | sed 's/^subject=//'
}

row() { printf '  %-24s %-22s %s\n' "$@"; }

show_routes() {
    local host who cert
    say "Who answers, and whose certificate the client verified:"
    row HOST "ANSWERED BY" CERTIFICATE
    for host in shop.demo.test api.demo.test a.tenant.demo.test; do
        who=$(ask "$host")
        cert=$(subject "$host")
        row "$host" "$who" "$cert"
    done
}

expect_alert() {
    local host=$1 said
    say "A name nobody claims ($host) is answered by the alert of RFC 6066:"
    said=$(openssl s_client -connect "127.0.0.1:$port" -servername "$host" </dev/null 2>&1 |
        grep -o 'tlsv1 unrecognized name.*' || true)
    [[ $said == *"alert number 112"* ]] || die "no unrecognized_name alert for $host"
    printf '  %s\n' "${said/:*:/, }"
}

# Give shop.demo.test another backend by replacing one file, and watch for the new answer.
move_shop() { # ADDRESS PORT
    local began ended
    say "Moving shop.demo.test to another backend: one manifest is replaced, nothing restarts."
    sed -E "s/127\.0\.0\.2/$1/; s/port: ${ports[0]}\$/port: $2/" "$dir/manifests/shop.yaml" \
        >"$dir/shop.new"
    began=$(date +%s%N)
    mv "$dir/shop.new" "$dir/manifests/shop.yaml"
    until [[ $(ask shop.demo.test) == "nginx, the new shop" ]]; do
        (($(date +%s%N) - began < 30000000000)) ||
            die "the new route did not appear within thirty seconds"
    done
    ended=$(date +%s%N)
    row shop.demo.test "$(ask shop.demo.test)" "$(subject shop.demo.test)"
    printf '  routed there %d ms after the file changed (curl included)\n' \
        $(((ended - began) / 1000000))
}

stay_up() {
    trap 'exit 0' INT TERM
    say "Up until Ctrl-C.  Try:"
    cat <<TXT
  curl --cacert $dir/ca.pem --connect-to api.demo.test:443:127.0.0.1:$port https://api.demo.test/who
  openssl s_client -connect 127.0.0.1:$port -servername x.tenant.demo.test -CAfile $dir/ca.pem -brief
  \$EDITOR $dir/manifests/shop.yaml        # a change is served within a second
  tail -f $dir/sealway.log                # the access log
TXT
    while kill -0 "${pids[-1]}" 2>/dev/null; do
        sleep 1
    done
    die "sealway ended by itself"
}

require_tools
say "Certificates for three hosts from a CA of our own, in $dir"
make_ca
make_cert shop shop.demo.test
make_cert api api.demo.test
make_cert tenant '*.tenant.demo.test'

read -r -a ports < <(free_ports 127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5)
say "Three backends, three different programs, each ending TLS by itself:"
start_openssl 127.0.0.2 "${ports[0]}"
start_nginx 127.0.0.3 "${ports[1]}" 127.0.0.5 "${ports[3]}"
start_python 127.0.0.4 "${ports[2]}"
row shop.demo.test "openssl s_server" "127.0.0.2:${ports[0]}"
row api.demo.test nginx "127.0.0.3:${ports[1]}"
row '*.tenant.demo.test' "python http.server" "127.0.0.4:${ports[2]}"
for i in 0 1 2; do
    until_open "$i" "${names[i]}" "127.0.0.$((i + 2))" "${ports[i]}"
done

# The manifests as committed, but for the ports, which are free ones.
mkdir "$dir/manifests"
for i in shop:18443:0 api:18444:1 tenant:18445:2; do
    IFS=: read -r file committed index <<<"$i"
    sed "s/port: $committed\$/port: ${ports[index]}/" "$root/deploy/demo/$file.yaml" \
        >"$dir/manifests/$file.yaml"
done
cp "$root/deploy/demo/ingressclass.yaml" "$dir/manifests/"

say "sealway serve --manifests $dir/manifests"
start_sealway
printf '  listens on 127.0.0.1:%s and holds no key and no certificate\n' "$port"
show_routes
expect_alert nobody.demo.test
move_shop 127.0.0.5 "${ports[3]}"

if [[ ${KEEP:-0} == 1 ]]; then
    stay_up
fi
stop_all || die "$? of the programs had to be killed"
say "Everything is stopped.  Done."
