# The file of settings, and completions: both are the option table in another form.
. "$TESTS_DIR/e2e/lib.sh"
CONFIG=$XDG_CONFIG_HOME/tokgauge/config
mkdir -p "$XDG_CONFIG_HOME/tokgauge"

# prints EXPRESSION ARGUMENTS…: --print-config has a line that matches
prints() {
    prints_expr=$1
    shift
    "$TOKGAUGE" "$@" --print-config >"$TMP/printed" 2>"$TMP/err"
    grep -qE -- "$prints_expr" "$TMP/printed" || { cat "$TMP/err"; grep -E "^[a-z]" "$TMP/printed"; return 1; }
}
# reads_back ARGUMENTS…: what is printed is a file that says the same
reads_back() {
    "$TOKGAUGE" "$@" --print-config >"$TMP/one" 2>"$TMP/err"
    "$TOKGAUGE" "$1" --config "$TMP/one" --print-config 2>&1 | diff "$TMP/one" - && same "$(cat "$TMP/err")" ""
}
check "no file: defaults, as comments" prints '^#max-num-seqs = 4$'
cat >"$CONFIG" <<'END'
# settings
max-num-seqs = 3
plain = yes
label = two words # and a mark
[bench]
runs = 7
context = 1k,2k
[run]
context = 512
json = no
END
check "a setting for all commands" prints '^max-num-seqs = 3$' run
check "for those that have it" prints '^max-num-seqs = 3$' bench
check "of one command" prints '^runs = 7$' bench
check "and not of another" prints '^#runs = 3$' bench --config /dev/null
check "a list" prints '^context = 1024,2048$' bench
check "the same name is another one there" prints '^context = 512$' run
check "a '#' behind a value is a part of it" prints '^label = two words # and a mark$'
check "the command line goes before" prints '^max-num-seqs = 9$' -c 9
check "also where the two exclude each other" exits 0 "$TOKGAUGE" run --json --print-config
check "then the setting does not hold" prints '^#plain = no$' --json
cp "$TMP/printed" "$TMP/before"
check "what is printed can be read, and means the same" reads_back run
check "another file" prints '^#max-num-seqs = 4$' --config /dev/null
check "one that is not there" refuses 2 "cannot read the settings '$TMP/none': No such file" --config "$TMP/none"
mkdir -p "$TMP/loop/tokgauge" && ln -s config "$TMP/loop/tokgauge/config"
check "the usual one cannot be read: that is said" sh -c 'XDG_CONFIG_HOME=$2 "$1" --version 2>&1 | grep -q "settings .*/loop/tokgauge/config. cannot be read and are left out: "' sh "$TOKGAUGE" "$TMP/loop"
printf '\357\273\277[run]\ncontext = 77\n' >"$TMP/bom"
check "a byte order mark before the first line" prints '^context = 77$' run --config "$TMP/bom"
check "a folder" refuses 2 "cannot read the settings '$TMP': Is a directory" run --config "$TMP"

printf 'slo = ttft=1.5s,tpot=0.5ms,decode_rate=30\nthink = 200us\nturns = 2\n' >"$TMP/set"
check "objectives and times are printed" prints '^slo = ttft=1500ms,tpot=500us,decode_rate=30$' run --config "$TMP/set"
check "objectives and times can be read back" reads_back run --config "$TMP/set"
check "an arrival, a ramp" reads_back run --arrival gamma:0.123456789 --ramp 1.5:20:1500ms
check "parts of the suite, notes" reads_back bench --only a,memory,d --note quant=Q4 --note 'launch=vllm serve ; true'
check "are printed" sh -c 'grep -qx "only = interactive,memory,concurrency" "$1" && grep -qx "note = quant=Q4" "$1" && grep -qx "note = launch=vllm serve ; true" "$1"' sh "$TMP/one"
check "values of settings" reads_back tune --launch 'x {n} {len}' --set n=1,2 --set len=8k,16k
check "are printed, too" sh -c 'grep -qx "set = n=1,2" "$1" && grep -qx "set = len=8k,16k" "$1"' sh "$TMP/one"
check "conditions" reads_back demo --fail-if 'ttft_p95 > 500ms' --fail-if 'errors > 0' --sim-jitter 0.00002
check "are printed, as well" sh -c 'grep -qx "fail-if = ttft_p95 > 500ms" "$1" && grep -qx "fail-if = errors > 0" "$1" && grep -qx "sim-jitter = 0.00002" "$1"' sh "$TMP/one"
check "those of a comparison" reads_back compare --fail-if 'any worse' a b
check "are printed after all" grep -qx "fail-if = any worse" "$TMP/one"
check "faults" reads_back sim --fault all=0.01,reset=0.00002
check "each has a line" sh -c 'grep -qx "sim-fault = reset=0.00002" "$1" && grep -qx "sim-fault = 429=0.01" "$1"' sh "$TMP/one"
check "all faults alike" reads_back sim --fault all=0.01
check "have one" sh -c 'test "$(grep -c "^sim-fault = " "$1")" = 1 && grep -qx "sim-fault = all=0.01" "$1"' sh "$TMP/one"

