# `tokgauge watch`: no load, or a probe now and then.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
NOBODY=http://127.0.0.1:9

check "a look without a server" exits 0 "$TOKGAUGE" watch --once "$NOBODY"
check "says that there is none, and what this machine has" sh -c 'grep -q "cannot connect to .127.0.0.1:9." "$1" && grep -q "^  RAM" "$1"' sh "$TMP/out"
check "the same as JSON" exits 0 "$TOKGAUGE" watch --once --json "$NOBODY"
check "one object: unknown is null" json "$TMP/out" '.server == null and .ram_used > 0 and .ram_available > 0 and .gtt_used == null and (.time | test("^20"))'
check "it leaves no run file" test ! -e "$XDG_STATE_HOME/tokgauge/runs"
check "both at once are refused" refuses 2 "--plain and --json exclude each other" watch --plain --json
check "a probe takes time" refuses 2 "--once and --probe exclude each other" watch --once --probe 1s
check "an option of a load" refuses 2 "--requests does not belong to 'watch'" watch --requests 5
check "not a URL" refuses 2 "is neither a command" watch nonsense
check "a reader that has had enough ends it" sh -c '[ "$("$1" watch --plain "$2" | head -n 1 | wc -l)" = 1 ]' sh "$TOKGAUGE" "$NOBODY"

check "output that cannot be written" sh -c '"$1" watch --once "$2" >/dev/full 2>"$3"; [ $? = 1 ] && grep -q "cannot write to standard output" "$3"' \
    sh "$TOKGAUGE" "$NOBODY" "$TMP/full"

start_sim --log "$TMP/sim.log" --cold 0 --step 5
check "a look at a server" exits 0 "$TOKGAUGE" watch --once "$URL"
check "has its counters, and its machine's memory" sh -c '
    grep -q "SIMULATED" "$1" && grep -q "running 0, waiting 0" "$1" && grep -q "GTT  *39.7 of 53.0 GiB, 75 %, simulated" "$1"' sh "$TMP/out"
check "watching sends nothing" test ! -s "$TMP/sim.log"
check "for a time: a line a second" exits 0 "$TOKGAUGE" watch "$URL" --plain --duration 2500ms
check "with the server's counters" contains "$TMP/out" "run 0 wait 0"
check "and still nothing is sent" test ! -s "$TMP/sim.log"

check "probes" exits 0 "$TOKGAUGE" watch "$URL" --json --probe 300ms --duration 4s --out "$TMP/watch.ndjson"
check "are short streams, one at a time" json "$TMP/sim.log" 'length >= 6 and all(.output_tokens <= 32 and .prompt_tokens < 100)' -s
tail -n 1 "$TMP/out" >"$TMP/last"
check "with their figures" json "$TMP/last" '.probes | .ok >= 5 and .failed == 0 and .ttft_p50_ms > 10 and .decode_tok_s > 50 and .decode_tok_s < 1000'
check "in the run file, which was asked for" json "$TMP/watch.ndjson" '
    (map(select(.type == "request" and .part == "probe" and .outcome == "ok")) | length) >= 5 and
    (map(select(.type == "sample")) | length) >= 3 and (map(select(.type == "server" and .server != null)) | length) == 1 and
    .[0].type == "header"' -s
check "a report of it says what it was, and of which server" sh -c '"$1" report "$2" >"$3/report.md" && grep -q "A watch: no load was made" "$3/report.md" &&
    grep -q "SIMULATED" "$3/report.md" && grep -q "| Server | vLLM" "$3/report.md" && ! grep -q "has no summary" "$3/report.md" &&
    grep -qE "Requests: [5-9]|Requests: 1[0-9]" "$3/report.md"' sh "$TOKGAUGE" "$TMP/watch.ndjson" "$TMP"
check "an existing file is not overwritten" exits 1 "$TOKGAUGE" watch "$URL" --once --out "$TMP/watch.ndjson"
stop_server

# A server that comes while it is watched, and fails.
WAIT=$TMP/wait.out
"$TOKGAUGE" watch "$URL" --json --probe 200ms >"$WAIT" 2>"$TMP/err" &
WATCHER=$!
SERVERS="$SERVERS $WATCHER"
said() { tail -n 1 "$WAIT" | jq -e "$1" >/dev/null 2>&1 && [ -s "$WAIT" ]; }
check "no server yet" within 10 said '.server == null'
start_server "$TOKGAUGE" sim --port "${URL##*:}" --cold 0 --step 5 --fault 500=0.5
check "it is found when it comes" within 20 said '.server.running != null'
check "failures of probes are told" within 20 said '.probes.failed > 0 and (.probes.last_error | test("http_5xx"))'
kill -TERM "$WATCHER" 2>/dev/null
wait "$WATCHER"
check "SIGTERM ends it: 143" same "$?" 143

cat >"$TMP/script" <<'END'
wait "WATCH"
wait "simulated"
wait "39.7 / 53.0 GiB"
key +
wait "nothing to"
key 1
wait "run"
key 7
wait "log"
key q
expect-exit 0
restored
END
check "on the screen: memory first, keys of the load do nothing" "$PTY" 100 30 xterm-256color "$TOKGAUGE" watch "$URL" <"$TMP/script"
# The machine of a simulated server goes with it.
"$TOKGAUGE" watch "$URL" --json >"$TMP/gone.out" 2>"$TMP/err" &
WATCHER=$!
SERVERS="$SERVERS $WATCHER"
last() { tail -n 1 "$TMP/gone.out" >"$TMP/last" && [ -s "$TMP/last" ] && jq -e "$1" "$TMP/last" >/dev/null 2>&1; }
check "a simulated machine" within 15 last '.gtt_used != null and .gtt_simulated'
stop_server
check "is unknown when its server has gone" within 15 last '.gtt_used == null and .ram_used == null'
start_server "$TOKGAUGE" sim --port "${URL##*:}" --cold 0 --step 5 --model another
check "one that comes back is asked again what it is" within 20 last '.server.model == "another" and .gtt_used != null'
kill -TERM "$WATCHER"
wait "$WATCHER"

