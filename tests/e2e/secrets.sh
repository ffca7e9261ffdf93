# A key is in nothing that this program writes, however it came in and whoever says it again.
# shellcheck disable=SC2016,SC2086,SC2089,SC2090,SC3045  # jq and sh -c, lists of options
. "$TESTS_DIR/e2e/lib.sh"
SECRET=canary-e1f0-do-not-print
LOGIN_SENT=$(printf 'user:%s' "$SECRET" | base64)
export SECRET
SIM_FAST='--cold 0 --step 5 --prefill-rate 400000 --overhead 1'
QUICK='-n 2 --max-tokens 4 --context 32'
mkdir "$TMP/seen"

# Everything that a run has left behind: what it printed, and what it wrote below $TMP/seen.
keep() { # NAME
    cp "$TMP/out" "$TMP/seen/$1.out"
    cp "$TMP/err" "$TMP/seen/$1.err"
}
nowhere() { # FOLDER: in no file of it, and in no name of one
    ! grep -raF -e "$SECRET" -e "$LOGIN_SENT" "$1" && ! find "$1" | grep -F "$SECRET"
}
documents() { # RUNFILE: all that is made of one
    for format in md html csv json vllm; do
        "$TOKGAUGE" report "$1" --format $format --out "$1.$format" 2>>"$1.err" || return 1
    done
    "$TOKGAUGE" report "$1" --format vllm --detailed --out "$1.detailed" 2>>"$1.err" || return 1
    "$TOKGAUGE" replay "$1" --view streams --svg "$1.svg" --txt "$1.txt" && "$TOKGAUGE" compare "$1" "$1" --format md >"$1.compare"
}

# ---- each way in; the server has the key in its model's name ----

start_sim $SIM_FAST --sim-api-key "$SECRET" --model "lent-to-$SECRET" 2>/dev/null || start_sim $SIM_FAST --api-key "$SECRET" --model "lent-to-$SECRET"
check "a missing key is one line" exits 1 "$TOKGAUGE" run "$URL" --json $QUICK
check "that says where a key comes from" contains "$TMP/err" "--api-key-env"
check "key from the environment" exits 0 "$TOKGAUGE" run "$URL" --json $QUICK --api-key-env SECRET --out "$TMP/seen/env.ndjson" --svg "$TMP/seen/env.svg"
keep env
check "the model's name was sent whole, and is shown without the key" json "$TMP/out" '.requests.ok == 2 and .model == "lent-to-***"'
check "all that is made of its run file" documents "$TMP/seen/env.ndjson"
printf '%s\n' "$SECRET" >"$TMP/keyfile"
check "key from a file" env XDG_STATE_HOME="$TMP/seen" sh -c '
    "$@" >"$TMP/out" 2>"$TMP/err"' sh "$TOKGAUGE" run "$URL" --plain $QUICK --api-key-file "$TMP/keyfile"
keep file
check "key in a header" exits 0 "$TOKGAUGE" run "$URL" --json $QUICK --header "Authorization: Bearer $SECRET" --out "$TMP/seen/header.ndjson"
keep header
check "login in the URL" exits 0 "$TOKGAUGE" run "http://user:$SECRET@${URL#http://}" --json $QUICK --api-key-env SECRET --out "$TMP/seen/login.ndjson"
keep login
check "key in --extra-body" exits 0 "$TOKGAUGE" run "$URL" --json $QUICK --api-key-env SECRET --extra-body "{\"api_key\": \"$SECRET\"}" --out "$TMP/seen/extra.ndjson"
keep extra
check "a look" exits 0 "$TOKGAUGE" watch "$URL" --once --json --api-key-env SECRET
keep watch
check "a suite" env XDG_STATE_HOME="$TMP/seen" timeout 100 "$TOKGAUGE" bench "$URL" --json --quick --only a --runs 1 --api-key-env SECRET --out "$TMP/seen/suite.ndjson"
cp "$TMP/check.out" "$TMP/seen/suite.out"
cat >"$TMP/config" <<END
[run]
header = Authorization: Bearer $SECRET
extra-body = {"api_key": "$SECRET"}
END
check "settings" exits 0 "$TOKGAUGE" run "$URL" --config "$TMP/config" --json $QUICK --out "$TMP/seen/config.ndjson"
keep config
check "settings, printed" exits 0 "$TOKGAUGE" run "$URL" --config "$TMP/config" --print-config
keep printed
exits 1 "$TOKGAUGE" run "http://user:$SECRET@127.0.0.1:9" --json >/dev/null
keep refused
exits 2 "$TOKGAUGE" run "ftp://user:$SECRET@127.0.0.1:9" --json >/dev/null
keep scheme
exits 2 "$TOKGAUGE" run "$URL" --header "Bearer $SECRET" >/dev/null
keep colon
check "the key is nowhere" nowhere "$TMP/seen"

