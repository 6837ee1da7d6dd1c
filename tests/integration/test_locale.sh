#!/usr/bin/env bash
# The locale of the environment has no say: in Turkish the small letter of I is no i, and numbers
# have a comma, but names and manifests mean the same there.
set -u
cd "$(dirname "$0")/../.." || exit 1
sealway=${SEALWAY_BIN:-build/sealway}
dir=$(mktemp -d "${TMPDIR:-/tmp}/sealway-locale.XXXXXX")
trap 'rm -rf "$dir"' EXIT

# One byte a character, so that even a byte-wise tolower() meets the dotless i.
locale=tr_TR.ISO-8859-9
if ! localedef -i tr_TR -f ISO-8859-9 "$dir/$locale" 2>/dev/null; then
    echo "             skip locale: no Turkish one can be made, the package locales is missing"
    exit 0
fi
if [ "$(LOCPATH=$dir LC_ALL=$locale locale decimal_point)" != , ]; then
    echo "             skip locale: the Turkish one that was made is not used"
    exit 0
fi

cat >"$dir/a.yaml" <<'END'
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: mixi, namespace: shop, annotations: {nginx.ingress.kubernetes.io/ssl-passthrough: 'TRUE'}}
spec:
  ingressClassName: sealway
  rules:
  - host: mixi.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 1.5}}}}]}
  - host: MIXI.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 4.43e2}}}}]}
  - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: WEBI, port: {number: 443}}}}]}
---
{"apiVersion": "v1", "kind": "SERVICE", "metadata": {"name": "WEBI"}, "spec": {"ports": [{"port": 4.43e2}]}}
---
apiVersion: networking.k8s.io/v1
kind: ingress
metadata: {name: x}
END

# Everything that is said about it, and where it leads, in one locale.
answers() {
    LC_ALL=$1 "$sealway" check --require-annotation=ON "$dir/a.yaml"
    LC_ALL=$1 "$sealway" check --require-annotation=on "$dir/a.yaml"
    echo "exit $?"
    LC_ALL=$1 "$sealway" explain MIXI.TEST. --manifests "$dir"
    echo "exit $?"
}

export LOCPATH=$dir
# The C library keeps the parts of LOCPATH for good, which is no leak of ours.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
answers C >"$dir/expected" 2>&1
answers "$locale" >"$dir/got" 2>&1
if ! grep -q 'mixi.test' "$dir/expected"; then
    echo "nothing was said of the name"
    cat "$dir/expected"
    exit 1
fi
diff "$dir/expected" "$dir/got"
