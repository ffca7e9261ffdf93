# How a run without a dashboard ends: by itself, by ^C, by a signal; what is printed and what is kept.
. "$TESTS_DIR/e2e/lib.sh"
start_sim --cold 0 --step 10 --max-num-seqs 4

begun() {
    grep -q '"sample"' "$1" 2>/dev/null && grep -q '"state":"load"' "$1"
}

# stopped SIGNAL STATUS
stopped() {
    "$TOKGAUGE" run "$URL" --json -c 4 --duration 60s --max-tokens 50 --context 64 --out "$TMP/$1.ndjson" \
        >"$TMP/out.json" 2>"$TMP/err" &
    pid=$!
    check "$1: the load begins" within 10 begun "$TMP/$1.ndjson"
    sent=$(date +%s%N)
    kill -s "$1" "$pid"
    wait "$pid"
    status=$?
    took=$((($(date +%s%N) - sent) / 1000000))
    check "$1: exit status $2" same "$status" "$2"
    check "$1: the summary is printed" json "$TMP/out.json" '.ended_by == "stopped" and .requests.cancelled <= 4'
    check "$1: what was in flight is cancelled, not failed" json "$TMP/out.json" '.requests.failed == 0'
    check "$1: the run file ends with the summary" json "$TMP/$1.ndjson" '.[-1].type == "summary"' -s
    late=$(jq -s '(map(select(.type == "event" and (.text | startswith("stopped"))) | .t) | min) as $t
        | map(select(.outcome == "cancelled") | (.end - $t) / 1e6) | max // 0 | round' "$TMP/$1.ndjson")
    check "$1: transfers are cancelled at once ($late ms)" test "$late" -lt 1000
    check "$1: it ends soon ($took ms)" test "$took" -lt 3000
}
stopped TERM 143
# A shell without job control starts background commands with INT ignored; the program must hear ^C all the same.
stopped INT 130
stopped HUP 129

"$TOKGAUGE" run "$URL" --plain -c 2 --duration 1s --max-tokens 5 --context 64 >"$TMP/plain" 2>"$TMP/plain.err"
check "plain: ends with status 0" same $? 0
check "plain: progress lines" contains "$TMP/plain" " load "
check "plain: the summary" contains "$TMP/plain" "output rate"
check "plain: the run file is named" contains "$TMP/plain" "run file"
check "plain: nothing on stderr" same "$(cat "$TMP/plain.err")" ""
check "plain: no escape sequences" sh -c '! grep -q "$(printf "\\033")" "$1"' sh "$TMP/plain"
LC_ALL=C "$TOKGAUGE" run "$URL" --plain -n 2 --max-tokens 5 --context 64 >"$TMP/ascii" 2>&1
check "LC_ALL=C: plain ASCII" sh -c '! LC_ALL=C tr -d "\000-\177" <"$1" | grep -q .' sh "$TMP/ascii"
LC_ALL=C LC_NUMERIC=de_DE.UTF-8 "$TOKGAUGE" run "$URL" --json -n 2 --max-tokens 5 --context 64 >"$TMP/locale.json" 2>/dev/null
check "JSON has decimal points in any locale" json "$TMP/locale.json" '.ttft_ms.mean > 0'

# ---- the demo ----

"$TOKGAUGE" demo --json --duration 1s --max-num-seqs 2 --max-tokens 8 >"$TMP/demo.json" 2>"$TMP/demo.err"
check "demo: one command, a whole summary" json "$TMP/demo.json" '.simulated and .requests.ok > 0 and .max_num_seqs == 2'
check "demo: its file says that it is simulated" json "$(jq -r .run_file "$TMP/demo.json")" '.[0].simulated' -s

# The simulator must not outlive a demo that is killed outright.
"$TOKGAUGE" demo --json --duration 60s >/dev/null 2>&1 &
pid=$!
child_of() {
    CHILD=$(pgrep -P "$1" 2>/dev/null | head -n 1)
    [ -n "$CHILD" ]
}
check "demo: has a child" within 10 child_of "$pid"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
gone() {
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}
check "demo: the child dies with its parent" within 5 gone "$CHILD"

# ---- a client that was held up must not blame the server ----

"$TOKGAUGE" run "$URL" --json -c 2 -d 3s --max-tokens 20 --context 64 --out "$TMP/held.ndjson" >"$TMP/held.json" 2>/dev/null &
pid=$!
check "a run that will be stopped for a while: it begins" within 10 begun "$TMP/held.ndjson"
kill -STOP "$pid"
sleep 1 # what is measured is this second
kill -CONT "$pid"
wait "$pid"
check "held up for a second: the run is client-limited" json "$TMP/held.json" '.client.limited and (.client.reason | test("lag"))'

"$TOKGAUGE" run "$URL" --json -c 2 -d 4s --max-tokens 20 --context 64 --out "$TMP/late.ndjson" >"$TMP/late.json" 2>/dev/null &
pid=$!
check "a run that will be stopped across its end: it begins" within 10 begun "$TMP/late.ndjson"
kill -STOP "$pid"
sleep 5 # longer than the load
kill -CONT "$pid"
wait "$pid"
check "held up across the end of the load: client-limited too" json "$TMP/late.json" '.client.limited'

# ---- a closed or full stdout ----

for how in --json --plain; do
    "$TOKGAUGE" run "$URL" $how -n 2 --max-tokens 5 --context 64 >/dev/full 2>"$TMP/full.err"
    check "$how: a summary that cannot be written is a failure" same $? 1
    check "$how: and is said" contains "$TMP/full.err" "cannot write the summary"
done

check "a reader that leaves does not kill the run" sh -c '"$1" run "$2" --plain -n 3 --max-tokens 5 --context 64 --out "$3" | true' \
    sh "$TOKGAUGE" "$URL" "$TMP/pipe.ndjson"
check "its run file is whole" json "$TMP/pipe.ndjson" '.[-1].type == "summary"' -s

# ---- a name server that does not answer, for two minutes ----

env DNS_SILENT=120 LD_PRELOAD="$FAKEGPU_PRELOAD_FIRST $PWD/$BUILD/tests/tools/libasleep.so" \
    "$TOKGAUGE" run http://silent.invalid:8000 --plain -n 1 >"$TMP/silent.out" 2>"$TMP/silent.err" &
pid=$!
check "a name server that is silent: it is asked" within 20 contains "$TMP/silent.out" "asking the server"
kill -TERM "$pid"
ended() { ! kill -0 "$pid" 2>/dev/null; }
check "the end does not wait for it" within 20 ended
