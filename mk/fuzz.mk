# Fuzzing with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer (clang).
#
# A fuzzer NAME is tests/fuzz/fuzz_NAME.cc and its seeds, tests/fuzz/corpus/NAME; a dictionary,
# tests/fuzz/NAME.dict, is optional. Nothing else has to be said about it anywhere.
#
#   make fuzz-build              build/fuzz/fuzz_NAME for each
#   make fuzz SECONDS=60         each for so long; what it finds stays in build/fuzz/corpus/NAME
#   make fuzz FUZZERS=document   only this one
#   make fuzz-replay             the seeds, once: part of `make test`

FUZZERS   ?= $(patsubst tests/fuzz/fuzz_%.cc,%,$(wildcard tests/fuzz/fuzz_*.cc))
FUZZ_CXX  ?= clang++
FUZZ_MAKE := $(MAKE) --no-print-directory VARIANT=fuzz CXX="$(FUZZ_CXX)" WARN=
SECONDS   ?= 60

OPT_fuzz := -O1 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all \
            -fno-omit-frame-pointer

.PHONY: fuzz-build fuzz fuzz-replay
fuzz-build:
	$(Q)$(FUZZ_MAKE) $(FUZZERS:%=build/fuzz/fuzz_%)

# Only the layers below what is fuzzed: a build with sanitizers takes its time.
FUZZ_LAYERS := auth base client fcgi http kms state
FUZZ_OBJ := $(patsubst %.cc,build/fuzz/%.o,$(foreach l,$(FUZZ_LAYERS),$(wildcard src/$(l)/*.cc)))
build/fuzz/libfuzzed.a: $(FUZZ_OBJ)
	@echo "  AR    $@"; rm -f $@; ar rcs $@ $^

build/fuzz/fuzz_%: build/fuzz/tests/fuzz/fuzz_%.o build/fuzz/tests/doubles/reference_json.o build/fuzz/libfuzzed.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
.SECONDARY: $(FUZZERS:%=build/fuzz/tests/fuzz/fuzz_%.o)

fuzz: fuzz-build
	$(Q)set -e; for f in $(FUZZERS); do \
	  mkdir -p build/fuzz/corpus/$$f; \
	  dict=; [ ! -e tests/fuzz/$$f.dict ] || dict=-dict=tests/fuzz/$$f.dict; \
	  echo "  FUZZ  $$f ($(SECONDS) s)"; \
	  build/fuzz/fuzz_$$f $$dict -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024 \
	    -artifact_prefix=build/fuzz/$$f- -print_final_stats=1 \
	    build/fuzz/corpus/$$f tests/fuzz/corpus/$$f; \
	done

# A corpus that is missing or empty is an error: it would prove nothing.
fuzz-replay: fuzz-build
	$(Q)set -e; for f in $(FUZZERS); do \
	  n=$$(find tests/fuzz/corpus/$$f -type f | wc -l); [ $$n -gt 0 ]; \
	  build/fuzz/fuzz_$$f -runs=0 -timeout=10 -artifact_prefix=build/fuzz/$$f- tests/fuzz/corpus/$$f \
	    >build/fuzz/$$f.log 2>&1 || { cat build/fuzz/$$f.log; exit 1; }; \
	  echo "fuzz-replay: $$f: $$n inputs"; \
	done

-include $(wildcard build/fuzz/tests/*/*.d) $(FUZZ_OBJ:.o=.d)
