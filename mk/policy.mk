# The policy's evaluator against a second one in Python, on random policies (PAIRS, SEED).
PAIRS ?= 100000
SEED  ?= 20261125

# Whether the time of a machine token's check tells how near it was (SAMPLES of each kind). Wants a
# quiet machine, so it is no part of `make test`.
SAMPLES ?= 10000

.PHONY: prove-policy prove-token-timing
prove-token-timing: $(O)/token_timing
	$(Q)$(O)/token_timing $(SAMPLES)
prove-policy: $(O)/policy_batch
	$(Q)python3 tests/policy/compare.py $(O)/policy_batch --pairs $(PAIRS) --seed $(SEED)
$(O)/policy_batch $(O)/token_timing: $(O)/%: $(O)/tests/policy/%.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
-include $(wildcard $(O)/tests/policy/*.d)