# ---- while it runs: what others on this machine can read, and what a crash would leave ----

limit_of() { # PID: the soft limit of core files
    awk '/^Max core/ { print $5 }' "/proc/$1/limits"
}
core_of_key() { # does the run with this process id have its key, and so no core file?
    [ "$(limit_of "$1")" = 0 ]
}
ulimit -S -c "$(ulimit -H -c)"
"$TOKGAUGE" run "http://user:$SECRET@${URL#http://}" --plain -c 1 --duration 1h -H "X-Api-Key: $SECRET" --header="Authorization: Bearer $SECRET" \
    --extra-body "{\"api_key\":\"$SECRET\"}" --out "$TMP/seen/running.ndjson" >"$TMP/seen/running.out" 2>&1 &
pid=$!
check "it runs" within 30 grep -q '"type":"request"' "$TMP/seen/running.ndjson"
tr '\0' '\n' <"/proc/$pid/cmdline" >"$TMP/seen/cmdline"
check "its arguments are there without the key" contains "$TMP/seen/cmdline" "X-Api-Key: ***"
if [ "$(ulimit -H -c)" = 0 ]; then
    echo "ok no core file of a run with a key # none can be left here anyway"
else
    check "no core file of a run with a key" core_of_key "$pid"
fi
kill -TERM "$pid"
wait "$pid"
stop_server
check "the key is nowhere in a run that goes on" nowhere "$TMP/seen"

