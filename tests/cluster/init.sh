#!/usr/bin/env bash
# init.sh DIRECTORY PROGRAM - process 1 of a node, in namespaces of its own.
#
# Makes a root for the node: what it needs of this machine bound into an empty one, so that no
# component finds the paths that are another's, or leaves anything in them.  Then it has each of
# DIRECTORY/unit run whenever DIRECTORY/wanted names it, and starts what has ended again, as an init
# system would.  All of this, mounts and processes, ends with this process.
set -eu
dir=$1
program=$2
group=$(cat "$dir/cgroup")

# The kubelet writes these, which are the whole machine's, unless they are what it wants; it is
# shown files that say so.
sysctls='vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1
         kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000'

# bind PATH [AS]: the same file or directory in the new root.
bind() {
    local as=$root${2:-$1}
    if [ -d "$1" ]; then
        mkdir -p "$as"
    else
        mkdir -p "$(dirname "$as")"
        touch "$as"
    fi
    mount --rbind "$1" "$as"
}

make_root() {
    local name
    root=$dir/root
    mkdir -p "$root"
    mount -t tmpfs -o mode=755 node "$root"
    mkdir -p "$root"/{old,opt,proc,root,run,tmp,var/lib,var/log}
    ln -s ../run "$root/var/run"
    for name in bin sbin lib lib32 lib64 libx32; do
        if [ -L "/$name" ]; then
            cp -a "/$name" "$root/$name"
        elif [ -d "/$name" ]; then
            bind "/$name"
        fi
    done
    for name in /usr /etc /dev /sys; do
        bind $name
    done
    bind "$program" /kube
    mkdir -p "$root$dir"
    mount --bind "$dir" "$root$dir"
    mount -t proc proc "$root/proc"
}

show_sysctls() {
    local each file
    mkdir -p /run/sysctl
    for each in $sysctls; do
        file=/run/sysctl/${each//\//.}
        echo "${each#*=}" >"$file"
        [ ! -e "/proc/sys/${each%=*}" ] || mount --bind "$file" "/proc/sys/${each%=*}"
    done
}

# One group in every hierarchy there is; of version 2 it is one.  To the machine all pods together
# are else one task, and wait for others where it is busy.
make_cgroups() {
    local hierarchy file hierarchies=(/sys/fs/cgroup/*/)
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || hierarchies=(/sys/fs/cgroup)
    for hierarchy in "${hierarchies[@]}"; do
        [ -e "$hierarchy/cgroup.procs" ] || continue
        if [ -e "$hierarchy/cgroup.controllers" ]; then
            sed 's/[a-z]*/+&/g' "$hierarchy/cgroup.controllers" \
                >"$hierarchy/cgroup.subtree_control" 2>/dev/null || true
        fi
        mkdir -p "$hierarchy/$group"
        for file in cpu.shares=10240 cpu.weight=1000; do
            [ ! -e "$hierarchy/$group/${file%=*}" ] ||
                echo "${file#*=}" >"$hierarchy/$group/${file%=*}"
        done
    done
}

# The components are a session, which the kernel takes for one task, too.
come_first() {
    { echo -10 >/proc/self/autogroup; } 2>/dev/null || true
}

keep() {
    local name=$1
    while :; do
        if [ -e "wanted/$name" ]; then
            sh "unit/$name" >>"log/$name.log" 2>&1 </dev/null &
            echo $! >"pid/$name.new"
            mv "pid/$name.new" "pid/$name"
            wait $! || true
            rm -f "pid/$name"
        fi
        sleep 0.1
    done
}

make_root
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
mount --make-rshared / # to the containers of the node, and no further
cd "$dir"
show_sysctls
make_cgroups
come_first
hostname node
sysctl -q -w net.ipv4.ip_forward=1

for unit in unit/*; do
    keep "${unit#*/}" &
done
touch initialised
while :; do
    wait || true
done