check "memory looked at every five seconds" exits 0 "$TOKGAUGE" watch "$NOBODY" --json --sample-interval 5s --duration 9s
check "is known all the time" json "$TMP/out" '(length >= 4) and all(.ram_used > 0)' -s

printf 'wait "WATCH"\nkey C-c\nexpect-exit 130\nrestored\n' >"$TMP/script"
check "^C ends it: 130" "$PTY" 80 24 xterm-256color "$TOKGAUGE" watch "$URL" <"$TMP/script"

# A server that is started again on the same port: another process, perhaps with another model.
start_server "$RAWSERVER" ok
PORT=${URL##*:}
"$TOKGAUGE" watch "$URL" --json --out "$TMP/again.ndjson" >/dev/null 2>&1 &
WATCHER=$!
SERVERS="$SERVERS $WATCHER"
rows() { # N TYPE: the file has so many
    [ "$(jq -s "map(select(.type == \"$2\")) | length" "$TMP/again.ndjson" 2>/dev/null)" -ge "$1" ]
}
check "a server is found" within 15 rows 1 server
stop_server
start_server "$RAWSERVER" ok --port "$PORT"
check "the new process is told" within 20 rows 1 process
check "and it is asked again what it is" within 20 rows 2 server
samples() { [ "$(jq -s 'map(select(.type == "sample")) | length' "$TMP/again.ndjson" 2>/dev/null)" -ge "$1" ]; }
check "five seconds later" within 20 samples $(($(jq -s 'map(select(.type == "sample")) | length' "$TMP/again.ndjson") + 5))
check "it was asked no more than twice, and each line names a process that was there" json "$TMP/again.ndjson" '
    map(select(.type == "server")) | length <= 3 and (.[-1].server_process.pid != .[0].server_process.pid) and (.[-1].server_process.pid != null)' -s
kill -TERM "$WATCHER"
wait "$WATCHER"
check "the watch goes on until it is stopped" same "$?" 143
"$TOKGAUGE" report "$TMP/again.ndjson" >"$TMP/again.md" 2>&1
check "a report tells of the restart once" same "$(grep -c "Started again" "$TMP/again.md")" 1

# A page of counters that takes longer than a look of the screen: one that has not come yet is nobody's silence.
FIX=$TESTS_DIR/fixtures
cp "$FIX/vllm-2026-metrics.txt" "$TMP/page"
start_server "$RAWSERVER" ok --late 700 --page "/metrics=$TMP/page"
"$TOKGAUGE" watch "$URL" --json --out "$TMP/late.ndjson" >"$TMP/late.out" 2>&1 &
WATCHER=$!
SERVERS="$SERVERS $WATCHER"
latest() { tail -n 1 "$TMP/late.out" >"$TMP/last" && [ -s "$TMP/last" ] && jq -e "$1" "$TMP/last" >/dev/null 2>&1; }
looks() { [ "$(jq -s 'map(select(.type == "server")) | length' "$TMP/late.ndjson" 2>/dev/null)" -"$1" "$2" ]; }
check "its counters are known" within 15 latest '.server.running != null'
: >"$TMP/page"
check "then none" within 20 latest '.server.running == null'
cp "$FIX/vllm-2026-metrics.txt" "$TMP/page"
check "then they are back, and it is asked again what it is" within 20 looks ge 2
check "and its counters are known again" within 15 latest '.server.running != null'
samples() { [ "$(jq -s 'map(select(.type == "sample")) | length' "$TMP/late.ndjson" 2>/dev/null)" -ge "$1" ]; }
now=$(jq -s 'map(select(.type == "sample")) | length' "$TMP/late.ndjson")
check "four seconds later" within 15 samples $((now + 4))
check "it was asked that once, not on and on" looks eq 2
kill -TERM "$WATCHER"
wait "$WATCHER"
stop_server

# Addresses of this machine that are no loopback name.
start_sim --host 0.0.0.0 --cold 0 --step 2
check "the address that stands for all is this machine" exits 0 "$TOKGAUGE" run "http://0.0.0.0:${URL##*:}" -n 1 --max-tokens 2 --json --out "$TMP/all.ndjson"
check "so its memory is the server's" json "$TMP/all.ndjson" '.[0].system.is_the_servers == true' -s
stop_server

# What listens here is only the near end of a tunnel: the server is on another machine, and so is its memory.
cp "$RAWSERVER" "$TMP/ssh"
start_server "$TMP/ssh" ok --gap 0
check "a server at the far end of a tunnel" exits 0 "$TOKGAUGE" run "$URL" -n 2 --max-tokens 3 --json --out "$TMP/tunnel.ndjson"
check "this machine's memory is not the server's" json "$TMP/out" '.memory_gib.not_the_servers == true'
check "its process is not either" json "$TMP/tunnel.ndjson" '.[0] | .system.is_the_servers == false and
    (.server_process | .pid == null and .proxy == "ssh" and .command == null and (.why | test("on another machine")))' -s
"$TOKGAUGE" report "$TMP/tunnel.ndjson" >"$TMP/tunnel.md"
check "the report says so" contains "$TMP/tunnel.md" "The server's own is not known"
"$TOKGAUGE" watch "$URL" -d 10s --json --out "$TMP/tunnel-watch.ndjson" >/dev/null 2>&1
check "a watch knows it too" json "$TMP/tunnel-watch.ndjson" 'map(select(.type == "server")) | .[-1].is_the_servers == false' -s
stop_server
