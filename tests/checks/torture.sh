#!/usr/bin/env bash
# A source file that asks for memory has a test in which there is none.
#
# It asks when its object calls an allocator, an arena, a buffer, or what makes something in here, in
# libevent, libyaml, cJSON or libcurl.  Its test program is tests/unit/test_<file>.c, or
# test_conn_<file>.c where an integration test has that name.  Whether each call was made to fail is
# for `make cov`.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}

asks='^((m|c|re)alloc|aligned_alloc|strn?dup|v?asprintf|open_memstream)$'
asks="$asks|^arena_(alloc|calloc|strn?dup)\$|^buf_(append|printf|reserve)|^[a-z]+_new\$"
asks="$asks|^(event|evbuffer|evhttp|evconnlistener|bufferevent)_.*new|^evhttp_(add|bind|start)"
asks="$asks|^yaml_parser_(initialize|parse)\$|^cJSON_(Parse|Create|Print|Add|Duplicate)"
asks="$asks|^curl_(easy_(escape|init)|multi_init|slist_append|url(_set)?)\$"
answers='failalloc_(torture|arm)\(|translate_torture\(|failsys_fail\('

# What another test program refuses memory, and which.
declare -A elsewhere=(
    [src/controller/report.c]=test_reportmake      # a report is made by both together
    [src/controller/reportcount.c]=test_reportmake # and counted
    [src/controller/eventtopics.c]=test_eventlog   # a whole life of it
    [src/kube/execspawn.c]=test_kubeexec           # started and ended
    [src/kube/kubeconfigexec.c]=test_kubeconfig    # a file with all there is, as is the next
    [src/kube/kubeconfiguser.c]=test_kubeconfig
    [cmd/sealway/adminclient.c]=test_command_memory # whole commands, as are the next
    [cmd/sealway/paths.c]=test_command_memory
    [cmd/sealway/snapshot.c]=test_command_memory
)

bad=0
seen=0
for object in "$B"/obj/src/*/*.o "$B"/obj/cmd/*/*.o; do
    source=${object#"$B/obj/"}
    source=${source%.o}.c
    [ -e "$source" ] || continue # its source is gone
    nm -u "$object" | awk '{ print $2 }' | grep -qE "$asks" || continue
    seen=$((seen + 1))
    name=$(basename "$source" .c)
    test=tests/unit/${elsewhere[$source]:-test_$name}.c
    if ! cat "$test" "tests/unit/test_conn_$name.c" 2>/dev/null | grep -qE "$answers"; then
        echo "$source: asks for memory, and no test refuses it: $test"
        bad=1
    fi
done

if [ $seen -eq 0 ]; then
    echo "$B: nothing is built yet; run make first"
    bad=1
fi
[ $bad -eq 0 ] && echo "ok torture"
exit $bad
