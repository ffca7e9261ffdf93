# When a server that tune has started is ready, and when waiting for it is in vain.
. "$TESTS_DIR/e2e/lib.sh"
tune() { # OUT LAUNCH OPTIONS…
    tune_out=$1 tune_launch=$2
    shift 2
    "$TOKGAUGE" tune --json --context 64 --max-tokens 3 -n 2 --out "$TMP/$tune_out" --launch "$tune_launch" "$@" >"$TMP/$tune_out.json" 2>"$TMP/$tune_out.err"
}
RAW="'$RAWSERVER' --port {port}"

tune loading "$RAW --loading 6 --log '$TMP/loading.log' ok"
check "a server that lists its model while it loads it is waited for" json "$TMP/loading.json" '.settings[0] | .state == "ok" and .start_s > 1'
check "it was asked for nothing before it was ready" json "$TMP/loading.log" '[.[] | .request] | length > 9 and .[0:12] == [range(6) | "GET /v1/models HTTP/1.1", "GET /health HTTP/1.1"]' -s

tune for_ever "$RAW --loading 100000 ok" --start-timeout 8s
check "one that loads for ever has its own words as the reason" json "$TMP/for_ever.json" '.settings[0] | .state == "not started" and (.why | startswith("not ready within 8 s (--start-timeout): ") and contains("Loading model"))'

tune silent 'sleep 60 # {port}' --start-timeout 1s
check "nobody there: the library's words" json "$TMP/silent.json" '.settings[0] | .state == "not started" and (.why | test("^nothing answered at http://127.0.0.1:[0-9]+ within 1 s .*refused"))'

tune key "$RAW 401" --start-timeout 600s
check "a wrong key ends the setting at once" json "$TMP/key.json" '.settings[0] | .state == "failed" and (.why | contains("refuses the API key (HTTP 401: Invalid API Key)"))'

tune model "$RAW ok" --start-timeout 600s --model another
check "so does a model that is not there" json "$TMP/model.json" '.settings[0] | .state == "failed" and (.why | contains("model '\''another'\'' is not on"))'

# A server that leaves its group is not stopped with it, and would answer for the next setting.
start_sim
PORT=${URL##*:}
stop_server
cat >"$TMP/leaves.sh" <<'END'
setsid sh -c 'echo $$ >"$1"; exec timeout 100 "$2" sim --port "$3" --cold 0' sh "$@" &
exec sleep 600
END
tune stays "sh '$TMP/leaves.sh' '$TMP/pid' '$TOKGAUGE' $PORT # {n}" "http://127.0.0.1:$PORT" --set n=1,2
kill "$(cat "$TMP/pid")"
check "a setting is not measured with the server of the one before" json "$TMP/stays.json" '.settings | (map(select(.setting == "n=1"))[0].state == "ok") and
    (map(select(.setting == "n=2"))[0] | .state == "not started" and (.why | startswith("something answers at") and contains("outlive its stop")))'

ulimit -S -n 400
tune files "ulimit -n >>'$TMP/limits'; exec '$TOKGAUGE' sim --cold 0 --port {port} # {n}" --set n=1,2
check "all servers have the limit of open files that this program was given" same "$(tr '\n' ' ' <"$TMP/limits")" "400 400 "
