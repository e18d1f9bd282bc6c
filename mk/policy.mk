# The policy's evaluator against a second one in Python, on random policies (PAIRS, SEED).
PAIRS ?= 100000
SEED  ?= 20261125

.PHONY: prove-policy
prove-policy: $(O)/policy_batch
	$(Q)python3 tests/policy/compare.py $(O)/policy_batch --pairs $(PAIRS) --seed $(SEED)
$(O)/policy_batch: $(O)/tests/policy/policy_batch.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
-include $(wildcard $(O)/tests/policy/*.d)
