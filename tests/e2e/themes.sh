# Themes: where they are looked for, what is told of their files, and how they look on a terminal.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
case $PTY in /*) ;; *) PTY=$PWD/$PTY ;; esac
unset NO_COLOR
export XDG_DATA_DIRS="$TMP/dirs1:relative:$TMP/dirs2"

# A program with the themes beside it, as it is built.
mkdir -p "$TMP/tree" "$TMP/bare"
cp "$TOKGAUGE" "$TMP/tree/tokgauge"
cp "$TOKGAUGE" "$TMP/bare/tokgauge"
cp -R themes "$TMP/tree/"
IN_TREE=$TMP/tree/tokgauge BARE=$TMP/bare/tokgauge

# ---- the list ----
check "--list-themes needs no server" exits 0 "$IN_TREE" --list-themes
check "nor anything else that its command needs" exits 0 "$IN_TREE" tune --list-themes
cp "$TMP/out" "$TMP/list"
check "it has every file beside the program" same "$(wc -l <"$TMP/list")" "$(find themes -name '*.theme' | grep -c .)"
check "it begins with the default" same "$(head -n 1 "$TMP/list" | tr -s ' ')" "tokgauge-dark dark $TMP/tree/themes/tokgauge-dark.theme"
check "it says which ground they are for" same "$(awk '$1 == "solarized-light" || $1 == "mono" { print $2 }' "$TMP/list" | tr '\n' ' ')" 'any light '
check "a program without files has those that are compiled in" exits 0 "$BARE" watch --list-themes
check "and says so" same "$(tr -s ' ' <"$TMP/out" | tr '\n' ';')" 'tokgauge-dark dark built in;mono any built in;tokgauge-light light built in;'

# ---- the order ----
where() { # where NAME: the file that a program without themes of its own finds
    "$BARE" --list-themes | awk -v n="$1" '$1 == n { $1 = $2 = ""; print substr($0, 3) }'
}
put() { # put FOLDER NAME
    mkdir -p "$1" && printf 'variant = light\nname = from %s\n' "$1" >"$1/$2.theme"
}
put "$TMP/dirs2/tokgauge/themes" mine
check "a theme of the last data folder is found" same "$(where mine)" "$TMP/dirs2/tokgauge/themes/mine.theme"
put "$TMP/dirs1/tokgauge/themes" mine
check "the data folder before it comes first" same "$(where mine)" "$TMP/dirs1/tokgauge/themes/mine.theme"
put "$HOME/.local/share/tokgauge/themes" mine
check "then the user's data" same "$(where mine)" "$HOME/.local/share/tokgauge/themes/mine.theme"
put "$TMP/data/tokgauge/themes" mine
XDG_DATA_HOME=$TMP/data
export XDG_DATA_HOME
check "which XDG_DATA_HOME names" same "$(where mine)" "$TMP/data/tokgauge/themes/mine.theme"
put "$XDG_CONFIG_HOME/tokgauge/themes" mine
check "the user's configuration comes before all" same "$(where mine)" "$XDG_CONFIG_HOME/tokgauge/themes/mine.theme"
put "$XDG_CONFIG_HOME/tokgauge/themes" mono
check "a file stands before what is compiled in" same "$(where mono)" "$XDG_CONFIG_HOME/tokgauge/themes/mono.theme"
rm "$XDG_CONFIG_HOME/tokgauge/themes/mono.theme"
check "each name stands once in the list" same "$("$BARE" --list-themes | grep -c '^mine ')" 1
mkdir -p "$TMP/prefix/bin" "$TMP/prefix/share/tokgauge/themes"
cp "$TOKGAUGE" "$TMP/prefix/bin/tokgauge"
put "$TMP/prefix/share/tokgauge/themes" installed
check "an installed program finds its own" same "$("$TMP/prefix/bin/tokgauge" --list-themes | awk '$1 == "installed" { print $3 }')" \
    "$TMP/prefix/share/tokgauge/themes/installed.theme"
printf 'x' >"$XDG_CONFIG_HOME/tokgauge/themes/$(printf 'a\033[2Jb').theme"
mkdir "$XDG_CONFIG_HOME/tokgauge/themes/folder.theme"
mkfifo "$XDG_CONFIG_HOME/tokgauge/themes/pipe.theme"
check "no list for names that are no text, folders, pipes" same "$("$BARE" --list-themes | grep -c 'folder\|pipe\|2J')" 0

# ---- what cannot be ----
refused() { # refused WORDS ARGUMENTS…: status 2, one line, nothing sent
    words=$1
    shift
    exits 2 "$BARE" "$@" && contains "$TMP/err" "$words" && same "$(wc -l <"$TMP/err")" 1
}
check "an unknown theme is one line that names those there are" refused "there is no theme 'nope': --theme takes a file or tokgauge-dark, mine, mono, tokgauge-light" \
    demo --theme nope
check "so is a file that is not there" refused "cannot read theme './no.theme': No such file" watch --theme ./no.theme
check "a device is not read" refused "no plain file" demo --theme /dev/zero
check "nor a pipe" refused "no plain file" demo --theme pipe
head -c 2000000 /dev/zero >"$TMP/big.theme"
check "nor a file that is no theme by its size" refused "1 MiB at the most" demo --theme "$TMP/big.theme"
check "--check-theme of what is not there" refused "cannot read theme" --check-theme "$TMP/none.theme"

# ---- --check-theme ----
for f in themes/*.theme; do
    check "$f is clean" exits 0 "$BARE" --check-theme "$f"
    check "and nothing is said" same "$(cat "$TMP/out" "$TMP/err")" ''
done
printf 'variant = dark\ntxet = #ffffff\ntext = reddish\ntext.dim = #202020\n' >"$TMP/bad.theme"
check "--check-theme finds what is wrong" exits 1 "$BARE" --check-theme "$TMP/bad.theme"
cp "$TMP/out" "$TMP/found"
check "an unknown role, by its line" contains "$TMP/found" "$TMP/bad.theme:2: there is no role 'txet'"
check "a wrong colour, by its line" contains "$TMP/found" "$TMP/bad.theme:3: 'reddish' is no true colour"
check "a contrast" contains "$TMP/found" "$TMP/bad.theme: text.dim has a contrast of"
check "with 256 colours, too" contains "$TMP/found" "with 256 colours: 4.5 is the least"

# ---- pictures ----
start_sim --cold 0 --step 5
picture() { # picture NAME THEME
    "$IN_TREE" run "$URL" --json -n 2 --max-tokens 4 --context 32 --svg "$TMP/$1.svg" --theme "$2" >/dev/null 2>"$TMP/err"
}
check "--theme holds for pictures" picture nord nord
check "whose ground is the theme's" contains "$TMP/nord.svg" 'fill="#2e3440"'
check "a file with mistakes is used all the same" picture bad "$TMP/bad.theme"
check "what is wrong with it is told, with its line" contains "$TMP/err" "tokgauge: $TMP/bad.theme:2: there is no role 'txet'"
check "and the rest of it holds" contains "$TMP/bad.svg" '#202020'

# ---- on a terminal ----
last_screen() { # last_screen BYTES: what was written since the screen was cleared last
    tr '\033' '\n' <"$1" | awk '/^\[2J/ { n = 0 } { line[n++] = $0 } END { for (i = 0; i < n; i++) print line[i] }'
}
rm -r "$XDG_CONFIG_HOME/tokgauge/themes"
check "t shows the themes, Enter keeps one, Esc goes back" "$PTY" 80 24 xterm-256color "$IN_TREE" run "$URL" -c 1 <<E2
wait LOAD
key t
wait "themes"
wait "1 of"
key Down
wait "2 of"
wait "Dracula"
save $TMP/raw2
key Esc
gone "themes"
wait "output"
save $TMP/raw3
key t
wait "1 of"
key t t
wait "3 of"
wait "Gruvbox"
key Enter
gone "themes"
key C-l
wait "output"
key t
wait "3 of"
save $TMP/raw4
resize 60 16
wait "3 of"
key End
wait "tokgauge-light"
key Home ? Esc
wait "1 of"
resize 40 10
wait "needs 60×16"
resize 80 24
wait "1 of"
key q
expect-exit 0
restored
E2
last_screen "$TMP/raw2" >"$TMP/dracula"
last_screen "$TMP/raw3" >"$TMP/back"
last_screen "$TMP/raw4" >"$TMP/kept"
check "the whole screen has the theme under the bar" contains "$TMP/dracula" '48;5;236'
check "after Esc it has none of it" lacks "$TMP/back" '48;5;236'
check "after Enter it has the one that was kept" contains "$TMP/kept" '48;5;235'

sed 's/^name .*/name = Dusk of mine/' themes/gruvbox.theme >"$TMP/dusk.theme"
check "a file by its path, and it is in the list" "$PTY" 80 24 xterm-256color "$IN_TREE" run "$URL" -c 1 --theme "$TMP/dusk.theme" <<E2
wait LOAD
save $TMP/raw
key t
wait "1 of"
wait "Dusk of mine"
wait "Enter keep"
key Down Esc
gone "Enter keep"
key q
expect-exit 0
E2
check "it has the file's colours" contains "$TMP/raw" '48;5;235'

check "with eight colours" "$PTY" 80 24 linux "$IN_TREE" run "$URL" -c 1 --theme gruvbox <<E2
wait LOAD
key t
wait "Gruvbox"
key End Home Down Down Down Enter
gone "themes"
save $TMP/raw
key t t t t q
expect-exit 0
restored
E2
check "eight colours are all that is used" lacks "$TMP/raw" '38;5'
check "but they are used" contains "$TMP/raw" "$(printf '\033[33')"

for how in NO_COLOR color; do
    set -- env
    [ "$how" = color ] || set -- env NO_COLOR=1
    check "without colours ($how)" "$PTY" 80 24 xterm-256color "$@" "$IN_TREE" run "$URL" -c 1 --theme gruvbox \
        --color "$([ "$how" = color ] && echo never || echo auto)" <<E2
wait LOAD
key t
wait "mono"
wait "▸ mono"
key Down
wait "▸ nord"
key Enter
gone "themes"
save $TMP/raw
key q
expect-exit 0
E2
    check "attributes are all that is used ($how)" same "$(grep -acE "$(printf '\033')\[[0-9;]*[34][0-7](;|m)|[34]8;5" "$TMP/raw")" 0
done
