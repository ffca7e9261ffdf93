# The memory guard: a simulated server whose memory grows with its load.
. "$TESTS_DIR/e2e/lib.sh"
start_sim --kv-gib-per-1k 1 --step 3 --prefill-rate 100000 --cold 0 --no-prefix-cache
guarded() {
    "$TOKGAUGE" run "$URL" --json -c 4 --context 1k --max-tokens 3000 -d 20s --out "$TMP/$1.ndjson" --guard "$2"
}
# 53.0 GiB in all, 39.7 at rest: four streams of 1,024 tokens take 4 more
check "the load is stopped: exit status 4" exits 4 guarded stopped 12GiB
check "with one line that says why" sh -c '
    grep -E "^tokgauge: stopped by the memory guard: GTT has [0-9.]+ GiB left, less than the 12.0 GiB that --guard keeps free$" "$1"' sh "$TMP/err"
check "the summary is there, and says so" json "$TMP/out" '.ended_by == "guard" and (.guard | test("^GTT has")) and .requests.ended > 0'
check "in time: no more than a sample below the line while requests are sent" json "$TMP/stopped.ndjson" '
    map(select(.type == "sample" and .state == "load" and .gtt_used != null and 53.0 - .gtt_used / 1073741824 < 12)) | length <= 1' -s
check "what is in flight is cancelled when that does not help" json "$TMP/stopped.ndjson" '
    map(select(.type == "event") | .text) as $t |
    ($t | any(test("^guard: .*no more requests"))) and ($t | any(test("^guard: memory is still short")))' -s
check "a mark says when" json "$TMP/stopped.ndjson" 'map(select(.type == "mark" and .text == "guard")) | length == 1' -s
check "the run file is whole" json "$TMP/stopped.ndjson" '.[-1].type == "summary" and .[-1].ended_by == "guard"' -s
check "the report tells of it" sh -c '"$1" report "$2" | grep -q "memory guard.*GTT has"' sh "$TOKGAUGE" "$TMP/stopped.ndjson"

quick() {
    "$TOKGAUGE" run "$URL" --json -c 4 -n 8 --context 256 --max-tokens 200 "$@"
}
check "enough left: it does not act" exits 0 quick --guard 2GiB
check "by default it does not act either" exits 0 quick
check "off" exits 0 quick --guard off --out "$TMP/off.ndjson"
check "more than there is at the start: half of that is the line, said once" sh -c '
    "$1" run "$2" --json -c 1 -n 2 --context 64 --max-tokens 500 --guard 100GiB --out "$3" >/dev/null 2>&1 &&
    jq -es "map(select(.type == \"event\" and (.text | test(\"GTT has only 13.3 GiB left at the start: the guard stops the load at 6.\")))) |
        length == 1" "$3"' sh "$TOKGAUGE" "$URL" "$TMP/half.ndjson"
# Sending is over, the answers are not, and memory grows with them.
drained() { # four streams of 3,000 tokens: 11.7 GiB on top of 39.7 of 53.0
    "$TOKGAUGE" run "$URL" --json -c 4 --context 16 --max-tokens 3000 -d 1s --drain 100s --out "$TMP/$1.ndjson" --guard "$2"
}
check "while the last answers come, it stops them: exit status 4" exits 4 drained drain 6GiB
check "the answers that were cut are told" json "$TMP/out" '.ended_by == "guard" and .requests.cancelled > 0'
check "the load had ended by itself before" json "$TMP/drain.ndjson" '
    (map(select(.type == "sample" and .state == "drain")) | length) >= 1 and (map(select(.type == "mark" and .text == "guard")) | length) == 1' -s

check "not a size" refuses 2 "--guard 'much' is neither a size (2GiB, 512MiB) nor 'off'" run "$URL" --guard much
check "none at all" refuses 2 "--guard '0' is out of range" run "$URL" --guard 0

# RAM that cannot be read for a moment, and is nearly full afterwards: the line is still where it was.
start_server "$RAWSERVER" ok
mkdir -p "$TMP/proc/self"
ram() { printf 'MemTotal: 64000000 kB\nMemFree: %d kB\nMemAvailable: %d kB\nAnonPages: 2000000 kB\n' "$1" "$1" >"$TMP/proc/new" && mv "$TMP/proc/new" "$TMP/proc/meminfo"; }
ram 32000000
(within 30 grep -qs '"state":"load"' "$TMP/line.ndjson"; rm "$TMP/proc/meminfo"; sleep 0.5; ram 1500000) &
check "a line stays where it was drawn" exits 4 "$TOKGAUGE" run "$URL" --json -c 1 --context 16 --max-tokens 8 -d 60s --guard 4GiB --out "$TMP/line.ndjson" --proc-root "$TMP/proc"
