# Counters that go and come back: with a server that stands in for it, and with one that is started in another way.
. "$TESTS_DIR/e2e/lib.sh"
FIX=$TESTS_DIR/fixtures
echo '{"object":"list","data":[{"id":"m","object":"model","owned_by":"llamacpp"}]}' >"$TMP/models"
with_page() { # PORT
    start_server "$RAWSERVER" ok --gap 0 --port "$1" --page "/v1/models=$TMP/models" --page "/metrics=$FIX/llamacpp-2026-metrics.txt"
    PORT=${URL##*:}
}
without_page() { # PORT
    start_server "$RAWSERVER" ok --gap 0 --port "$1" --page "/v1/models=$TMP/models" --log "$TMP/without$1.log"
    PORT=${URL##*:}
}
run() { # OUT
    "$TOKGAUGE" run "$URL" --json -c 1 -d 50s --max-tokens 3 --context 32 --rows none --out "$TMP/$1.ndjson" >/dev/null 2>&1 &
    RUN=$!
    within 20 grep -qs '"type":"sample".*"state":"load"' "$TMP/$1.ndjson"
}
ends() {
    kill -INT $RUN
    wait $RUN
    stop_server
}
counts() { # OUT: the newest sample has gauges of the page
    tail -n 40 "$1" | grep '"type":"sample"' | tail -n 1 | grep -q '"server_waiting":[0-9]'
}
silent() {
    ! counts "$1"
}

with_page 0
run gone
check "a server that counts" within 20 counts "$TMP/gone.ndjson"
stop_server
without_page "$PORT"
check "one in its place is asked for them" within 20 grep -qs 'GET /metrics' "$TMP/without$PORT.log"
check "and has none" within 20 silent "$TMP/gone.ndjson"
stop_server
with_page "$PORT"
check "what comes back is read again" within 25 counts "$TMP/gone.ndjson"
ends

without_page 0
run late
check "one that has none is not asked again and again" within 20 grep -qs 'GET /slots' "$TMP/without0.log"
stop_server
with_page "$PORT"
check "until it was started anew, with counters" within 25 counts "$TMP/late.ndjson"
check "it was asked once before" same "$(grep -c 'GET /metrics' "$TMP/without0.log")" 1
ends
