#!/usr/bin/env bash
# `make image` finds the builder that works and tells it what to do: with stand-ins that only write
# down what they are asked.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/sealway-builders.XXXXXX")
trap 'rm -rf "$dir"' EXIT
failed=0

# stand_in NAME WORD: does all but the command WORD, which fails.
stand_in() {
    mkdir -p "$dir/bin"
    cat >"$dir/bin/$1" <<SCRIPT
#!/bin/sh
echo "$1 \$*" >>"$dir/asked"
for word in "\$@"; do
    case \$word in
        docker-archive:*) word=\${word#docker-archive:} && : >"\${word%%:*}" ;;
        */image.tar.new) : >"\$word" ;;
    esac
done
[ "\$1" != "$2" ]
SCRIPT
    chmod +x "$dir/bin/$1"
}

# With VARIABLE=VALUE...; of builders only the stand-ins are there.
run() {
    rm -f "$dir/asked" "$dir/image.tar"
    /usr/bin/env -i PATH="$dir/bin" HOME="$dir" IMAGE=mine/sealway TAG=9.9 VERSION=9.9 COMMIT=abc \
        ARCHIVE="$dir/image.tar" "$@" /bin/bash deploy/image/build.sh >"$dir/said" 2>&1
}

holds() {
    local name=$1
    shift
    if "$@"; then
        echo "ok $name"
    else
        failed=1
        echo "FAIL $name"
        sed 's/^/     /' "$dir/said" "$dir/asked"
    fi
}

asked() { grep -qxF -- "$1" "$dir/asked"; }
said() { grep -qF -- "$1" "$dir/said"; }

# Commands of the system that the script needs.
mkdir -p "$dir/bin"
for tool in dirname mkdir rm mv; do
    ln -s "$(command -v $tool)" "$dir/bin/$tool"
done
name=mine/sealway:9.9
args="--build-arg BASE=debian:12-slim --build-arg VERSION=9.9 --build-arg COMMIT=abc --tag $name"

run 
holds without_a_builder_it_says_what_to_install said 'tests/support/deps.sh image'

stand_in docker info
stand_in podman none
stand_in buildah none
run 
holds a_docker_that_does_not_answer_is_passed_over asked "podman build $args ."
holds podman_writes_the_archive_under_its_name \
    asked "podman push --quiet $name docker-archive:$dir/image.tar.new:$name"

run BUILDER=docker
holds a_builder_that_was_asked_for_and_fails_is_an_error said 'docker is not installed, or does not answer'
run BUILDER=make
holds an_unknown_builder_is_an_error said 'is none of docker, podman, buildah'

stand_in docker none
run BUILD_FLAGS='--no-cache --pull'
holds docker_comes_first asked "docker build $args --no-cache --pull ."
holds docker_writes_the_archive asked "docker save --output $dir/image.tar.new $name"
holds the_archive_is_there test -e "$dir/image.tar"

run BUILDER=buildah BASE=other:1
holds buildah_keeps_layers asked "buildah build ${args/debian:12-slim/other:1} --layers ."
exit $failed
