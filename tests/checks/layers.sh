#!/usr/bin/env bash
# Which way includes point: a module sees those below it, siblings never see each other, and each
# library is known only where it is wrapped.
set -u
cd "$(dirname "$0")/../.." || exit 1

declare -A sees=(
    [base]="base"
    [tls]="tls base"
    [route]="route base"
    [model]="model base"
    [manifest]="manifest model base"
    [kube]="kube base"
    [proxy]="proxy route tls base"
    [admin]="admin base"
    [controller]="controller manifest kube model route base"
    [app]="app controller admin proxy manifest kube model route tls base"
    [cmd]="app controller admin proxy manifest kube model route tls base"
)
# What a system include is called, and which modules may name it.
declare -A wrapped=(
    ["curl/"]="kube cmd"
    ["yaml.h"]="manifest"
    ["event2/"]="kube manifest controller proxy admin app"
    ["cjson/"]="base model manifest kube controller admin"
    ["openssl/"]="kube"
)

bad=0
complain() {
    echo "$1"
    bad=1
}

check_file() {
    local module=$1 file=$2 line included library
    while IFS= read -r line; do
        included=$(sed -E 's/.*#include "([a-z0-9_]+)\/.*/\1/' <<<"$line")
        [[ " ${sees[$module]} " == *" $included "* ]] ||
            complain "$file:${line%%:*}: $module must not see $included"
    done < <(grep -nE '^#include "[a-z0-9_]+/' "$file")
    # The one file that tells the versions of all libraries.
    [ "$file" = cmd/sealway/version.c ] && return
    for library in "${!wrapped[@]}"; do
        [[ " ${wrapped[$library]} " == *" $module "* ]] && continue
        line=$(grep -nE "^#include <${library/./\\.}" "$file") &&
            complain "$file:${line%%:*}: $module must not use <$library"
    done
}

for dir in src/*/ include/*/; do
    module=$(basename "$dir")
    [ -n "${sees[$module]:-}" ] || complain "$dir: a module that is not in the table"
    for file in "$dir"*.[ch]; do
        if [ -e "$file" ]; then check_file "$module" "$file"; fi
    done
done
for file in cmd/sealway/*.[ch]; do
    check_file cmd "$file"
done

[ $bad -eq 0 ] && echo "ok layers"
exit $bad
