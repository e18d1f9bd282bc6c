# Fuzzing with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer (clang).
#
# A fuzzer NAME is tests/fuzz/fuzz_NAME.cc and its seeds, tests/fuzz/corpus/NAME; a dictionary,
# tests/fuzz/NAME.dict, is optional. Nothing else has to be said about it anywhere.
#
#   make fuzz-build              build/fuzz/fuzz_NAME for each
#   make fuzz SECONDS=60         each for so long; what it finds stays in build/fuzz/corpus/NAME
#   make fuzz FUZZERS=document   only this one
#   make fuzz HUNT=1 SECONDS=3600 FUZZERS=fcgi    for hours: of optimized objects
#   make fuzz HUNT=1 RUNS=10000000 FUZZERS=fcgi   so many inputs, however long they take
#   make fuzz-replay             the seeds, once: part of `make test`

FUZZERS ?= $(patsubst tests/fuzz/fuzz_%.cc,%,$(wildcard tests/fuzz/fuzz_*.cc))
SECONDS ?= 60
RUNS ?=

# The library and the fuzzers are objects of the asan build, which is instrumented for libFuzzer;
# with HUNT=1 of the hunt build, which is that one, optimized.
FUZZ_OF  := $(if $(HUNT),hunt,asan)
FUZZ_DIR := build/fuzz$(if $(HUNT),-hunt)
.PHONY: fuzz-build fuzz fuzz-replay
fuzz-build:
	$(Q)$(MAKE) --no-print-directory VARIANT=$(FUZZ_OF) $(FUZZERS:%=$(FUZZ_DIR)/fuzz_%)

$(FUZZ_DIR)/fuzz_%: build/$(FUZZ_OF)/tests/fuzz/fuzz_%.o build/$(FUZZ_OF)/tests/doubles/reference_json.o build/$(FUZZ_OF)/libstateward.a
	@mkdir -p $(@D); echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
.SECONDARY: $(FUZZERS:%=build/$(FUZZ_OF)/tests/fuzz/fuzz_%.o)

fuzz: fuzz-build
	$(Q)set -e; for f in $(FUZZERS); do \
	  mkdir -p build/fuzz/corpus/$$f; \
	  dict=; [ ! -e tests/fuzz/$$f.dict ] || dict=-dict=tests/fuzz/$$f.dict; \
	  echo "  FUZZ  $$f ($(if $(RUNS),$(RUNS) inputs,$(SECONDS) s))"; \
	  $(FUZZ_DIR)/fuzz_$$f $$dict $(if $(RUNS),-runs=$(RUNS),-max_total_time=$(SECONDS)) -timeout=10 -rss_limit_mb=2048 \
	    -artifact_prefix=build/fuzz/$$f- -print_final_stats=1 \
	    build/fuzz/corpus/$$f tests/fuzz/corpus/$$f; \
	done

# A corpus that is missing or empty is an error: it would prove nothing.
fuzz-replay: fuzz-build
	$(Q)set -e; for f in $(FUZZERS); do \
	  n=$$(find tests/fuzz/corpus/$$f -type f | wc -l); [ $$n -gt 0 ]; \
	  $(FUZZ_DIR)/fuzz_$$f -runs=0 -timeout=10 -artifact_prefix=build/fuzz/$$f- tests/fuzz/corpus/$$f \
	    >build/fuzz/$$f.log 2>&1 || { cat build/fuzz/$$f.log; exit 1; }; \
	  echo "fuzz-replay: $$f: $$n inputs"; \
	done

-include $(wildcard build/$(FUZZ_OF)/tests/fuzz/*.d)
