# Stateward. `make run` tries it here, `make test` proves it, `make install` puts it in place.
# Each build variant has a folder of its own: build/release, build/asan, build/tsan.

PREFIX  ?= /usr/local
DESTDIR ?=
VARIANT ?= release
O       := build/$(VARIANT)

CXX      ?= g++
CC       ?= gcc
V        ?= 0
Q        := $(if $(filter 1,$(V)),,@)

WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE -D_GLIBCXX_ASSERTIONS

# release  what is installed, and what the end-to-end tests run
# quick    the same without optimization, for `make check`
# asan     AddressSanitizer and UndefinedBehaviorSanitizer; the fuzzers use its objects, too
# hunt     asan, optimized: the fuzzers run about six times as fast, and take longer to compile
# tsan     ThreadSanitizer, by g++: clang's runtime brings an operator new, and so does CppUTest
# clang compiles code for AddressSanitizer three times as fast as g++ does, and has libFuzzer.
SAN_CXX     ?= clang++
# Enough for backtraces; -g, which the packages have, takes a third more time.
SYMBOLS     ?= -g1
OPT_release := -O2 $(SYMBOLS) -D_FORTIFY_SOURCE=2
OPT_quick   := -O0 -g1
OPT_asan    := -O0 -g1 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_hunt    := $(OPT_asan:-O0=-O2)
# -Wno-maybe-uninitialized: with sanitizers GCC 12 takes a std::variant's unused member for used.
OPT_tsan    := -O1 -g1 -fsanitize=thread -fno-omit-frame-pointer -Wno-maybe-uninitialized -Wno-tsan
ifneq ($(filter asan hunt,$(VARIANT)),)
CXX  := $(SAN_CXX)
WARN := -Wall -Wextra -Werror
endif
# Tests have nothing to win by optimization: it doubles the time that they take to compile.
OPT_tests   := $(if $(filter release,$(VARIANT)),-O0 -g1 -U_FORTIFY_SOURCE)
CPPFLAGS += -Iinclude -Isrc -isystem /usr/include/postgresql -D_GNU_SOURCE -MMD -MP
CXXFLAGS += -std=c++17 $(WARN) $(HARDEN) $(OPT_$(VARIANT)) -pthread
CFLAGS   += -std=c11 $(WARN) $(HARDEN) $(OPT_$(VARIANT)) -pthread
LDFLAGS  += -pie -Wl,-z,relro,-z,now $(filter -fsanitize%,$(OPT_$(VARIANT))) -pthread
LDLIBS   += -lfcgi -lcrypto -lcjson -lzstd -lmicrohttpd -lcurl -lhiredis -lcrypt -lpq -ljwt

IS_CLANG := $(filter clang++,$(notdir $(lastword $(CXX))))
# The standard headers, compiled once. Not for release: there UNITY=0 shows that each file names what it includes.
ifneq ($(VARIANT),release)
PCH := $(O)/precompiled.h.$(if $(IS_CLANG),pch,gch)
endif

LIB_SRC  := $(filter-out src/main.cc src/cli/main.cc,$(shell find src -name '*.cc'))
UNIT_SRC := $(shell find tests/unit tests/doubles -name '*.cc')
ifeq ($(VARIANT),tsan)
# Only the groups named *Tsan run there.
UNIT_SRC := $(filter-out %_test.cc,$(UNIT_SRC)) $(shell grep -rl 'TEST_GROUP.*Tsan' tests/unit)
LIB_SRC  := $(shell python3 tools/needed_sources.py $(UNIT_SRC))
endif
ifeq ($(VARIANT),hunt)
# Only what the fuzzers at hand need; so the archive is made anew each time.
LIB_SRC  := $(shell python3 tools/needed_sources.py $(if $(FUZZERS),$(FUZZERS:%=tests/fuzz/fuzz_%.cc),$(wildcard tests/fuzz/fuzz_*.cc)))
.PHONY: $(O)/libstateward.a
endif
# Several sources are compiled as one, so that their headers are read once (tools/units.py). UNITY=0 compiles each
# by itself, which is better while one works on a few, and is the way where there is no Python.
UNITY    ?= $(if $(shell command -v python3),1,0)
objects  = $(if $(filter 1,$(UNITY)),$(shell python3 -B tools/units.py $(O) $(1) $(2)),$(patsubst %.cc,$(O)/%.o,$(2)))
LIB_OBJ  := $(call objects,lib,$(LIB_SRC))
UNIT_OBJ := $(call objects,unit,$(UNIT_SRC))
OBJ      := $(LIB_OBJ) $(UNIT_OBJ) $(O)/src/main.o $(O)/src/cli/main.o

.PHONY: all programs unit
all: programs
	$(Q)ln -sfn $(VARIANT)/stateward build/stateward; ln -sfn $(VARIANT)/statewardctl build/statewardctl
programs: $(O)/stateward $(O)/statewardctl
unit: $(O)/unit_tests

$(O)/libstateward.a: $(LIB_OBJ)
	@echo "  AR    $@"; rm -f $@; ar rcs $@ $^
$(O)/stateward: $(O)/src/main.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/statewardctl: $(O)/src/cli/main.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/unit_tests: $(UNIT_OBJ) $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lCppUTest
$(O)/tests/%.o $(O)/units/unit/%.o $(O)/units/service/%.o: CPPFLAGS += -Itests -DCPPUTEST_MEM_LEAK_DETECTION_DISABLED
$(O)/tests/%.o $(O)/units/unit/%.o $(O)/units/service/%.o: CXXFLAGS += $(OPT_tests)
$(O)/units/%.o: CPPFLAGS += -iquote .
# To g++ a unit's sources are headers; what is private to one is no defect there.
$(O)/units/%.o: CXXFLAGS += $(if $(IS_CLANG),,-Wno-subobject-linkage)
define compile
	@mkdir -p $(@D); echo "  CXX   $<"
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(PCH:%=-include $(O)/precompiled.h) -c -o $@ $<
endef
$(O)/%.o: %.cc $(PCH)
	$(compile)
$(O)/units/%.o: $(O)/units/%.cc $(PCH)
	$(compile)
$(O)/precompiled.h.gch $(O)/precompiled.h.pch: mk/precompiled.h
	@mkdir -p $(@D); echo "  PCH   $@"; cp $< $(O)/precompiled.h
	$(Q)$(CXX) $(filter-out -MMD -MP,$(CPPFLAGS)) $(CXXFLAGS) -x c++-header -o $@ $(O)/precompiled.h

.PHONY: asan tsan
asan tsan:
	$(Q)$(MAKE) --no-print-directory VARIANT=$@ unit

SOURCES := $(shell find include src tests bench -name '*.h' -o -name '*.cc' -o -name '*.c')
.PHONY: fmt fmt-check tidy layers
fmt:
	clang-format -i $(SOURCES)
fmt-check:
	$(Q)clang-format --dry-run -Werror $(SOURCES)
tidy:
	clang-tidy --quiet $(shell find src -name '*.cc') -- -std=c++17 -Iinclude -Isrc -isystem /usr/include/postgresql -D_GNU_SOURCE
layers:
	$(Q)python3 -B tools/layers.py
	$(Q)python3 -B tools/includes.py

# Targets of their own for tools, tests, installation.
-include mk/*.mk

.PHONY: clean
clean:
	rm -rf build

-include $(OBJ:.o=.d)
