#!/bin/sh
# soak.sh [SECONDS]: one long run against the simulator, by default of ten minutes, with every kind of fault among its answers:
# what the program's memory (RSS), open files and threads do, how fast its run file grows, and that it ends well.  Fails where RSS
# grows by 1 MiB or more (a sanitizer's own memory is not judged) after the first three minutes, by when all values are there that are
# kept one by one (after the first minute of a run of less than five); where more files are open in the end than a minute after the
# beginning; or where another number of threads runs.  Takes its time, so `make test` leaves it out.
#
#   SOAK_STREAMS=N   streams (8); together they get 2,000 tok/s or a little less     SOAK_FAULTS=SHARE   of the requests (0.05)
set -u
SECONDS_WANTED=${1:-600}
STREAMS=${SOAK_STREAMS:-8}
FAULTS=${SOAK_FAULTS:-0.05}
FROM=180
[ "$SECONDS_WANTED" -ge 300 ] || FROM=60
TOKGAUGE=${TOKGAUGE:-$PWD/tokgauge}
TMP=$(mktemp -d "${TMPDIR:-/tmp}/tokgauge-soak.XXXXXX") || exit 1
export HOME="$TMP" XDG_STATE_HOME="$TMP/state"
trap 'kill "$sim" "$run" 2>/dev/null; rm -rf "$TMP"' EXIT
trap 'exit 130' INT TERM
run=
# A step serves every stream one token.
step=$(awk -v n="$STREAMS" 'BEGIN { ms = n / 2; print (ms > 10 ? ms : 10) }')
each=$(awk -v share="$FAULTS" -v kinds="$("$TOKGAUGE" sim --list-faults | wc -l)" 'BEGIN { printf "%.6f", share / kinds }')
"$TOKGAUGE" sim --port 0 --step "$step" --step-seq 0 --cold 0 --prefill-rate 1000000 --max-num-seqs "$STREAMS" --fault "all=$each" \
    --fault-after 1 >"$TMP/sim.log" 2>&1 &
sim=$!
until grep -q 'listening on' "$TMP/sim.log"; do
    kill -0 "$sim" || { cat "$TMP/sim.log"; exit 1; }
    sleep 0.1
done
URL=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$TMP/sim.log")
"$TOKGAUGE" run "$URL" --plain -c "$STREAMS" --context 32 --max-tokens 128 --timeout 30s --stall 30s --duration "${SECONDS_WANTED}s" \
    --out "$TMP/run.ndjson" >"$TMP/out" 2>"$TMP/err" &
run=$!

rss() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$run/status" 2>/dev/null; }
# count FOLDER: entries of a folder of the process, 0 when it has gone
count() {
    set -- "/proc/$run/$1"/*
    [ -e "$1" ] && echo $# || echo 0
}

# A look a second; of open files the least of ten seconds is compared, for a stream that waits after a failure has none.
first='' most=0 last=0 begun=$(date +%s) fds_first=999999 fds_last=999999 fds_most=0 threads_first=0 threads_last=0
while now=$(rss) && [ -n "$now" ]; do
    passed=$(($(date +%s) - begun)) fds=$(count fd) threads=$(count task)
    if [ -z "$first" ] && [ "$passed" -ge "$FROM" ]; then
        first=$now
    fi
    if [ "$passed" -ge 60 ] && [ "$passed" -lt 70 ]; then
        [ "$fds" -ge "$fds_first" ] || fds_first=$fds
        threads_first=$threads
    fi
    if [ "$passed" -ge $((SECONDS_WANTED - 10)) ] && [ "$passed" -lt "$SECONDS_WANTED" ]; then
        [ "$fds" -ge "$fds_last" ] || fds_last=$fds
        threads_last=$threads
    fi
    last=$now
    [ "$fds" -le "$fds_most" ] || fds_most=$fds
    [ -z "$first" ] || [ "$now" -le "$most" ] || most=$now
    [ "$passed" -lt $((SECONDS_WANTED + 120)) ] || break
    sleep 1
done
wait "$run"
status=$?
run=
tail -n 20 "$TMP/err"
sed -n '/output rate/,$p' "$TMP/out"
size=$(wc -c <"$TMP/run.ndjson")
echo "RSS after $FROM s ${first:-?} KiB, at most $most KiB from then on, $last KiB at the end; run file $((size / 1024)) KiB"
[ "$status" = 0 ] || { echo "soak: exit status $status"; exit 1; }
if [ -z "$first" ] || [ "$fds_last" = 999999 ]; then
    echo "soak: shorter than 70 s: nothing to judge"
    exit 0
fi
echo "open files: at least $fds_first after a minute, $fds_last at the end, at most $fds_most; threads: $threads_first, then $threads_last"
bad=0
case $(ldd "$TOKGAUGE") in
*asan* | *tsan*) ;;
*) [ $((most - first)) -lt 1024 ] || { echo "soak: RSS has grown by $((most - first)) KiB"; bad=1; } ;;
esac
[ "$fds_last" -le $((fds_first + 2 + STREAMS / 20)) ] || { echo "soak: open files have grown from $fds_first to $fds_last"; bad=1; }
[ "$threads_last" = "$threads_first" ] || { echo "soak: threads have gone from $threads_first to $threads_last"; bad=1; }
exit "$bad"
