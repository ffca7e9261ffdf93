# What a server can do to a client on the wire, case by case: the outcome that is counted, the tokens, and that nothing
# hangs, crashes or is taken for a success.  The first two requests (preflight) are served well.  What the simulator can do too is
# in faults.sh alone.
. "$TESTS_DIR/e2e/lib.sh"

# scenario, exit status, outcomes, output tokens that arrived (-: any), options
one() {
    scenario=$1 status=$2 outcomes=$3 tokens=$4
    shift 4
    start_server "$RAWSERVER" "$scenario" --good 2
    check "$scenario: exit status $status" exits "$status" "$TOKGAUGE" run "$URL" --json -c 1 -n 2 --max-tokens 3 --context 32 \
        --stall 20s --timeout 20s "$@"
    # All that is asked of the summary, by one jq: there are many scenarios.
    jq -r '(.requests.by_outcome | to_entries | map("\(.key):\(.value)") | join(",")), .tokens.output, (.ttft_ms.n // 0) == .requests.ok, .run_file' \
        "$TMP/out" >"$TMP/told"
    # A server that closes at once: whether that is an RST or a FIN depends on whether the request was there yet.
    [ "$scenario" != refuse ] || sed -i -E '1s/^((reset|truncated):[12],?)+$/broken:2/' "$TMP/told"
    { read -r got && read -r got_tokens && read -r alone && read -r run_file; } <"$TMP/told"
    check "$scenario: counted as $outcomes" same "${got:-}" "$outcomes"
    [ "$tokens" = - ] || check "$scenario: $tokens tokens" same "${got_tokens:-}" "$tokens"
    check "$scenario: latency figures of successes alone" same "${alone:-}" true
    if [ "$status" != 0 ]; then
        check "$scenario: says so in the last line" same "$(tail -n 1 "$TMP/err")" 'tokgauge: no request succeeded'
    fi
    check "$scenario: no control character comes out" sh -c \
        '! cat "$1" "$2" "$3" | LC_ALL=C tr -d "\n" | LC_ALL=C grep -q "[[:cntrl:]]"' sh "$TMP/out" "$TMP/err" \
        "${run_file:-none}"
}

cases() {
    cat <<'CASES'
ok                       0 ok:2 6
refuse                   1 broken:2 0
close-before-first-byte  1 truncated:2 0
headers-then-close       1 truncated:2 0
headers-then-hold        1 timeout:2 0 --timeout 1s
truncated-clean          1 truncated:2 6
cut-in-event             1 truncated:2 2
until-close              0 ok:2 6
bad-chunk-size           1 malformed:2 0
bad-status-line          1 malformed:2 0
length-short             0 ok:1,truncated:1 4
401                      1 http_4xx:2 0
404                      1 http_4xx:2 0
400-context              1 http_4xx:2 0
101                      1 malformed:2 0
json                     1 malformed:2 0
error-event-old          1 error_event:2 2
empty                    1 empty:2 0
nothing                  1 empty:2 0
no-output                1 empty:2 -
controls                 0 ok:2 6
half-surrogate           0 ok:2 6
usage-zero               0 ok:2 6
usage-on-finish          0 ok:2 6
no-usage                 0 ok:2 6
done-only                0 ok:2 6
finish-only              0 ok:2 6
reasoning                0 ok:2 6
crlf                     0 ok:2 6
cr                       0 ok:2 6
bom                      0 ok:2 6
pings                    0 ok:2 6
only-pings               1 empty:2 0
multi-line               0 ok:2 6
no-space                 0 ok:2 6
no-last-blank            0 ok:2 6
CASES
}

if [ "${1:-}" = --one ]; then
    # shellcheck disable=SC2086  # a row of the table
    one $2
    exit
fi
cases | xargs -P 4 -I '{}' sh "$0" --one '{}'
