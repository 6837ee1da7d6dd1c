# shellcheck shell=bash
# Sourced: prepare_storage CACHE DIR has buildah keep its layers in CACHE, and what lasts no longer
# than a run in DIR.  Root, in a mount namespace of its own.

# No other isolation works everywhere, in a container not least.
export BUILDAH_ISOLATION=chroot
export CONTAINERS_STORAGE_CONF

# Layers of old builds are of no more use, and nothing else takes them away.
prepare_storage() {
    local cache=$1 dir=$2
    CONTAINERS_STORAGE_CONF=$dir/storage.conf
    mkdir -p "$cache"
    if [ -d "$cache/storage" ] && [ "$(du -sm "$cache/storage" | cut -f1)" -gt 4000 ]; then
        rm -rf "$cache/storage"
    fi
    # In a container there may be an overlay already, which is no ground for another.
    local driver=overlay try
    try=$(mktemp -d "$cache/try.XXXXXX")
    mkdir "$try/lower" "$try/upper" "$try/work" "$try/merged"
    mount -t overlay -o "lowerdir=$try/lower,upperdir=$try/upper,workdir=$try/work" none "$try/merged" \
        2>/dev/null || driver=vfs
    umount "$try/merged" 2>/dev/null || true
    rm -rf "$try"
    printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' \
        "$driver" "$cache/storage" "$dir/storage" >"$CONTAINERS_STORAGE_CONF"
}
