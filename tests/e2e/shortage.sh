# What this machine itself has run out of is no failure of the server's: it is called what it is, and the run client-limited.
. "$TESTS_DIR/e2e/lib.sh"

judge() { # NAME WORDS
    check "$1: what could not be sent is the client's" json "$TMP/out.json" \
        '.requests.by_outcome.client > 0 and (.requests.by_outcome | has("connect") | not) and .requests.ok > 0'
    check "$1: and limits the run" json "$TMP/out.json" '.client.limited and (.client.reason | test("could not be sent"))'
    check "$1: it is said what is missing" contains "$TMP/err" "$2"
    check "$1: the server is not said to be away" lacks "$TMP/err" 'no answer since'
}

start_sim --step 5 --cold 0 --max-num-seqs 40 --close-after
"$TOKGAUGE" run "$URL" --json -c 40 --duration 10s --context 16 --max-tokens 20 >"$TMP/out.json" 2>"$TMP/err" &
run=$!
answered() { grep -q 'ok [1-9]' "$TMP/err"; }
within 20 answered
prlimit --pid "$run" --nofile=30:30
wait "$run"
judge files 'no file left for another connection (ulimit -n)'
stop_server

# A network of its own, where such a shortage is cheap to make.
if unshare -rn true 2>/dev/null; then
    cat >"$TMP/alone" <<'SCRIPT'
ip link set lo up && echo '40000 40039' >/proc/sys/net/ipv4/ip_local_port_range || exit
. "$TESTS_DIR/e2e/lib.sh"
start_sim --step 5 --cold 0 --max-num-seqs 100
"$TOKGAUGE" run "$URL" --json -c 80 -n 160 --context 16 --max-tokens 20 >"$1.json" 2>"$1"
SCRIPT
    if command -v ip >/dev/null && unshare -rn sh "$TMP/alone" "$TMP/ports"; then
        mv "$TMP/ports.json" "$TMP/out.json"
        mv "$TMP/ports" "$TMP/err"
        judge ports 'no port left for another connection (net.ipv4.ip_local_port_range)'
    fi
else
    echo '# no network of its own can be had here: a shortage of ports is not tried'
fi
