#!/bin/sh
# soak.sh [SECONDS]: one long run against the simulator, by default of ten minutes: what the program's memory (RSS) does after
# the first minute, how fast its run file grows, and that it ends well.  Fails where RSS has grown by 1 MiB or more (a
# sanitizer's own memory is not judged).  Takes its time, so `make test` leaves it out.
set -u
SECONDS_WANTED=${1:-600}
TOKGAUGE=${TOKGAUGE:-$PWD/tokgauge}
TMP=$(mktemp -d "${TMPDIR:-/tmp}/tokgauge-soak.XXXXXX") || exit 1
export HOME="$TMP" XDG_STATE_HOME="$TMP/state"
trap 'kill "$sim" "$run" 2>/dev/null; rm -rf "$TMP"' EXIT
trap 'exit 130' INT TERM
run=
"$TOKGAUGE" sim --port 0 --step 10 --cold 0 --max-num-seqs 8 --fault 500=0.01 >"$TMP/sim.log" 2>&1 &
sim=$!
until grep -q 'listening on' "$TMP/sim.log"; do
    kill -0 "$sim" || exit 1
    sleep 0.1
done
URL=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$TMP/sim.log")
"$TOKGAUGE" run "$URL" --plain -c 8 --max-tokens 64 --duration "${SECONDS_WANTED}s" --out "$TMP/run.ndjson" >"$TMP/out" 2>"$TMP/err" &
run=$!

rss() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$run/status" 2>/dev/null; }
first='' most=0 last=0 begun=$(date +%s)
while now=$(rss) && [ -n "$now" ]; do
    passed=$(($(date +%s) - begun))
    if [ -z "$first" ] && [ "$passed" -ge 60 ]; then
        first=$now
    fi
    last=$now
    [ -z "$first" ] || [ "$now" -le "$most" ] || most=$now
    [ "$passed" -lt $((SECONDS_WANTED + 120)) ] || break
    sleep 1
done
wait "$run"
status=$?
run=
cat "$TMP/err"
sed -n '/output rate/,$p' "$TMP/out"
size=$(wc -c <"$TMP/run.ndjson")
echo "RSS after a minute ${first:-?} KiB, at most $most KiB from then on, $last KiB at the end; run file $((size / 1024)) KiB"
[ "$status" = 0 ] || { echo "soak: exit status $status"; exit 1; }
[ -n "$first" ] || { echo "soak: shorter than a minute: nothing to judge"; exit 0; }
case $(ldd "$TOKGAUGE") in
*asan* | *tsan*) ;;
*) [ $((most - first)) -lt 1024 ] || { echo "soak: RSS has grown by $((most - first)) KiB"; exit 1; } ;;
esac
