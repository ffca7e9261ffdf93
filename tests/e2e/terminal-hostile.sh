# Text of a server that means harm never reaches the terminal as it is: not from names, answers or error messages.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
ESC=$(printf '\033') BEL=$(printf '\007')

# What the program itself never writes: titles, other C1 controls, bells, marks of direction, line separators.
harmless() {
    for bad in "$ESC]" "$BEL" "$(printf '\302\233')" "$(printf '\302\235')" "$(printf '\342\200\256')" \
        "$(printf '\342\201\246')" "${ESC}P" "${ESC}_" "${ESC}[31mevil" "${ESC}[99;99H"; do
        ! LC_ALL=C grep -aqF -- "$bad" "$1" || { echo "found: $(printf %s "$bad" | od -An -c)"; return 1; }
    done
}
# Valid UTF-8 to the last byte.
valid() {
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null
}
# Every line of the view that begins with a border ends with one, in the last column.
straight() {
    awk '/^│/ && !/(│|╮|╯)$/ { print; bad = 1 } /^│/ { n++ } END { exit bad || n < 5 }' "$1"
}
looked_at() { # NAME FILE
    check "$1: nothing harmful is written" harmless "$2"
    check "$1: all of it is UTF-8" valid "$2"
}

# ---- names ----

NAME="evil${ESC}]0;owned${BEL}${ESC}[99;99H${ESC}[31mevil$(printf '\302\233')31m$(printf '\342\200\256\342\201\246\342\200\250\315\217')end"
start_sim --model "$NAME" --cold 0 --step 10
"$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" -c 2 --max-tokens 16 >"$TMP/dump" 2>&1 <<E2
wait LOAD
wait "2 of 2"
key 7
wait log
key 1
wait GTT
dump
key q
expect-exit 0
wait "run file"
save $TMP/name.raw
E2
check "a model's name: the run ends well" same "$?" 0
looked_at "a model's name" "$TMP/name.raw"
check "a model's name: no line separator" lacks "$TMP/name.raw" "$(printf '\342\200\250')"
check "a model's name: the frame is straight" straight "$TMP/dump"
check "a model's name: the rest of it is shown" contains "$TMP/dump" evil
stop_server
check "an unknown model's name in the error is harmless" "$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" -m "$NAME" <<E2
expect-exit 1
save $TMP/unknown.raw
E2
looked_at "a name in an error" "$TMP/unknown.raw"

# ---- answers ----

for scenario in escapes controls bad-utf8 half-surrogate; do
    start_server "$RAWSERVER" "$scenario"
    "$PTY" 120 40 xterm-256color "$TOKGAUGE" run "$URL" -c 2 >"$TMP/dump" 2>&1 <<E2
wait LOAD
until curl -s "$URL/v1/models" >/dev/null
wait "done"
wait "2 of 2"
dump
key 3
wait text
key Enter
wait "queue and prefill"
key Down
wait "╭─ stream 2 "
dump
key 7
wait log
key q
expect-exit 0
wait "run file"
save $TMP/$scenario.raw
E2
    check "$scenario: the run ends well" same "$?" 0
    looked_at "$scenario" "$TMP/$scenario.raw"
    check "$scenario: the frame is straight" straight "$TMP/dump"
    stop_server
done

# ---- wide, combining, joined and unassigned characters ----

chunk() { # TEXT: one chunk of a stream
    printf 'data: {"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":%s}]}\n\n' \
        "$1" "$2"
}
{
    printf 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n'
    for text in 你好世界 e$(printf '\314\201\314\202\314\203') 한국어 👨‍👩‍👧 $(printf '\357\270\217\315\270\357\277\277') \
        العربية 🇩🇪 $(printf '\302\255') 日本語 ａｂｃ; do
        chunk " $text" null
    done
    chunk "" '"length"'
    printf 'data: [DONE]\n\n'
} >"$TMP/wide.http"
start_server "$RAWSERVER" --file "$TMP/wide.http" --close --gap 60
"$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" -c 2 >"$TMP/dump" 2>&1 <<E2
wait LOAD
key 3
wait 日本語
dump
key Enter
wait "queue and prefill"
wait 日本語
dump
key q
expect-exit 0
save $TMP/wide.raw
E2
check "wide: the run ends well" same "$?" 0
looked_at wide "$TMP/wide.raw"
check "wide: the frame is straight" straight "$TMP/dump"
check "wide in ASCII: the run ends well" "$PTY" 80 24 xterm-256color env LC_ALL=C "$TOKGAUGE" run "$URL" -c 2 <<E2
wait LOAD
key 3
wait "????"
key Enter
wait "queue and prefill"
wait "????"
key q
expect-exit 0
save $TMP/ascii.raw
E2
check "wide in ASCII: only ASCII is written" sh -c "! LC_ALL=C grep -an '[^ -~[:cntrl:]]' '$TMP/ascii.raw'"
stop_server

# ---- error messages ----

{
    body="{\"error\":{\"message\":\"evil\\u001b]0;owned\\u0007\\u001b[99;99H\\u009b31m\\u202e\\u2028end\",\"code\":400}}"
    printf 'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' "${#body}" "$body"
} >"$TMP/error.http"
start_server "$RAWSERVER" --file "$TMP/error.http"
check "an error before the load is one harmless line" "$PTY" 200 24 xterm-256color "$TOKGAUGE" run "$URL" <<E2
expect-exit 1
restored
wait "tokgauge: "
save $TMP/error.raw
E2
looked_at "an error before the load" "$TMP/error.raw"
stop_server
