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

# stopped_run SECONDS OPTIONS…: a run that is stopped whenever it waits, for that long after its answer has come; sets STATUS and STOPS
stopped_run() {
    stopped_s=$1
    shift
    "$TOKGAUGE" run "$URL" --json -c 1 -n 2 --warmup 0 --stamps "$@" >"$TMP/out.json" 2>"$TMP/err" &
    RUN=$!
    STOPS=0
    while within 20 at_work_or_ended && ! ended; do
        kill -STOP "$RUN"
        within 10 rests
        sleep "$stopped_s" # this is what must not be in its figures
        kill -CONT "$RUN"
        STOPS=$((STOPS + 1))
    done
    wait "$RUN"
    STATUS=$?
}

start_sim --prefill-rate 700 --cold 0 --step 1 --jitter 0
stopped_run 0.5 --max-tokens 1
check "a run that is stopped again and again ends well" same "$STATUS" 0
check "it was stopped while it waited" test "$STOPS" -ge 1
check "all answers count" json "$TMP/out.json" '.requests.ok == 2 and .stamps.arrival_us.n == 2'
check "no token is said to have come when it was read" json "$TMP/out.json" '.stamps.arrival_us.max < 300000'
check "nor an answer to have been whole then" json "$TMP/out.json" '.e2e_ms.max - .ttft_ms.max < 300'
check "that it was held up is told" json "$TMP/out.json" '.client.lag_ms.max > 300'

stopped_run 3.5 --max-tokens 1 --timeout 3s --stall 3s
check "what came while it was stopped is not late" same "$STATUS" 0
check "and counts" json "$TMP/out.json" '.requests.by_outcome == {"ok": 2} and .client.lag_ms.max > 3000'
