# What the compiler and the linker were asked to do for the program's safety is in what was built.
. "$TESTS_DIR/e2e/lib.sh"
elf() { # OPTION PATTERN: a line of readelf has it
    readelf -W "$1" "$TOKGAUGE" | grep -E -- "$2" || { readelf -W "$1" "$TOKGAUGE" | head -n 40; return 1; }
}
lacks_elf() { # OPTION PATTERN
    ! readelf -W "$1" "$TOKGAUGE" | grep -E -- "$2"
}
check "it lies anywhere in memory (PIE)" elf -h 'Type: +DYN'
check "and says so" elf -d 'FLAGS_1.*PIE'
check "its tables are read-only (RELRO)" elf -l 'GNU_RELRO'
check "all of them, from the start (BIND_NOW)" elf -d 'BIND_NOW|FLAGS_1.* NOW'
check "its stack is no code" elf -l 'GNU_STACK.* RW '
check "nothing can be written and run" lacks_elf -l 'LOAD .* RWE '
check "no path of libraries is built in" lacks_elf -d 'RPATH|RUNPATH'
check "stacks are guarded" elf -s ' __stack_chk_(fail|guard)'
if [ -n "$FAKEGPU_PRELOAD_FIRST" ]; then
    echo "ok calls of libc are checked # by the sanitizer"
else
    check "calls of libc are checked (FORTIFY)" elf -s ' __(snprintf|memcpy|vsnprintf)_chk'
fi
