#!/bin/sh
# lint.sh [layers|length|format|tidy|cppcheck]…: checks of the source itself; all of them without an argument.
# Layers are those of ARCHITECTURE.md, proved from the #include lines.  A file that clang-tidy found clean is not looked
# at again until it, a header or the rules change (build/lint/).
set -u
BUILD=${BUILD:-build}
LINT=$BUILD/lint
status=0

complain() { # reads lines; any of them is a failure
    while read -r line; do
        echo "$line"
        echo >>"$LINT/failed"
    done
}

sources() {
    find src ui tests -name '*.[ch]' | sort
}

# FILE:LINE:KIND:NAME for each #include, KIND being < or ".
includes() {
    grep -nH '^[[:space:]]*#[[:space:]]*include' "$@" /dev/null |
        sed -n 's/^\([^:]*:[0-9]*\):[^<"]*\([<"]\)\([^>"]*\)[>"].*/\1:\2:\3/p'
}

layers() {
    # shellcheck disable=SC2046  # names without spaces
    includes $(find src ui -name '*.[ch]') | awk -F: '
        function bad(why) { printf "%s:%s: includes \"%s\": %s\n", $1, $2, $4, why }
        function base(path) { sub(/.*\//, "", path); return path }
        BEGIN {
            split("util secret outfile clock buf fmt hist series stats verdict inifile", l0, " ")
            for (i in l0) low[l0[i] ".h"] = 1
            split("snapshot.h hist.h series.h fmt.h util.h inifile.h", shown, " ")
            for (i in shown) open[shown[i]] = 1
        }
        { file = $1; quoted = $3 == "\""; curses = $4 ~ /curses|^term\.h$/ }
        file ~ /^src\// && file != "src/main.c" {
            if (curses) bad("the engine does not know the screen")
            if ($4 ~ /(^|\/)ui\//) bad("the engine does not know the screen")
        }
        file ~ /^ui\// {
            if (curses && file != "ui/screen.c") bad("curses lives in ui/screen.c alone")
            own = $4
            sub(/^ui\//, "", own)
            mine = quoted && own !~ /\// && system("test -e ui/" own) == 0
            if (quoted && !mine && !($4 in open)) bad("ui/ sees of src/ only snapshot.h hist.h series.h fmt.h util.h inifile.h")
        }
        quoted && file ~ /^src\/[a-z0-9_]*\.[ch]$/ && (sprintf("%s.h", substr(base(file), 1, length(base(file)) - 2)) in low) {
            if (!($4 in low)) bad("layer 0 stands on libc alone")
        }
        file ~ /^src\/(load|watch|host|report|replay|sim)\// && quoted && $4 ~ /^engine\// { bad("the engine stands above this folder") }
        file ~ /^src\/(load|watch|host|sim)\// && quoted && $4 ~ /^report\// { bad("reports stand above this folder") }
        file ~ /^src\/measure\// {
            # the recorder holds the hand-over of a worker: it alone knows of threads
            if ($4 ~ /^(event2\/|event\.h|curl\/)/ || ($4 == "pthread.h" && base(file) !~ /^recorder\./)) bad("src/measure is pure: bytes and values in, values out")
            if (quoted && $4 ~ /^(load|watch|host|sim|engine|report)\//) bad("includes point downwards only")
        }' | complain
}

# Function bodies stand between a "{" and a "}" in the first column.
lengths() {
    # shellcheck disable=SC2046
    awk '
        FNR == 1 { start = 0; name = "" }
        /^[a-zA-Z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
        /^\{/ { start = FNR }
        /^\}/ {
            if (start > 0 && FNR - start - 1 > 100)
                printf "%s:%d: %s is %d lines long (100 at the most)\n", FILENAME, start, name, FNR - start - 1
            start = 0
        }' $(sources) /dev/null | complain
    # shellcheck disable=SC2046
    wc -l $(sources) | awk '$2 != "total" && $1 > 600 { printf "note: %s has %d lines\n", $2, $1 }'
}

# Only counted: each version of clang-format lays out some lines differently.
format() {
    # shellcheck disable=SC2046
    clang-format --dry-run $(sources) 2>&1 | sed -n 's/^\([^: ]*\):[0-9].*/\1/p' | sort | uniq -c >"$LINT/format"
    [ ! -s "$LINT/format" ] ||
        echo "note: clang-format would change $(wc -l <"$LINT/format") files (places and names: $LINT/format)"
}

flags() {
    echo -std=c17 -D_GNU_SOURCE -I. -Isrc -Itests
    pkg-config --cflags libcurl libevent ncursesw libcjson libdrm inih cmocka vterm umockdev-1.0 2>/dev/null
}

tidy_one() {
    file=$1
    stamp=$LINT/$file.ok
    if [ -e "$stamp" ] && [ -z "$(find "$file" .clang-tidy tests/lint.sh src ui tests -newer "$stamp" \
        \( -path "$file" -o -name '*.h' -o -name .clang-tidy -o -name lint.sh \) -print -quit)" ]; then
        return 0
    fi
    mkdir -p "$(dirname "$stamp")"
    # shellcheck disable=SC2046
    if found=$(clang-tidy --quiet "$file" -- $(flags) 2>/dev/null); then
        touch "$stamp"
    else
        echo >>"$LINT/failed"
        [ -n "$found" ] || found="$file: clang-tidy failed: $(clang-tidy --quiet "$file" -- $(flags) 2>&1 | head -n 5)"
    fi
    [ -z "$found" ] || printf '%s\n' "$found"
}

tidy() {
    find src ui tests -name '*.c' | sort | xargs -r -P "$(nproc)" -n 1 sh "$0" --tidy
}

static_check() {
    mkdir -p "$LINT/cppcheck"
    cppcheck --quiet --enable=warning,performance,portability --inline-suppr --std=c11 --error-exitcode=1 \
        --suppress=missingIncludeSystem --suppress='*:*/usr/include/*' --cppcheck-build-dir="$LINT/cppcheck" \
        -j "$(nproc)" -D_GNU_SOURCE -D__linux__ -I. -Isrc -Itests src ui tests 2>&1 | complain
}

if [ "${1:-}" = --tidy ]; then
    tidy_one "$2"
    exit 0
fi

mkdir -p "$LINT"
[ $# -gt 0 ] || set -- layers length format cppcheck tidy
for what; do
    rm -f "$LINT/failed"
    begin=$(date +%s)
    case $what in
    layers) layers ;;
    length) lengths ;;
    format) format ;;
    tidy) tidy ;;
    cppcheck) static_check ;;
    *) echo "lint: no check \"$what\"" >&2; exit 2 ;;
    esac
    result=ok
    [ ! -e "$LINT/failed" ] || { result=FAILED; status=1; }
    echo "lint $what: $result ($(($(date +%s) - begin)) s)"
done
exit "$status"
