# shellcheck shell=bash
# Sourced: as_root NAMES PROGRAM ARGUMENT... goes on as the program by sudo where this is not root yet,
# with those variables of the environment (by commas), and from where what is missing is fetched.
# What is built is then root's, and kept with root's caches.
as_root() {
    local keep=$1,TMPDIR,FULL,KEEP,PATH name
    shift
    if [ "$(id -u)" -eq 0 ]; then
        # By sudo one may have a user's path and no home.
        export PATH=$PATH:/usr/sbin:/sbin HOME=${HOME:-/root}
        return
    fi
    if ! command -v sudo >/dev/null; then
        echo "${1##*/}: namespaces of its own take root: sudo $*" >&2
        exit 1
    fi
    for name in $(compgen -e); do
        case ${name,,} in
            goproxy | goflags | gosumdb | gonosumdb | goprivate | pip_* | npm_config_*) ;;
            http_proxy | https_proxy | all_proxy | no_proxy) ;;
            *) continue ;;
        esac
        keep=$keep,$name
    done
    exec sudo --preserve-env="$keep" "$@"
}
