#!/bin/sh
# run.sh [SECONDS]: builds the fuzz targets with clang and lets each run for so long (60), from the recorded streams and
# the themes on.  What draws is linked too, but for the terminal itself.
# What it finds is left in build/fuzz/; `build/fuzz/fuzz_stream FILE` shows it again.
set -eu
SECONDS_EACH=${1:-60}
OUT=build/fuzz
mkdir -p "$OUT"
# shellcheck disable=SC2046  # lists of flags
compile() {
    clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -I. -Isrc -pthread \
        $(pkg-config --cflags libcurl libevent libcjson libdrm inih) -o "$OUT/$1" "tests/fuzz/$1.c" \
        $(find src -name '*.c' ! -name main.c ! -path 'src/sim/*' ! -path 'src/options*.c' ! -path 'src/demo.c') \
        $(find ui -name '*.c' ! -name screen.c ! -name ui.c) \
        $(pkg-config --libs libcurl libevent_core libevent_extra libevent_pthreads libcjson libdrm libdrm_amdgpu inih) -lm
}
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    compile "$name"
    mkdir -p "$OUT/corpus-$name"
    for seed in tests/fixtures/* themes/*.theme; do # the first byte is the target's own
        { printf x; cat "$seed"; } >"$OUT/corpus-$name/$(basename "$seed")"
    done
    "$OUT/$name" -max_total_time="$SECONDS_EACH" -max_len=20000 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$OUT/" "$OUT/corpus-$name" >"$OUT/$name.log" 2>&1 || { tail -n 40 "$OUT/$name.log"; exit 1; }
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/$name.log") inputs, nothing found"
done