"$TOKGAUGE" demo --plain -c 1 --duration 1h --api-key-env SECRET --out "$TMP/seen/demo.ndjson" >"$TMP/seen/demo.out" 2>&1 &
pid=$!
check "a demo runs" within 30 grep -q '"type":"header"' "$TMP/seen/demo.ndjson"
sim=$(cat /proc/$pid/task/*/children 2>/dev/null | tr -d ' ')
check "its simulator has been given no key" sh -c 'tr "\0" "\n" <"/proc/$1/environ" >"$TMP/environ" && grep -q "^HOME=" "$TMP/environ" && ! grep -F "$SECRET" "$TMP/environ"' sh "$sim"
kill -TERM "$pid"
wait "$pid"

# ---- a server that says it again ----

answer() { # FILE STATUS TYPE BODY
    printf 'HTTP/1.1 %s\r\nContent-Type: %s\r\nServer: %s\r\nContent-Length: %d\r\n\r\n%s' "$2" "$3" "$SECRET" "$(printf %s "$4" | wc -c)" "$4" >"$TMP/$1"
}
chunk() { # TEXT
    printf 'data: {"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n' "$1"
}
answer refusal.http '401 Unauthorized' application/json "{\"error\":{\"message\":\"Incorrect API key provided: $SECRET. You can find your key at\"}}"
start_server "$RAWSERVER" --file "$TMP/refusal.http" --all
check "a refusal" exits 1 "$TOKGAUGE" run "$URL" --json -n 1 --api-key-env SECRET
keep refusal
check "is told with stars" contains "$TMP/err" "Incorrect API key provided: ***. You can"
stop_server

# A word of an answer in two events, and two cut by the end of what is kept.
answer echo.http '200 OK' text/event-stream "$(chunk "you sent Bearer canary-e1f0"; chunk "-do-not-print, did you?"; printf 'data: [DONE]\n\n')"
printf '# TYPE x gauge\nvllm:num_requests_running{model_name="m",key="%s"} 0\nvllm:num_requests_waiting{model_name="m"} 0\n' "$SECRET" >"$TMP/page"
start_server "$RAWSERVER" --file "$TMP/echo.http" --gap 0 --page "/metrics=$TMP/page"
check "an answer" exits 0 "$TOKGAUGE" run "$URL" --plain -c 2 -n 4 --api-key-env SECRET --save-text --save-chunks --out "$TMP/seen/echo.ndjson" --svg "$TMP/seen/echo.svg" --view server
keep echo
check "is kept with stars" json "$TMP/seen/echo.ndjson" 'map(select(.type == "request" and .part == "load").text) |
    length == 4 and all(. == "you sent Bearer ***, did you?")' -s
check "all that is made of it" documents "$TMP/seen/echo.ndjson"
stop_server
answer late.http '500 Oops' application/json "{\"error\":{\"message\":\"no such user: $SECRET\"}}"
start_server "$RAWSERVER" --file "$TMP/late.http" --good 1
check "an error of a request" exits 1 "$TOKGAUGE" run "$URL" --plain -c 1 -n 2 --api-key-env SECRET --out "$TMP/seen/late.ndjson"
keep late
check "is kept with stars, too" json "$TMP/seen/late.ndjson" 'map(select(.type == "request" and .part == "load").error) | length == 2 and all(. == "no such user: ***")' -s
stop_server
check "the key is in nothing that comes of it" nowhere "$TMP/seen"

# ---- a server that tune starts: it has the keys that it may need, and tells them ----

cat >"$TMP/tells.sh" <<END
env | grep SECRET
echo "args: --api-key \$3"
ulimit -S -c
printf 'not ended %s' "\$3"
exec "\$1" sim --port "\$2" $SIM_FAST --config /dev/null
END
check "a tune" exits 0 "$TOKGAUGE" tune --json -n 2 --max-tokens 4 --context 32 --out "$TMP/seen/tune" --set n=1 \
    --launch "sh '$TMP/tells.sh' '$TOKGAUGE' {port} --api-key=$SECRET-{n}"
keep tune
check "its server has the keys" contains "$TMP/seen/tune/01.log" "SECRET=***"
if [ -n "$FAKEGPU_PRELOAD_FIRST" ]; then
    echo "ok and leaves core files as before # a sanitizer forbids them from the start"
else
    check "and leaves core files as before" contains "$TMP/seen/tune/01.log" "$(ulimit -S -c)"
fi
check "no key is in what was kept of its output" nowhere "$TMP/seen"
check "a tune into a folder that has one" refuses 1 "must name a folder without an earlier tune" tune -n 2 --set n=1 --launch "true {n} {port}" --out "$TMP/seen/tune"

# ---- another server that a server points to ----

start_server "$RAWSERVER" ok --log "$TMP/other.log"
printf 'HTTP/1.1 307 Temporary Redirect\r\nLocation: %s/v1/models\r\nContent-Length: 0\r\n\r\n' "$URL" >"$TMP/elsewhere.http"
start_server "$RAWSERVER" --file "$TMP/elsewhere.http" --all --log "$TMP/first.log"
check "a redirect is not followed" exits 1 "$TOKGAUGE" run "$URL" --json -n 1 -H "Authorization: Bearer $SECRET" -m raw
check "but told" contains "$TMP/err" "HTTP 307"
check "the first server had the key, the other was not asked" sh -c '[ ! -s "$1" ] && grep -q "\"authorization\":true" "$2"' sh "$TMP/other.log" "$TMP/first.log"
stop_server
