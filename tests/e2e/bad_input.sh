# Whatever is wrong: one clear line on stderr that names it, the right exit status, nothing on stdout, no run file.
. "$TESTS_DIR/e2e/lib.sh"

# refused STATUS WORDS ARGUMENTS…: ends with the status and one line that has the words.  (On a slow machine a preflight
# may take so long that a progress line comes before.)
refused() {
    status=$1 words=$2
    shift 2
    exits "$status" "$TOKGAUGE" "$@" --json && sed -i '/^[0-9:]* preflight /d' "$TMP/err" && contains "$TMP/err" "$words" &&
        same "$(wc -l <"$TMP/err")" 1 && same "$(cut -c1-10 "$TMP/err")" 'tokgauge: ' && same "$(wc -c <"$TMP/out")" 0
}
# As above where the server is asked more than once, so that progress lines may come first.
fails() {
    words=$1
    shift
    exits 1 "$TOKGAUGE" "$@" --json && tail -n 1 "$TMP/err" >"$TMP/last" && contains "$TMP/last" "$words" &&
        same "$(cut -c1-10 "$TMP/last")" 'tokgauge: ' && same "$(wc -c <"$TMP/out")" 0
}

# ---- the network ----

check "unknown host" refused 1 "cannot find host 'nowhere.invalid" run http://nowhere.invalid:8000
check "refused port" refused 1 "cannot connect to '127.0.0.1:9': Connection refused" run http://127.0.0.1:9
check "no server on the usual ports" sh -c '! command -v curl >/dev/null || ! curl -s -m 1 http://127.0.0.1:8000/ >/dev/null' &&
    check "the usual ports are named" refused 1 "8000 (vLLM)" run
check "not a URL" refused 2 "'ftp://x' is not an http or https URL" run ftp://x
check "half a URL" refused 2 "is not an http or https URL" run http://

start_sim --cold 0 --max-model-len 4096
check "unknown model names what there is" refused 1 "model 'nomodel' is not on" run "$URL" -m nomodel
check "context beyond max-model-len" refused 1 "context 8192 + output 128 tokens exceed the 4096" run "$URL" --context 8k
check "just beyond counts too" refused 1 "exceed the 4096" run "$URL" --context 4000 --max-tokens 97
check "wrong path" refused 1 "has no /v1/models (HTTP 404)" run "$URL/prefix"
check "https to an http server" refused 1 "does the server speak https?" run "https://${URL#http://}"

# ---- options ----

for bad in '--context 0' '--context -5' '--max-tokens 0' '-c 0' '-c -1' '--requests 0' '--duration 0s' '--warmup -1' \
    '--workers -1' '-c 999999999'; do
    # shellcheck disable=SC2086  # an option and its value
    check "out of range: $bad" refused 2 "is out of range: it takes" run "$URL" $bad
done
for bad in '--context 5x' '--context 1.0001k' '--requests 1e99' '--requests five' '--max-tokens 12q'; do
    # shellcheck disable=SC2086
    check "nonsense: $bad" refused 2 "is not a whole number" run "$URL" $bad
done
for bad in '--duration 5parsecs' '--timeout soon' '--stall -'; do
    # shellcheck disable=SC2086
    check "nonsense: $bad" refused 2 "is not a time" run "$URL" $bad
