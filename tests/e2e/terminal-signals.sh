# Signals while the dashboard is up, beyond those that simply end it (terminal-ends): stops of every kind, storms, signals in
# every state, and a terminal that is lost without one.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
start_sim --model maker/Gauge-7B --cold 0 --step 10 --log "$TMP/sim.log"
RUN="$TOKGAUGE run $URL -c 2 --max-tokens 32"

# ---- stopped, and going on ----

# What the shell started is stopped, and the shell has the terminal.
cat >"$TMP/stopped" <<'E2'
#!/bin/sh
ps -o stat= --ppid "$CHILD" | grep -q '^T' && [ "$(ps -o tpgid= -p "$CHILD")" -eq "$CHILD" ]
E2
chmod +x "$TMP/stopped"

# in_shell NAME <SCRIPT: in a shell with job control, which the script ends.
in_shell() {
    in_shell_name=$1
    { printf '%s\n' 'wait "ready>"' "type $RUN" 'key Enter' 'wait LOAD' 'wait "2 of 2"'; cat; printf '%s\n' 'type exit 0' 'key Enter' 'expect-exit 0'; } >"$TMP/script"
    check "$in_shell_name" "$PTY" 80 24 xterm-256color env PS1='ready> ' ENV= dash -i <"$TMP/script"
}
in_shell "a stop that cannot be caught: fg takes the terminal's modes again and paints all" <<E2
until pkill -STOP -P \$CHILD
until $TMP/stopped
wait Stopped
# (in the program's modes Enter ends no line, but ^J does)
type stty sane
key C-j
until stty -F "\$(readlink /proc/\$CHILD/fd/0)" -a | grep -q " icanon"
type fg
key C-j
gone Stopped
wait "q quit"
key 3
wait "text"
key q
wait "run file"
restored
E2
in_shell "^Z and fg, again and again, with other sizes between" <<E2
key C-z
until $TMP/stopped
restored
resize 120 40
type fg
key Enter
wait "S save"
key C-z
until $TMP/stopped
restored
resize 60 16
type fg
key Enter
wait "q quit"
gone "S save"
key C-z
until $TMP/stopped
restored
resize 100 30
type fg
key Enter
wait "q quit"
key q
wait "run file"
restored
E2
in_shell "in the background it stops and leaves the shell alone; fg brings it back" <<E2
key C-z
until $TMP/stopped
type bg
key Enter
until $TMP/stopped
restored
type fg
key Enter
gone Stopped
wait "q quit"
key q
wait "run file"
restored
E2
# Where it cannot be stopped it goes on without a picture: nothing is written for as long as other requests take.
cat >"$TMP/six_more" <<'E2'
#!/bin/sh
[ -s "$0.from" ] || wc -l <"${0%/*}/sim.log" >"$0.from"
[ "$(wc -l <"${0%/*}/sim.log")" -ge $(($(cat "$0.from") + 6)) ]
E2
chmod +x "$TMP/six_more"
RUN_KEPT=$RUN
RUN="env --ignore-signal=TTOU $RUN"
in_shell "in the background where SIGTTOU is ignored it goes on and leaves the shell alone" <<E2
key C-z
until $TMP/stopped
type bg
key Enter
until $TMP/six_more
restored
type fg
key Enter
wait "q quit"
key 3
wait text
key q
wait "run file"
restored
E2
RUN=$RUN_KEPT
in_shell "SIGTERM in the background ends it with a report, below what the shell has shown" <<E2
key C-z
until $TMP/stopped
until pkill -TERM -P \$CHILD
type bg
key Enter
wait "run file"
restored
E2
in_shell "SIGTERM while it is stopped ends it with a report" <<E2
key C-z
until $TMP/stopped
until pkill -TERM -P \$CHILD
type fg
key Enter
wait "run file"
restored
E2
# Nobody could make it go on: the stop is not done.
# shellcheck disable=SC2086  # RUN is a command line
check "without a shell SIGTSTP is no end and no disorder" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait LOAD
signal TSTP
signal CONT
signal TSTP
wait "2 of 2"
key 3
wait text
key 1
wait GTT
key q
expect-exit 0
restored
E2
# shellcheck disable=SC2086
check "STOP and CONT in turn, and CONT alone" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait LOAD
signal STOP
until grep -q '^State:.T' /proc/$CHILD/status
resize 120 40
signal CONT
wait "S save"
signal CONT
signal CONT
key 3
wait text
key q
expect-exit 0
restored
E2
# Where nothing changes, all that is painted again is what stood there: a replay that has come to its end.
check "what changes have made is what ^L paints" "$PTY" 80 24 xterm-256color "$TOKGAUGE" replay "$TESTS_DIR/fixtures/run-small.ndjson" --at 1h <<'E2'
wait "space play"
key 7
wait " log "
repaint
signal CONT
key 3
key ?
wait closes
key ?
gone closes
repaint
signal TERM
expect-exit 143
restored
E2
start_server "$RAWSERVER" --all no-answer
check "SIGTERM before the load ends it" "$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" <<'E2'
wait PREFLIGHT
signal TERM
expect-exit 143
restored
wait "stopped before the load began"
E2
stop_server

# ---- storms ----

start_sim --model maker/Gauge-7B --cold 0 --step 10
RUN="$TOKGAUGE run $URL -c 2 --max-tokens 32"
{
    echo 'wait LOAD'
    i=0
    while [ "$i" -lt 300 ]; do
        i=$((i + 1))
        echo 'signal WINCH'
        [ $((i % 3)) != 0 ] || echo "resize $((20 + i * 7 % 180)) $((5 + i * 5 % 60))"
        [ $((i % 10)) != 0 ] || echo 'signal CONT'
    done
    printf '%s\n' 'resize 100 30' 'wait "q quit"' 'wait "2 of 2"' 'gone "7 log"' 'resize 200 60' 'wait "7 log"' 'key q' 'expect-exit 0' \
        restored 'wait "run file"'
} >"$TMP/script"
# shellcheck disable=SC2086
check "a storm of sizes and WINCH ends with the right picture" "$PTY" 80 24 xterm-256color $RUN <"$TMP/script"

# ---- in every state ----

for pair in INT:130 TERM:143 HUP:129 QUIT:131; do
    check "watch: SIG${pair%:*} ends it with ${pair#*:}" "$PTY" 80 24 xterm-256color "$TOKGAUGE" watch "$URL" <<E2
wait WATCH
signal ${pair%:*}
expect-exit ${pair#*:}
restored
E2
done
check "demo: SIGTERM ends it with a report" "$PTY" 80 24 xterm-256color "$TOKGAUGE" demo -c 2 --max-tokens 32 <<E2
wait LOAD
until pgrep -P \$CHILD >$TMP/server.pid
signal TERM
expect-exit 143
restored
wait "run file"
E2
check "… and its server too" within 10 sh -c '! kill -0 "$(cat "$1")" 2>/dev/null' sh "$TMP/server.pid"
# shellcheck disable=SC2086
check "over help and themes the terminal is put back too" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait LOAD
key t
wait "tokgauge-light"
key ?
wait "closes"
signal TERM
expect-exit 143
restored
wait "run file"
E2
# shellcheck disable=SC2086
check "signals after q change nothing but the status" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait "2 of 2"
key q
signal INT
signal TERM
signal WINCH
until ! kill -0 $CHILD || grep -q '^State:.Z' /proc/$CHILD/status
restored
wait "run file"
E2
# shellcheck disable=SC2086
check "many signals at once end it once" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait "2 of 2"
signal TERM
signal TERM
signal TERM
signal TERM
expect-exit 143
restored
wait "run file"
E2

# ---- the terminal is lost ----

# In a session of its own no SIGHUP reaches it: that reading and writing fail must be enough.
cat >"$TMP/apart" <<E2
#!/bin/sh
trap '' HUP
setsid -w "$TOKGAUGE" "\$@" --max-tokens 32 --out "$TMP/lost.ndjson"
echo \$? >"$TMP/lost.status"
E2
chmod +x "$TMP/apart"
lost() {
    [ -s "$TMP/lost.status" ]
}
"$PTY" 80 24 xterm-256color "$TMP/apart" run "$URL" -c 2 <<E2 >"$TMP/out" 2>&1
wait LOAD
wait "2 of 2"
hangup
until test -s $TMP/lost.status
E2
check "a terminal lost without a signal: the script is played" same "$?" 0
check "… ends the run" within 20 lost
check "… with the status of a hangup" same "$(cat "$TMP/lost.status")" 129
check "… and its run file is whole" json "$TMP/lost.ndjson" '.[-1].type == "summary" and .[-1].ended_by == "stopped"' -s
check "… and the load was cancelled, not failed" json "$TMP/lost.ndjson" '.[-1].requests.failed == 0' -s
# A terminal that does not read, and then goes.
rm -f "$TMP/lost.ndjson" "$TMP/lost.status"
"$PTY" 80 24 xterm-256color "$TMP/apart" run "$URL" -c 2 <<E2 >"$TMP/out" 2>&1
wait "2 of 2"
block
key 3
sleep 0.2
key 1
sleep 0.2
key 3
hangup
until test -s $TMP/lost.status
E2
check "lost while it does not read: ends with the status of a hangup" same "$(cat "$TMP/lost.status")" 129
check "… and a whole run file" json "$TMP/lost.ndjson" '.[-1].type == "summary"' -s
