#!/bin/sh
# deps.sh GROUP…: installs what the groups (build, test, lint) need and the machine lacks.  Where nothing is missing it
# looks at pkg-config and PATH, and touches neither the network nor the package manager.
set -eu

# group  check                          Debian, Ubuntu          Fedora                pacman          zypper
table() {
    cat <<'END'
build    cmd:cc                         gcc                     gcc                   gcc             gcc
build    cmd:make                       make                    make                  make            make
build    cmd:pkg-config                 pkg-config              pkgconf-pkg-config    pkgconf         pkgconf
build    pc:libcurl                     libcurl4-openssl-dev    libcurl-devel         curl            libcurl-devel
build    pc:libevent_pthreads           libevent-dev            libevent-devel        libevent        libevent-devel
build    pc:ncursesw                    libncurses-dev          ncurses-devel         ncurses         ncurses-devel
build    pc:libcjson                    libcjson-dev            cjson-devel           cjson           cJSON-devel
build    pc:libdrm_amdgpu               libdrm-dev              libdrm-devel          libdrm          libdrm-devel
build    pc:inih                        libinih-dev             inih-devel            libinih         libinih-devel
test     pc:umockdev-1.0                libumockdev-dev         umockdev-devel        umockdev        libumockdev-devel
test     cmd:umockdev-wrapper           umockdev                umockdev              umockdev        umockdev
test     pc:cmocka                      libcmocka-dev           libcmocka-devel       cmocka          libcmocka-devel
test     pc:vterm                       libvterm-dev            libvterm-devel        libvterm        libvterm-devel
test     cmd:jq                         jq                      jq                    jq              jq
test     cmd:curl                       curl                    curl                  curl            curl
test     cmd:openssl                    openssl                 openssl               openssl         openssl
test     cmd:pgrep                      procps                  procps-ng             procps-ng       procps
test     term:vt100                     ncurses-base            ncurses-base          ncurses         terminfo-base
test     term:tmux-256color             ncurses-term            ncurses-term          ncurses         terminfo
lint     cmd:clang                      clang                   clang                 clang           clang
lint     cmd:clang-tidy                 clang-tidy              clang-tools-extra     clang           clang-tools
lint     cmd:clang-format               clang-format            clang-tools-extra     clang           clang-tools
lint     cmd:cppcheck                   cppcheck                cppcheck              cppcheck        cppcheck
lint     cmd:valgrind                   valgrind                valgrind              valgrind        valgrind
lint     lib:libasan.so                 -                       libasan               -               -
lint     lib:libubsan.so                -                       libubsan              -               -
lint     lib:libtsan.so                 -                       libtsan               -               -
END
}

manager() {
    for m in apt-get dnf pacman zypper; do
        if command -v "$m" >/dev/null 2>&1; then
            echo "$m"
            return
        fi
    done
    echo none
}

# A description of this terminal type, where ncurses looks for it.
has_terminal() {
    for dir in "${TERMINFO:-/etc/terminfo}" /etc/terminfo /lib/terminfo /usr/lib/terminfo /usr/share/terminfo; do
        [ -e "$dir/$(printf %.1s "$1")/$1" ] && return
    done
    false
}

has() {
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
    term:*) has_terminal "${1#term:}" ;;
    # gcc prints a path where it has the library, the bare name where not
    lib:*) case $(cc -print-file-name="${1#lib:}" 2>/dev/null) in /*) true ;; *) false ;; esac ;;
    esac
}

# Rows of the table of these groups: the check and the package's name by the package manager of column $1.
rows() {
    column=$1
    shift
    table | awk -v groups=" $* " -v column="$column" 'index(groups, " " $1 " ") { print $2, (column > 2 ? $column : "") }'
}

# The packages that these groups lack, each once.
missing() {
    rows "$@" | while read -r check name; do
        [ "$name" = - ] || has "$check" || echo "$name"
    done | sort -u | tr '\n' ' '
}

# All libraries of these groups by one call: what is asked on every `make`.
all_there() {
    libs=''
    tools=0
    for check in $(rows 2 "$@"); do
        case $check in
        pc:*) libs="$libs ${check#pc:}" ;;
        *) has "$check" || tools=1 ;;
        esac
    done
    # shellcheck disable=SC2086  # a list of words
    [ "$tools" = 0 ] && { [ -z "$libs" ] || pkg-config --exists $libs 2>/dev/null; }
}

[ $# -gt 0 ] || { echo "usage: deps.sh build|test|lint …" >&2; exit 2; }
all_there "$@" && exit 0

pm=$(manager)
case $pm in
apt-get | none) list=$(missing 3 "$@") ;;
dnf) list=$(missing 4 "$@") ;;
pacman) list=$(missing 5 "$@") ;;
zypper) list=$(missing 6 "$@") ;;
esac
[ -n "${list% }" ] || exit 0

case $pm in
pacman) echo "tokgauge: missing packages; please run: sudo pacman -S --needed $list" >&2; exit 1 ;;
zypper) echo "tokgauge: missing packages; please run: sudo zypper install $list" >&2; exit 1 ;;
none) echo "tokgauge: missing packages (by their Debian names): $list" >&2; exit 1 ;;
esac

sudo=''
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
        { echo "tokgauge: please install as root: $pm install $list" >&2; exit 1; }
    sudo=sudo
fi
echo "tokgauge: installing with $pm: $list" >&2
# shellcheck disable=SC2086  # $list is a list of words, $sudo may be empty
if [ "$pm" = apt-get ]; then
    $sudo apt-get -qq update >&2 || echo "tokgauge: apt-get update failed; trying with the lists at hand" >&2
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $list >&2
else
    $sudo dnf -q -y install $list >&2
fi || { echo "tokgauge: could not install: $list" >&2; exit 1; }