# What goes together is judged with the file: nothing here is refused for its words (exit 2), it only finds no server or file.
goes_on() { # SETTINGS ARGUMENTS…
    printf '%b' "$1" >"$TMP/set"
    shift
    exits 1 "$TOKGAUGE" "$@" --config "$TMP/set"
}
NOBODY=http://127.0.0.1:9
check "objectives of the file, a search for them" goes_on 'slo = ttft=1s\n' run $NOBODY --find-capacity
check "a launch command of the file, values for it" goes_on '[tune]\nlaunch = exit {n}\n' tune --plain --set n=1,2
check "what the file has for other runs does not matter" goes_on "[run]\nsvg-size = 80x24\nca-file = $TMP/set\ninsecure = yes\n" run $NOBODY
check "turns of the file, a pause between them" goes_on 'turns = 4\n' run $NOBODY --think 2s
check "a gateway of the file, its part alone" goes_on "[bench]\nagent-url = $NOBODY/v1\n" bench $NOBODY --only e
check "a baseline of the file, one run to compare" goes_on '[compare]\nbaseline = main\n' compare "$TMP/none.ndjson"

# Of two that do not go together, the command line's goes before the file's.
gives_way() { # PRINTED SETTINGS ARGUMENTS…
    gives_way_expr=$1
    printf '%b' "$2" >"$TMP/set"
    shift 2
    exits 0 "$TOKGAUGE" "$@" --config "$TMP/set" --print-config && same "$(wc -l <"$TMP/err")" 0 && grep -qE -- "$gives_way_expr" "$TMP/out"
}
refuses_set() { # WORDS SETTINGS ARGUMENTS…
    refuses_set_words=$1
    printf '%b' "$2" >"$TMP/set"
    shift 2
    refuses 2 "$refuses_set_words" "$@" --config "$TMP/set"
}
check "a rate of the file, a ramp" gives_way '^#rate = ' 'rate = 2\n' run --ramp 1:20:60s
check "a trace of the file, a rate" gives_way '^#trace = ' 'trace = a.jsonl\n' run --rate 2
check "a probe of the file, one look" gives_way '^#probe = ' '[watch]\nprobe = 10s\n' watch --once
check "a number of requests of the file, a search" gives_way '^#requests = ' 'requests = 100\n' run --slo ttft=1s --find-capacity
check "a list of the file, a search" gives_way '^#max-num-seqs = 4$' 'max-num-seqs = 1,2,4\n' run --slo ttft=1s --find-capacity
check "a search of the file, lists" gives_way '^#find-capacity = no$' 'find-capacity = yes\nslo = ttft=1s\n' run -c 1,2 --context 1k,2k
check "a list of the file, tune" gives_way '^#max-num-seqs = 4$' 'max-num-seqs = 1,2,4\n' tune --launch x
check "turns of the file, a rate" gives_way '^#turns = 1$' 'turns = 4\n' run --rate 5
check "a prefix of the file, a shorter prompt" gives_way '^#prefix-tokens = 0$' 'prefix-tokens = 1k\n' run --context 512
check "no lines of requests in the file, their text" gives_way '^#rows = auto$' 'rows = none\n' run --save-text --save-chunks
check "a prompt of the file, a length" gives_way '^#prompt = unique$' 'prompt = a.jsonl\n' run --context 4k
check "an arrival of the file, and no rate" gives_way '^arrival = burst:4$' 'arrival = burst:4\n' run
check "a format of the file, JSON" gives_way '^#format = text$' '[compare]\nformat = md\n' compare --json
check "a baseline of the file, a new one" gives_way '^#baseline = NAME$' '[compare]\nbaseline = main\n' compare a.ndjson --save-baseline other
check "no verification in the file, an authority" gives_way '^#insecure = no$' 'insecure = yes\n' run --ca-file a.pem
check "of the file itself, a section goes before what holds for all" gives_way '^#plain = no$' 'plain = yes\n[run]\njson = yes\n' run
check "a key's file of a section too" gives_way '^#api-key-env = VARIABLE$' 'api-key-env = A\n[run]\napi-key-file = a\n' run
check "a list for tune alone is refused" refuses_set "lists do not go with it" '[tune]\nmax-num-seqs = 1,2\n' tune --launch x
check "what does not contradict stays" gives_way '^context = 4096$' 'context = 4k\nrate = 2\n' run --ramp 1:2:3s
check "both of one place are refused" refuses_set "exclude each other" 'rate = 2\nramp = 1:2:3s\n' run $NOBODY

