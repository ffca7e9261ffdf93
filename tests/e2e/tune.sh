# The server started with each setting, loaded, stopped, ranked; and every way in which a setting can fail.
. "$TESTS_DIR/e2e/lib.sh"
tune() { # OUT ARGS…
    tune_out=$1
    shift
    "$TOKGAUGE" tune --json --context 64 --max-tokens 16 -n "${TUNE_N:-16}" --out "$TMP/$tune_out" "$@" >"$TMP/$tune_out.json" 2>"$TMP/$tune_out.err"
}
SIM="'$TOKGAUGE' sim --port {port} --cold 0 --overhead 1 --prefill-rate 400000"
settings() { # OUT EXPRESSION
    json "$TMP/$1.json" ".settings | $2"
}
no_server() { # of those that these tests start
    ! pgrep -f "$TMP/marker|sim --port [0-9]+ --cold 0 --overhead 1 --prefill-rate 400000.*--jitter 0.0$1" >/dev/null
}

ranked() { # a busy machine may blur parts of a second each: then once more
    rm -rf "$TMP/ranked"
    TUNE_N=8 tune ranked --launch "$SIM --max-num-seqs {max_num_seqs} --step {step} --step-seq 0 --jitter 0.01" --set max_num_seqs=1,4 --set step=4,30
    settings ranked 'map(.setting) == ["max_num_seqs=4 step=4", "max_num_seqs=1 step=4", "max_num_seqs=4 step=30", "max_num_seqs=1 step=30"]
        and all(.state == "ok" and .ok == 8)' && json "$TMP/ranked.json" '.ranked_by == "output_tok_s" and .settings[0].output_tok_s > 2 * .settings[1].output_tok_s'
}
check "all settings, the best first, by the output rate" within 60 ranked
check "with what was left of memory" settings ranked 'all(.headroom > 0 and .headroom_of == "GTT" and .start_s > 0)'
check "each has its run file" json "$TMP/ranked/03.ndjson" 'map(select(.type == "header"))[0].label == "max_num_seqs=4 step=4"' -s
check "and its server's output" contains "$TMP/ranked/01.log" "listening on"
check "which is in the log" contains "$TMP/ranked.err" "| listening on"
check "no server is left" within 5 no_server 1

goodput() { # once more as well
    rm -rf "$TMP/goodput"
    tune goodput --launch "$SIM --max-num-seqs {n} --step 10 --jitter 0.02" --set n=1,8 -c 8 --slo ttft=120ms
    json "$TMP/goodput.json" '.ranked_by == "goodput_per_s" and .settings[0].setting == "n=8" and .settings[0].slo_met_share > .settings[1].slo_met_share'
}
check "by goodput, where there are objectives" within 60 goodput

"$TOKGAUGE" tune --plain --launch "$SIM --step 20 --jitter 0.05 --max-num-seqs {n}" --set n=2,4 --slo ttft=5s --find-capacity --budget 2s -c 2 --context 64 --max-tokens 32 \
    --out "$TMP/undecided" >"$TMP/undecided.out" 2>&1
check "what each setting got is said: of a search, where it began" contains "$TMP/undecided.out" "each with a search for the capacity from 2 streams · context 64 · output 32 tokens"
check "a search that was not over is neither met nor missed" contains "$TMP/undecided.out" "undecided, the time did not suffice: no setting is known to meet the objectives, but these may: n=2 (not known), n=4 (not known); a longer --budget"

"$TOKGAUGE" tune --plain --launch "$SIM --step 5 --jitter 0.06 --max-num-seqs {n}" --set n=4 --rate 8 -n 16 --context 64 --max-tokens 8 --out "$TMP/rate" >"$TMP/rate.out" 2>&1
check "of an open loop its rate is said" contains "$TMP/rate.out" "with 8 requests/s (poisson), at most 256 streams · context 64 · output 8 tokens"

# ---- settings that fail ----

