#!/bin/sh
# run.sh [SECONDS [TARGET…]]: builds the fuzz targets with clang and lets each run for so long (60), from the recorded streams, the
# themes and its own seeds on.  What it finds is left in build/fuzz/; `build/fuzz/fuzz_stream FILE` shows it again.  What it has
# learned stays in build/fuzz/corpus-TARGET, and the next run goes on from there.
set -eu
SECONDS_EACH=${1:-60}
[ $# = 0 ] || shift
OUT=build/fuzz
LIBS=$OUT/clang # where the Makefile puts what is instrumented so
make -j "$(nproc)" CC=clang SAN=fuzz "$LIBS/libcore.a" "$LIBS/libui.a"
# shellcheck disable=SC2046  # names without spaces
[ $# -gt 0 ] || set -- $(find tests/fuzz -name 'fuzz_*.c' | sort | sed 's|.*/||; s|\.c$||')

# shellcheck disable=SC2046  # lists of flags
compile() {
    clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -I. -Isrc -Itests -pthread \
        $(pkg-config --cflags libcurl libevent libcjson libdrm inih) -o "$OUT/$1" "tests/fuzz/$1.c" "$LIBS/libui.a" "$LIBS/libcore.a" \
        $(pkg-config --libs libcurl libevent_core libevent_extra libevent_pthreads libcjson libdrm libdrm_amdgpu inih ncursesw) -lm
}

# The binary table of a GPU, as short as each version may be: its size, format and content, then nothing that is told.
gpu_tables() {
    for table in '170 000 001 003 120' '170 000 002 001 120' '200 000 002 002 128' '250 000 002 004 168' '010 001 003 000 264'; do
        # shellcheck disable=SC2086  # five numbers
        set -- $table
        # shellcheck disable=SC2059  # octal bytes
        { printf "\\$1\\$2\\$3\\$4"; head -c $(($5 - 4)) /dev/zero | tr '\0' '\377'; } >"$OUT/corpus-fuzz_host/gpu-$3-$4"
    done
}

# What the tables of options say, for the targets that read such words.
sed -n 's/^ *{"\([a-z0-9-]\{2,\}\)".*/"\1"/p' src/options_table.c | sort -u >"$OUT/options.dict"

for name; do
    compile "$name"
    mkdir -p "$OUT/corpus-$name"
    for seed in tests/fixtures/* themes/*.theme; do # the first byte is the target's own
        { printf x; cat "$seed"; } >"$OUT/corpus-$name/$(basename "$seed")"
    done
    for seed in tests/fuzz/seeds/"$name"*; do
        [ ! -e "$seed" ] || cp "$seed" "$OUT/corpus-$name/"
    done
    dict=''
    case $name in
    fuzz_host) gpu_tables ;;
    fuzz_options | fuzz_config) dict=-dict=$OUT/options.dict ;;
    esac
    # shellcheck disable=SC2086  # a flag or none
    "$OUT/$name" -max_total_time="$SECONDS_EACH" -max_len=20000 -print_final_stats=1 -verbosity=0 $dict \
        -artifact_prefix="$OUT/" "$OUT/corpus-$name" >"$OUT/$name.log" 2>&1 || { tail -n 40 "$OUT/$name.log"; exit 1; }
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/$name.log") inputs, nothing found"
done
