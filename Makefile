# tokgauge: `make demo` and `make test` are all a newcomer needs; both install what is missing.
#
#   make              build ./tokgauge                 make lint      layers, format of the tree, static analysis
#   make demo         simulated server + dashboard     make bench     figures against a yardstick run beside it
#   make test         build and run every test         make goldens   write the golden screens again
#   make deps         install the packages needed      make pictures  write the README's picture and sample again
#   make install PREFIX=/usr/local DESTDIR=            make man       write man/tokgauge.1 from the program's tables
#   make uninstall                                     make fuzz      hostile input, by clang and libFuzzer
#   make clean                                         make soak-ui   random sizes and keys, on terminals
#   make soak         ten minutes of load with faults: memory, files, threads
#   make soak-kill    what 200 killed runs leave behind
#
#   SAN=address|thread   instrumented build in its own folder     WERROR=1   warnings are errors     V=1   whole commands

PREFIX  ?= /usr/local
CC      ?= cc
SAN     ?=
PKGS     = libcurl libevent_core libevent_extra libevent_pthreads ncursesw libcjson libdrm libdrm_amdgpu inih
TESTPKGS = cmocka vterm

B := build$(if $(SAN),/$(SAN))$(if $(filter clang%,$(CC)),/clang)

# pkg-config is asked only when something is compiled, so that `make deps` works on a bare machine.
PC_CFLAGS   = $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PC_LIBS     = $(shell pkg-config --libs $(PKGS) 2>/dev/null)
TEST_CFLAGS = $(shell pkg-config --cflags $(TESTPKGS) 2>/dev/null)
TEST_LIBS   = $(shell pkg-config --libs $(TESTPKGS) 2>/dev/null) -lutil

WARN = -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
       -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wdouble-promotion -Wimplicit-fallthrough
OPT  = $(if $(SAN),-O1 -fno-omit-frame-pointer,-O2)
# The compiler is asked once which of these it has, and not before something is compiled.
FORTIFY = $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(or $(call takes,-D_FORTIFY_SOURCE=3,3),2))
takes = $(shell echo 'int i;' | $(CC) -Werror -O2 -U_FORTIFY_SOURCE $(1) -include stdio.h -x c -c -o /dev/null - 2>/dev/null && echo $(2))
HARD = $(eval HARD := $$(FORTIFY) -fstack-protector-strong -fPIE $$(foreach f,-fstack-clash-protection -fcf-protection,$$(call takes,$$f,$$f)))$(HARD)
SANF = $(if $(filter address,$(SAN)),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined) \
       $(if $(filter thread,$(SAN)),-fsanitize=thread) \
       $(if $(filter fuzz,$(SAN)),-fsanitize=fuzzer-no-link$(comma)address$(comma)undefined -fno-sanitize-recover=undefined)
