# TLS is verified: a wrong name or an unknown authority ends the run in one line before anything is sent.
. "$TESTS_DIR/e2e/lib.sh"

# certificate NAME SUBJECT-ALT-NAME
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
        -addext "subjectAltName=$2" -keyout "$TMP/$1.key" -out "$TMP/$1.pem" >"$TMP/$1.log" 2>&1
}
certificate right IP:127.0.0.1
certificate wrong DNS:other.example
check "certificates are made" test -s "$TMP/right.pem" -a -s "$TMP/wrong.pem"

# tls_server NAME: `openssl s_server` answers every GET with a page of its own; sets URL
tls_server() {
    openssl s_server -accept 127.0.0.1:0 -cert "$TMP/$1.pem" -key "$TMP/$1.key" -www >"$TMP/tls.log" 2>&1 </dev/null &
    SERVER_PID=$!
    SERVERS="$SERVERS $SERVER_PID"
    within 10 grep -q '^ACCEPT 127' "$TMP/tls.log"
    URL=https://$(sed -n 's/^ACCEPT //p' "$TMP/tls.log" | head -n 1)
}

tls_server wrong
check "a name that does not match" exits 1 "$TOKGAUGE" run "$URL" --json --ca-file "$TMP/wrong.pem"
check "is said in one line" same "$(grep -vc " preflight " "$TMP/err")" 1
check "with the reason" contains "$TMP/err" "TLS certificate of '127.0.0.1"
check "that names the names" contains "$TMP/err" "alternative certificate subject name"
check "an unknown authority" exits 1 "$TOKGAUGE" run "$URL" --json
check "is said too" contains "$TMP/err" "self-signed certificate"
check "--insecure gets past it" exits 1 "$TOKGAUGE" run "$URL" --json --insecure
check "to what the server says" contains "$TMP/err" "does not look like an OpenAI-compatible server"
stop_server

tls_server right
check "the right name with its authority" exits 1 "$TOKGAUGE" run "$URL" --json --ca-file "$TMP/right.pem"
check "gets to what the server says" contains "$TMP/err" "does not look like an OpenAI-compatible server"
stop_server

# ---- what was not verified says so, in red ----

start_sim --cold 0 --step 2
check "--insecure" exits 0 "$TOKGAUGE" run "$URL" --plain --insecure -n 2 --max-tokens 4 --context 32 --out "$TMP/run.ndjson" --svg "$TMP/run.svg"
check "is in the summary" contains "$TMP/out" "TLS NOT VERIFIED"
RED=$(sed -n 's/^status\.error *= *\(#[0-9a-fA-F]*\).*/\1/p' themes/tokgauge-dark.theme)
check "on the screen" grep ">VERIFIED<" "$TMP/run.svg"
check "on a ground of red" grep -i "<rect.*fill=\"$RED\"" "$TMP/run.svg"
check "in the report" sh -c '"$1" report "$2" | grep "\*\*TLS NOT VERIFIED\*\*"' sh "$TOKGAUGE" "$TMP/run.ndjson"
check "when it is replayed" sh -c '"$1" replay "$2" --txt "$2.txt" && grep "TLS NOT VERIFIED" "$2.txt"' sh "$TOKGAUGE" "$TMP/run.ndjson"
check "and in a look" sh -c '"$1" watch --once --insecure "$2" | grep "NOT VERIFIED"' sh "$TOKGAUGE" "$URL"
