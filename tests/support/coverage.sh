#!/usr/bin/env bash
# coverage.sh BUILD_DIR - line coverage of src/ by file, from the .gcda files of a cov build.
set -eu
build=$1
find "$build/obj/src" "$build/obj/cmd" -name '*.gcda' -print0 |
    xargs -0 gcov -n 2>/dev/null |
    awk -F"[':% ]+" '
        /^File/ { file = $2 }
        /^Lines executed/ && file ~ /^(src|cmd)\// {
            lines = $NF; share = $3
            printf "%6.1f%% of %5d  %s\n", share, lines, file
            all += lines; hit += lines * share / 100
            file = ""
        }
        END { if (all) printf "%6.1f%% of %5d  in all\n", 100 * hit / all, all }' | sort -k4