done
check "unknown option" refused 2 "no option '--frobnicate'" run "$URL" --frobnicate
check "missing value" exits 2 "$TOKGAUGE" run "$URL" --context
check "missing value is named" contains "$TMP/err" "--context"
check "two URLs" refused 2 "one URL too many" run "$URL" http://127.0.0.1:1
check "unknown command" refused 2 "'frob' is neither a command" frob
more_streams_than_files() {
    (ulimit -n 100 && refused 2 "'ulimit -n' allows 100" run "$URL" -c 200 -n 1)
}
check "more streams than files may be open" more_streams_than_files
check "unknown theme" refused 2 "there is no theme 'nope'" run "$URL" --theme nope -n 1
check "both kinds of output" refused 2 "exclude each other" run "$URL" --plain
check "header without a colon" refused 2 "is not 'NAME: VALUE'" run "$URL" --header nonsense
check "key variable that is not set" refused 2 "'NO_SUCH_KEY' (--api-key-env) is not set" run "$URL" --api-key-env NO_SUCH_KEY
key_in_its_place() { refused 2 "not the key" run "$URL" --api-key-env sk-proj-abcdef0123456789 && ! grep -q abcdef "$TMP/err"; }
check "the key where its variable's name belongs is not shown" key_in_its_place
key_as_file() { refused 2 "cannot read API key file" run "$URL" --api-key-file sk-proj-abcdef0123456789 && ! grep -q abcdef "$TMP/err"; }
check "nor where its file's name belongs" key_as_file
login_in_vain() { refused 2 "takes no URL" demo http://user:pass-word-1@host && ! grep -q pass-word-1 "$TMP/err"; }
check "nor a login where no URL belongs" login_in_vain
check "key file that is not there" refused 2 "cannot read API key file '$TMP/none'" run "$URL" --api-key-file "$TMP/none"
: >"$TMP/nothing"
check "empty key file" refused 2 "is empty" run "$URL" --api-key-file "$TMP/nothing"
check "CA file that is not there" refused 2 "cannot read --ca-file '$TMP/none'" run "$URL" --ca-file "$TMP/none"

# ---- files ----

printf '{"prompt":"a"}\nnot json\n' >"$TMP/bad.jsonl"
check "JSONL: file and line" refused 2 "$TMP/bad.jsonl:2: " run "$URL" --prompt "$TMP/bad.jsonl"
printf '{"prompt":"a"}\n{"text":"b"}\n' >"$TMP/bad.jsonl"
check "JSONL: no prompt in a line" refused 2 "$TMP/bad.jsonl:2: " run "$URL" --prompt "$TMP/bad.jsonl"
check "JSONL: not there" refused 2 "cannot read prompt file '$TMP/none.jsonl'" run "$URL" --prompt "$TMP/none.jsonl"
check "JSONL: empty" refused 2 "has no prompts" run "$URL" --prompt "$TMP/nothing"
check "unwritable --out" refused 1 "cannot write run file '$TMP/no/where'" run "$URL" --out "$TMP/no/where"
echo precious >"$TMP/precious"
check "--out that exists" refused 1 "exists already" run "$URL" --out "$TMP/precious"
check "and it is not lost" same "$(cat "$TMP/precious")" precious
check "none of these left a run file" same "$(find "$TMP/state" -name '*.ndjson' 2>/dev/null | wc -l)" 0
# A full or forbidden default folder must not cost a night's run: it goes on without the file, and says so.
mkdir -p "$TMP/blocked" && : >"$TMP/blocked/tokgauge"
check "unusable default folder: the run goes on, exit status 1" exits 1 env XDG_STATE_HOME="$TMP/blocked" "$TOKGAUGE" run "$URL" --json -n 2 \
    --max-tokens 4 --context 32
check "and the summary says that there is no file" json "$TMP/out" '.run_file == null and .requests.ok == 2'

check "and why" contains "$TMP/err" "the run file is not whole: cannot make a folder"

# ---- what a server may answer to the first request ----

# answers SCENARIO WORDS OPTIONS…
answers() {
    scenario=$1 words=$2
    shift 2
    start_server "$RAWSERVER" "$scenario"
    check "first answer $scenario" fails "$words" run "$URL" -n 1 --max-tokens 3 --context 32 "$@"
    stop_server
}
answers 401 "refuses the API key (HTTP 401: Invalid API Key)"
answers 404 "answers POST /v1/chat/completions with HTTP 404"
answers 404-model 'The model `x` does not exist.'
answers 400-context "exceeds the available context size"
answers 503-loading "is still loading its model (HTTP 503"
answers 302 "redirects (HTTP 302)"
answers html "the answer is not an event stream"
answers error-200 "the answer is not an event stream: the engine is not up"
answers no-answer "timeout" --timeout 500ms
start_server "$RAWSERVER" 401 --all
check "key refused for the list of models" fails "refuses the API key" run "$URL" -n 1
stop_server
start_server "$RAWSERVER" html --all
check "not an API at all" fails "does not look like an OpenAI-compatible server" run "$URL" -n 1
stop_server

# ---- TERM ----

check "TERM unset without a terminal is no matter" env -u TERM "$TOKGAUGE" run "$(sed -n 's/.*listening on //p' "$TMP/server1.log")" \
    --plain -n 1 --max-tokens 4 --context 32