long=$(printf %0300d 7)
printf '[tune]\nlaunch = cd /srv ; serve --port {port} %s\n' "$long" >"$CONFIG"
check "a value is whole, with a ; in it and however long" prints "^launch = cd /srv ; serve --port \\{port\\} $long\$" tune
printf 'insecure = yes\njson = yes\n[bench]\ninsecure = no\n[demo]\njson = no\n' >"$CONFIG"
check "a section switches off what is on for all" prints '^#insecure = no$' bench
check "for its command alone" prints '^insecure = yes$' run
printf 'sim-no-usage = yes\nsim-no-prefix-cache = yes\n[demo]\nsim-no-usage = no\nsim-no-prefix-cache = no\n' >"$CONFIG"
check "switches of the simulator, too" prints '^#sim-no-prefix-cache = no$' demo

cat >"$CONFIG" <<'END'
max-num-seqs = many
nonsense = 1
seed = 5
  indented = 1
just words
[nobody]
seed = 6
[sim]
max-num-seqs = 2
[run]
json = perhaps
help = yes
stamps = yes
END
"$TOKGAUGE" run --print-config >"$TMP/printed" 2>"$TMP/err"
check "bad lines do not stop it" grep -qx 'seed = 5' "$TMP/printed"
for line in 1 2 4 5 7 11 12 13; do
    check "line $line is named" grep -q "^tokgauge: $CONFIG:$line: .*; the line is left out$" "$TMP/err"
done
check "and no other" same "$(wc -l <"$TMP/err")" 8
printf 'context = 4k\ncontext = 8k,16ks\n' >"$TMP/lists"
check "a line that is left out leaves what a line before it set" prints '^context = 4096$' bench --config "$TMP/lists"
head -c 100000 /dev/urandom >"$CONFIG"
check "no text at all" exits 0 "$TOKGAUGE" run --print-config
printf 'header = Authorization: Bearer CANARY\n' >"$CONFIG"
check "secrets are not printed" sh -c '! "$1" run --print-config 2>&1 | grep -q CANARY' sh "$TOKGAUGE"

# It holds for a run.
start_sim --cold 0 --step 2 --prefill-rate 100000
printf 'requests = 5\nmax-num-seqs = 2\ncontext = 100\nmax-tokens = 7\njson = yes\nlabel = from the file\n' >"$CONFIG"
check "a run by the file alone" exits 0 "$TOKGAUGE" run "$URL"
check "does what it says" json "$TMP/out" '.requests.ok == 5 and .max_num_seqs == 2 and .context == 100 and .max_tokens == 7 and .label == "from the file"'
printf 'fail-if = ttft_min > 0.001ms\nrequests = 2\njson = yes\n' >"$CONFIG"
check "a threshold too" exits 3 "$TOKGAUGE" run "$URL" --max-tokens 2 --context 64

