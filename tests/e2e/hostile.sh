# Text of a server that means harm, in every form that leaves the program: no control character, no mark of direction and
# nothing without width gets out of it, and text stays text in each form.  (terminal-hostile.sh: on the terminal.)
# shellcheck disable=SC2016,SC2086,SC2089,SC2090,SC3045  # jq and sh -c, lists of options
. "$TESTS_DIR/e2e/lib.sh"

# As a server would send it in JSON: escapes for terminals, C1, marks of direction and of no width, line ends; markup; a formula.
EVIL='=cmd|\u0022 /C calc\u0022!A0 \u001b]0;owned\u0007\u001b[31m\u009b31m\u202e\u2066\u200b\u200f\u2028\u00ad\r\n\t`<script>alert(1)</script>` [x](javascript:alert(1)) ![y](http://e.vil/z) <img src=q onerror=alert(1)> & ]]> | a | *b* \u0000end'
RAW_EVIL=$(printf '=evil\033]0;owned\007\302\233\342\200\256 <script>alert(1)</script> | `q`')
printf %s "{\"object\":\"list\",\"data\":[{\"id\":\"$EVIL\",\"owned_by\":\"vllm\",\"max_model_len\":4096}]}" >"$TMP/models"
printf %s "{\"version\":\"$EVIL\"}" >"$TMP/version"
{
    printf '# HELP evil %s\n# TYPE evil gauge\n' "$RAW_EVIL"
    printf 'vllm:num_requests_running{model_name="%s"} 1\n' "$RAW_EVIL"
    printf 'vllm:num_requests_waiting{model_name="m"} 0\n%s 1\n' "$RAW_EVIL"
    printf 'vllm:cache_config_info{block_size="%s",num_gpu_blocks="%s"} 1\n' "$RAW_EVIL" "$RAW_EVIL"
} >"$TMP/metrics"
{
    printf 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nServer: %s\r\nConnection: close\r\n\r\n' "$RAW_EVIL"
    printf '%s\n\n' "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"$EVIL\"},\"finish_reason\":null}]}" \
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"$EVIL\"}]}" 'data: [DONE]'
} >"$TMP/answer.http"
{
    printf 'HTTP/1.1 400 %s\r\nContent-Type: application/json\r\nServer: %s\r\nConnection: close\r\n\r\n' "$RAW_EVIL" "$RAW_EVIL"
    printf %s "{\"error\":{\"message\":\"$EVIL\",\"type\":\"$EVIL\",\"code\":\"$EVIL\"}}"
} >"$TMP/error.http"
PAGES="--page /v1/models=$TMP/models --page /version=$TMP/version --page /metrics=$TMP/metrics"

# ---- what must hold of a form ----

clean() { # FILE: no control character but the end of a line, C1 neither; nothing that turns text round or has no width; UTF-8
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || return 1
    ! LC_ALL=C grep -anE "$BAD" "$1" | od -An -c | head -n 5 | grep .
}
BAD=$(printf '[\001-\010\013-\037\177]|\t|\302[\200-\237]|\302\255|\342\200[\213-\217\250-\256]|\342\201[\240-\251]|\357\273\277')
clean_json() { # FILE: JSON, one value a line or one alone, and clean as it stands
    jq -e . "$1" >/dev/null && clean "$1"
}
clean_md() { # FILE: rows keep their columns, and markup is text
    clean "$1" && awk '
        /^```/ { code = !code }
        code { next }
        { line = $0; gsub(/\\[\\`*_<>|#~&\[\]]/, "", line); gsub(/`` .* ``/, "", line); gsub(/`[^`]*`/, "", line) }
        line ~ /<(script|img)|\]\((javascript|http)/ { print "markup: " $0; bad = 1 }
        /^\|/ { n = gsub(/\|/, "", line); if (n != columns && columns > 0) { print "columns: " $0; bad = 1 } columns = n; next }
        { columns = 0 }
        END { exit bad }' "$1"
}
clean_html() { # FILE: nothing that runs, loads or leads anywhere
    clean "$1" && ! grep -nE '<(script|img|a) |<script|[" ]on[a-z]+="|href=|src="' "$1"
}
clean_svg() { # FILE: well-formed, nothing that runs
    clean "$1" && ! grep -nE '<(script|image|a)[ >]|<script|[" ]on[a-z]+="|href=' "$1" &&
        { ! command -v xmllint >/dev/null || xmllint --noout "$1"; }
}
clean_csv() { # FILE: no cell that a table would calculate
    clean "$1" && awk -F, '{ for (i = 1; i <= NF; i++) if ($i ~ /^"?[-=+@\t\r]/) { print "formula: " $i; bad = 1 } } END { exit bad || NR < 2 }' "$1"
}

# What is made of the two runs: FORM COMMAND…; %A and %E are their files.
FORMS='
md report %A
md report %E
html report %A --format html
html report %E --format html
csv report %A --format csv
csv report %E --format csv
json report %E --format json
json report %A --format vllm --detailed
svg replay %A --view streams --svg /dev/stdout
svg replay %A --view server --svg /dev/stdout
svg replay %E --view log --svg /dev/stdout
txt replay %A --view overview --txt /dev/stdout
txt replay %E --view log --txt /dev/stdout
txt replay %A --view streams --txt /dev/stdout
txt compare %A %A
md compare %A %A --format md
json compare %A %A --json
'

start_server "$RAWSERVER" --file "$TMP/answer.http" --close --gap 0 $PAGES
check "answers that mean harm" exits 0 "$TOKGAUGE" run "$URL" --plain -c 2 -n 4 --label "$RAW_EVIL" --save-text --save-chunks --out "$TMP/answers.ndjson"
check "… lines and summary" clean "$TMP/out"
check "… the run file" clean_json "$TMP/answers.ndjson"
check "… a look" exits 0 "$TOKGAUGE" watch "$URL" --once
check "… as text" clean "$TMP/out"
check "… and another" exits 0 "$TOKGAUGE" watch "$URL" --once --json
check "… as JSON" clean_json "$TMP/out"
stop_server
start_server "$RAWSERVER" --file "$TMP/error.http" --close --gap 0 --good 1 $PAGES
check "errors that mean harm" exits 1 "$TOKGAUGE" run "$URL" --json -c 2 -n 4 --out "$TMP/errors.ndjson"
check "… summary" clean_json "$TMP/out"
check "… lines" clean "$TMP/err"
check "… the run file" clean_json "$TMP/errors.ndjson"
stop_server
start_server "$RAWSERVER" --file "$TMP/error.http" --close
check "… a refusal" exits 1 "$TOKGAUGE" run "$URL" --json -n 1
check "… is one clean line" clean "$TMP/err"
stop_server
printf '%s\n' "$FORMS" | grep . >"$TMP/forms"
while read -r form command; do
    command=$(printf %s "$command" | sed "s|%A|$TMP/answers.ndjson|; s|%A|$TMP/answers.ndjson|; s|%E|$TMP/errors.ndjson|")
    # shellcheck disable=SC2086  # a list of words
    "$TOKGAUGE" $command >"$TMP/form" 2>"$TMP/form.err"
    check "$command: there is something" test -s "$TMP/form"
    case $form in txt) form=clean ;; *) form=clean_$form ;; esac
    check "$command: $form" "$form" "$TMP/form"
    check "$command: nothing on stderr that is not clean" clean "$TMP/form.err"
done <"$TMP/forms"
