# A program that is held up blames nobody else: the first token came when the kernel has it, not when it was read.
. "$TESTS_DIR/e2e/lib.sh"

at_work() {
    curl -fsS "$URL/metrics" 2>/dev/null | grep -q '^vllm:num_requests_running.* 1$'
}
ended() {
    ! is_child "$RUN" || grep -q '^State:[[:space:]]*Z' "/proc/$RUN/status"
}
at_work_or_ended() {
    at_work || ended
}
rests() {
    ! at_work
}

start_sim --prefill-rate 700 --cold 0 --step 1 --jitter 0
"$TOKGAUGE" run "$URL" --json -c 1 -n 2 --max-tokens 1 --stamps --warmup 0 >"$TMP/out.json" 2>"$TMP/err" &
RUN=$!
STOPS=0
while within 20 at_work_or_ended && ! ended; do
    kill -STOP "$RUN"
    within 10 rests # the answer has come by now, and nobody reads it …
    sleep 0.5       # … for as long
    kill -CONT "$RUN"
    STOPS=$((STOPS + 1))
done
wait "$RUN"
check "a run that is stopped again and again ends well" same "$?" 0
check "it was stopped while it waited" test "$STOPS" -ge 1
check "all answers count" json "$TMP/out.json" '.requests.ok == 2 and .stamps.arrival_us.n == 2'
check "no token is said to have come when it was read" json "$TMP/out.json" '.stamps.arrival_us.max < 300000'
check "that it was held up is told" json "$TMP/out.json" '.client.lag_ms.max > 300'