# The strongest have their say first: one that is put back itself pushes nothing out.
printf 'requests = 200\n[run]\nfind-capacity = yes\nslo = ttft=1s\n' >"$CONFIG"
check "a ramp puts the search back" prints '^#find-capacity = ' run --ramp 1:20:10s
check "and what the search excluded is still there" prints '^requests = 200$' run --ramp 1:20:10s
check "without the ramp the search excludes it" prints '^#requests = ' run
printf 'context = 512\n' >"$CONFIG"
check "where a context gives way the default one is looked at, too" refuses 2 "leaves too little of --context 1024" run --prefix-tokens 2000
check "and is enough for less" prints '^#context = ' run --prefix-tokens 900

# The load's settings are not the simulator's, alone or as the server of demo.
printf 'max-num-seqs = 1,2,4\nseed = 5\nsim-cold = 0\n[sim]\nport = 8001\nstep = 7\n' >"$CONFIG"
check "what is the load's, the simulator does not take" prints '^#sim-max-num-seqs = 4$' sim
check "nor does it warn" same "$(cat "$TMP/err")" ""
check "nor a seed" prints '^#sim-seed = ' sim
check "its section has short names" prints '^sim-step = 7$' sim
check "its long names hold everywhere" prints '^sim-cold = 0$' sim
printf 'max-num-seqs = 1\nrequests = 2\nmax-tokens = 2\njson = yes\nsim-no-usage = yes\n[sim]\nport = %s\n[demo]\nsim-no-usage = no\n' "${URL##*:}" >"$CONFIG"
check "the section of sim is not demo's: its port is taken" exits 0 "$TOKGAUGE" demo --sim-cold 0
check "a switch that demo's section switches off is off" json "$TMP/out" '.tokens.prompt != null'
rm "$CONFIG"

# ---- completions ----

check "bash: a script" exits 0 "$TOKGAUGE" --completions bash
cp "$TMP/out" "$TMP/complete.bash"
completes() { # WANTED WORDS…: the last word is completed to this
    bash -c 'wanted=$1; source "$2"; shift 2; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tokgauge
        [ "${COMPREPLY[*]}" = "$wanted" ] || { echo "got ${COMPREPLY[*]}"; exit 1; }' bash "$1" "$TMP/complete.bash" tokgauge "$2" "${3:-}" "${4:-}"
}
two() { # WANTED WORDS…: with two words
    bash -c 'wanted=$1; source "$2"; COMP_WORDS=(tokgauge "$3"); COMP_CWORD=1; _tokgauge
        [ "${COMPREPLY[*]}" = "$wanted" ] || { echo "got ${COMPREPLY[*]}"; exit 1; }' bash "$1" "$TMP/complete.bash" "$2"
}
check "bash: a command" two bench b
check "bash: the words of an option" completes "braille block" run --glyphs b
check "bash: an option of the simulator without its prefix" sh -c 'bash -c "source \"\$1\"; COMP_WORDS=(tokgauge sim --po); COMP_CWORD=2; _tokgauge
    [ \"\${COMPREPLY[*]}\" = --port ]" bash "$1"' sh "$TMP/complete.bash"
for shell in bash zsh fish; do
    "$TOKGAUGE" --completions "$shell" >"$TMP/script"
    check "$shell: every option of run is there" sh -c '"$1" run --help | sed -n "s/^ *\(-., \)\?--\([a-z-]*\).*/\2/p" | sort -u >"$2/options"
        while read -r name; do grep -qE -- "(--|-l )$name\\b" "$3" || { echo "no $name"; exit 1; }; done <"$2/options"' sh "$TOKGAUGE" "$TMP" "$TMP/script"
    if command -v "$shell" >/dev/null; then
        check "$shell: it is a script" "$shell" -n "$TMP/script"
    fi
done
check "another shell" refuses 2 "--completions 'ksh' is not one of" --completions ksh
