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
OPT_release := -O2 -D_FORTIFY_SOURCE=2
# -Wno-maybe-uninitialized: with sanitizers GCC 12 takes a std::variant's unused member for used.
OPT_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
               -Wno-maybe-uninitialized
OPT_tsan    := -O1 -fsanitize=thread -fno-omit-frame-pointer -Wno-maybe-uninitialized -Wno-tsan
CPPFLAGS += -Iinclude -Isrc -isystem /usr/include/postgresql -D_GNU_SOURCE -MMD -MP
CXXFLAGS += -std=c++17 -g $(WARN) $(HARDEN) $(OPT_$(VARIANT)) -pthread
CFLAGS   += -std=c11 -g $(WARN) $(HARDEN) $(OPT_$(VARIANT)) -pthread
LDFLAGS  += -pie -Wl,-z,relro,-z,now $(filter -fsanitize%,$(OPT_$(VARIANT))) -pthread
LDLIBS   += -lfcgi -lcrypto -lcjson -lzstd -lmicrohttpd -lcurl -lhiredis -lcrypt -lpq -ljwt

LIB_OBJ  := $(patsubst %.cc,$(O)/%.o,$(filter-out src/main.cc src/cli/main.cc,$(shell find src -name '*.cc')))
UNIT_OBJ := $(patsubst %.cc,$(O)/%.o,$(shell find tests/unit tests/doubles -name '*.cc'))
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
$(O)/tests/%.o: CPPFLAGS += -Itests -DCPPUTEST_MEM_LEAK_DETECTION_DISABLED
$(O)/%.o: %.cc
	@mkdir -p $(@D); echo "  CXX   $<"
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c -o $@ $<

.PHONY: asan tsan
asan tsan:
	$(Q)$(MAKE) --no-print-directory VARIANT=$@ programs unit

SOURCES := $(shell find include src tests bench -name '*.h' -o -name '*.cc' -o -name '*.c')
.PHONY: fmt fmt-check tidy layers
fmt:
	clang-format -i $(SOURCES)
fmt-check:
	clang-format --dry-run -Werror $(SOURCES)
tidy:
	clang-tidy --quiet $(shell find src -name '*.cc') -- -std=c++17 -Iinclude -Isrc -isystem /usr/include/postgresql -D_GNU_SOURCE
layers:
	$(Q)python3 tools/layers.py

# Targets of their own for tools, tests, installation.
-include mk/*.mk

.PHONY: clean
clean:
	rm -rf build

-include $(OBJ:.o=.d)
