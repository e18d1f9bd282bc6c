# Slower proofs. make test runs 300 kills.
KILLS ?= 10000
.PHONY: prove-crash
prove-crash: all
	$(Q)STATEWARD_KILLS=$(KILLS) python3 tests/e2e/run.py test_crash