comma := ,
# A line per file; V=1 shows the whole command.
Q = $(if $(V),,@echo "  $@";)

ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -g $(OPT) $(HARD) $(WARN) $(if $(WERROR),-Werror) $(SANF) \
             -I. -Isrc -pthread $(PC_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack -pthread $(SANF) $(LDFLAGS)

CORE_SRC := $(filter-out src/main.c,$(wildcard src/*.c src/*/*.c))
UI_SRC   := $(wildcard ui/*.c)
CORE_OBJ := $(CORE_SRC:%.c=$B/%.o)
UI_OBJ   := $(UI_SRC:%.c=$B/%.o)
MAIN_OBJ := $B/src/main.o $(if $(filter thread,$(SAN)),$B/tests/tools/tsan_first.o)
TOOL_SRC := $(filter-out %/drmshim.c %/asleep.c %/tsan_first.c %/fakegpu_driver.c %/fakegpu_sysfs.c,$(wildcard tests/tools/*.c tests/bench/*.c))
TOOLS    := $(TOOL_SRC:tests/%.c=$B/tests/%) $B/tests/tools/libdrmshim.so $B/tests/tools/libasleep.so
THEMES   := $(wildcard themes/*.theme)
UNIT     := $(patsubst tests/%.c,$B/tests/%,$(wildcard tests/unit/*.c))
PROGRAM  := $(if $(SAN)$(filter clang%,$(CC)),$B/tokgauge,tokgauge)

.PHONY: all deps demo test check fuzz soak soak-kill soak-ui lint bench goldens pictures man install uninstall clean tests
.DEFAULT_GOAL := all
all: $(PROGRAM)

$(PROGRAM): $(MAIN_OBJ) $B/libui.a $B/libcore.a
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PC_LIBS) -lm

$B/libcore.a: $(CORE_OBJ)
	$Qrm -f $@ && ar rcs $@ $^
$B/libui.a: $(UI_OBJ)
	$Qrm -f $@ && ar rcs $@ $^

$B/%.o: %.c
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Tests of the engine link without ncurses: the linker is what proves that layer.
$B/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) $(TEST_CFLAGS) -Itests -MMD -MP -c -o $@ $<
CORE_LIBS = $(shell pkg-config --libs libcurl libevent_core libevent_extra libevent_pthreads libcjson libdrm libdrm_amdgpu inih 2>/dev/null)
$B/tests/unit/test_ui%: $B/tests/unit/test_ui%.o $B/libui.a $B/libcore.a
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(PC_LIBS) -lm
$B/tests/unit/%: $B/tests/unit/%.o $B/libcore.a
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(CORE_LIBS) -lm
$B/tests/tools/ui_%: $B/tests/tools/ui_%.o $B/libui.a $B/libcore.a
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(PC_LIBS) -lm
$B/tests/bench/ui_%: $B/tests/bench/ui_%.o $B/libui.a $B/libcore.a
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(PC_LIBS) -lm
$B/tests/%: $B/tests/%.o $B/libcore.a
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(CORE_LIBS) -lm
# Both are never sanitised: umockdev's library and the shim stand before everything else in a process, and a sanitiser's
# own must.  fakegpu alone needs umockdev.
FAKEGPU_OBJ := $(addprefix $B/tests/tools/,fakegpu.o fakegpu_driver.o fakegpu_sysfs.o)
$B/tests/tools/fakegpu $(FAKEGPU_OBJ) $B/tests/tools/libdrmshim.so $B/tests/tools/libasleep.so: SANF :=
$(FAKEGPU_OBJ): TEST_CFLAGS = $(shell pkg-config --cflags umockdev-1.0 libdrm 2>/dev/null)
$B/tests/tools/fakegpu: $(FAKEGPU_OBJ)
	$Q$(CC) $(ALL_LDFLAGS) -o $@ $^ $(shell pkg-config --libs umockdev-1.0 2>/dev/null)
# It defines open() itself, which the fortified headers do as well.
$B/tests/tools/libdrmshim.so: tests/tools/drmshim.c
$B/tests/tools/libasleep.so: tests/tools/asleep.c
$B/tests/tools/libdrmshim.so $B/tests/tools/libasleep.so:
	@mkdir -p $(@D)
	$Q$(CC) $(filter-out -fPIE -D_FORTIFY_SOURCE=%,$(ALL_CFLAGS)) -U_FORTIFY_SOURCE -fPIC -shared -MMD -MP \
		-MF $(@:.so=.d) $(filter-out -pie,$(ALL_LDFLAGS)) -o $@ $<
.PRECIOUS: $B/tests/%.o
tests: $(UNIT) $(TOOLS) $(PROGRAM)

deps:
	@sh tests/deps.sh build test
demo:
	@sh tests/deps.sh build
	@$(MAKE) --no-print-directory all
	./tokgauge demo $(ARGS)
test:
	@sh tests/deps.sh build test
	@$(MAKE) --no-print-directory check
check: tests
	BUILD=$B TOKGAUGE=$(abspath $(PROGRAM)) sh tests/run.sh $(T)
fuzz:
	@sh tests/deps.sh lint
	sh tests/fuzz/run.sh $(FUZZ_S) $(FUZZ)
soak: all
	BUILD=$B TOKGAUGE=$(abspath $(PROGRAM)) sh tests/soak.sh $(SOAK_S)
soak-kill: tests
	BUILD=$B TOKGAUGE=$(abspath $(PROGRAM)) sh tests/soak-kill.sh $(KILLS) $(SEED)
soak-ui: tests
	BUILD=$B TOKGAUGE=$(abspath $(PROGRAM)) sh tests/soak-ui.sh $(SOAK_S)
lint:
	@sh tests/deps.sh lint
	sh tests/lint.sh
bench: tests
	BUILD=$B TOKGAUGE=$(abspath $(PROGRAM)) sh tests/bench/run.sh
goldens: tests
	GENERATE=1 BUILD=$B TOKGAUGE=$(abspath $(PROGRAM)) sh tests/run.sh golden
pictures: all
	TOKGAUGE=$(abspath $(PROGRAM)) sh tests/pictures.sh
# The page is in git, so that neither building nor installing needs the tool that makes it.
man: $B/tests/tools/ui_man
	$< man/tokgauge.1.in >$B/tokgauge.1
	cp $B/tokgauge.1 man/tokgauge.1

install: all
	install -D -m 755 tokgauge $(DESTDIR)$(PREFIX)/bin/tokgauge
	install -D -m 644 man/tokgauge.1 $(DESTDIR)$(PREFIX)/share/man/man1/tokgauge.1
	for shell in bash zsh fish; do ./tokgauge --completions $$shell >$B/completion.$$shell || exit 1; done
	install -D -m 644 $B/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/tokgauge
	install -D -m 644 $B/completion.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_tokgauge
	install -D -m 644 $B/completion.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/tokgauge.fish
	install -d $(DESTDIR)$(PREFIX)/share/tokgauge/themes
	install -m 644 $(THEMES) $(DESTDIR)$(PREFIX)/share/tokgauge/themes
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/tokgauge $(DESTDIR)$(PREFIX)/share/man/man1/tokgauge.1 \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/tokgauge \
	    $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_tokgauge \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/tokgauge.fish \
	    $(addprefix $(DESTDIR)$(PREFIX)/share/tokgauge/,$(THEMES))
clean:
	rm -rf build tokgauge

-include $(shell find $B -name '*.d' 2>/dev/null)