cat >"$TMP/marker.sh" <<'END'
# a server that fails in the way that it is told
case $1 in
ends) echo "out of memory on device 0"; exit 3 ;;
silent) echo "loading"; exec sleep 600 ;;
stubborn) trap '' TERM; "$2" sim --port "$3" --cold 0 --overhead 1 --prefill-rate 400000 --step 2 & while :; do sleep 1; done ;;
dies) "$2" sim --port "$3" --cold 0 --overhead 1 --prefill-rate 400000 --step 200 & pid=$!; sleep 6; echo "Segmentation fault"; kill $pid; exit 139 ;;
*) exec "$2" sim --port "$3" --cold 0 --overhead 1 --prefill-rate 400000 --step 2 ;;
esac
END
tune failing --launch "sh $TMP/marker.sh {how} '$TOKGAUGE' {port}" --set how=ends,silent,stubborn,dies,well --start-timeout 15s --stop-timeout 1s
check "one that ends before it answers, with its last words" settings failing 'map(select(.setting == "how=ends"))[0] | .state == "not started" and (.why | contains("exit status 3")) and (.last_lines | contains("out of memory on device 0"))'
check "one that does not answer in time" settings failing 'map(select(.setting == "how=silent"))[0] | .state == "not started" and (.why | test("^nothing answered at http://127.0.0.1:[0-9]+ within 15 s"))'
check "one that does not want to end is killed, and counts" settings failing 'map(select(.setting == "how=stubborn"))[0] | .state == "ok"'
check "one that dies under the load" settings failing 'map(select(.setting == "how=dies"))[0] | .state == "failed" and (.why | contains("ended under the load")) and (.last_lines | contains("Segmentation fault"))'
check "the others are tried all the same, and stand first" settings failing '.[0].state == "ok" and .[1].state == "ok" and .[4].state != "ok"'
check "nothing is left of any" within 10 no_server 9

tune none --launch "sh $TMP/marker.sh ends"
check "where no setting comes through the status is 1" same $? 1

# ---- stopped ----

"$TOKGAUGE" tune --plain --launch "$SIM --step 50 --jitter 0.03 --max-num-seqs {n}" --set n=1,2 -d 60s --out "$TMP/stopped" >"$TMP/stopped.out" 2>&1 &
pid=$!
check "it loads" within 15 grep -q "answers after" "$TMP/stopped.out"
kill -INT $pid
wait $pid
check "^C: status 130" same $? 130
check "the server goes too" within 10 no_server 3
check "and what was not tried is said" contains "$TMP/stopped.out" "  not tried: stopped by the user"
check "once" lacks "$TMP/stopped.out" "stopped: "

# ---- on the screen ----

PTY=$BUILD/tests/tools/ui_pty
printf '%s\n' 'wait "starting the server"' 'wait "tune n=1"' 'key 6' 'wait "settings of the server"' 'wait "tune n=2"' 'key 7' 'wait "| listening on"' 'expect-exit 0 40' >"$TMP/script"
check "the Matrix view shows the settings, the Log view the server's output" "$PTY" 120 40 xterm-256color "$TOKGAUGE" tune --launch "$SIM --step 10 --jitter 0.04 --max-num-seqs {n}" \
    --set n=1,2 -n 60 --context 64 --max-tokens 16 --out "$TMP/screen" <"$TMP/script"

printf '%s\n' 'wait "tune n=1"' 'key R' 'wait "there is no new run to begin here"' 'key R' 'key q' 'expect-exit 0 40' >"$TMP/script"
check "R begins nothing new there, and q ends it well" "$PTY" 120 40 xterm-256color "$TOKGAUGE" tune --launch "$SIM --step 10 --max-num-seqs {n}" \
    --set n=1,2 --duration 60s --context 64 --max-tokens 16 --out "$TMP/again" <"$TMP/script"

printf '%s\n' 'wait "tune n=1"' 'wait "● LOAD"' 'key +' 'wait "decides its load itself"' 'key ]' 'key q' 'expect-exit 0 40' >"$TMP/script"
check "no key changes a load that is to be compared" "$PTY" 120 40 xterm-256color "$TOKGAUGE" tune --launch "$SIM --step 10 --max-num-seqs {n}" \
    --set n=1,2 --duration 60s --context 64 --max-tokens 16 -c 2 --out "$TMP/fixed" <"$TMP/script"
check "nor does one that is sent" json "$TMP/fixed/01.ndjson" '[.[] | select(.type == "phase") | [.max_num_seqs, .context]] == [[2, 64]]' -s

# ---- wrong usage ----

bad() { # STATUS TEXT ARGS…
    bad_status=$1 bad_text=$2
    shift 2
    "$TOKGAUGE" tune "$@" >"$TMP/out" 2>"$TMP/err"
    same $? "$bad_status" && contains "$TMP/err" "$bad_text" && same "$(wc -l <"$TMP/err")" 1
}
check "no --launch" bad 2 "'tune' needs --launch"
check "a name without values" bad 2 "no --set gives values for" --launch 'x {a}'
check "values without a name" bad 2 "is not in --launch" --launch x --set a=1
check "lists" bad 2 "lists do not go with it" --launch x -c 1,2
check "a folder that cannot be written in, before any server is started" bad 1 "cannot write in the folder '/proc'" --launch 'touch {port}' --out /proc
check "a server that goes to the background" exits 1 "$TOKGAUGE" tune --launch 'sleep 600 & : {port}' --out "$TMP/behind" --plain
check "is said to be none that can be watched" contains "$TMP/out" "goes to the background is not watched"
check "one setting is one" contains "$TMP/out" "1 setting of the server"
start_sim
check "something listens there already" bad 1 "something answers at" --launch x "$URL"
