# `make test` installs and starts what the tests need and runs them all; `make test SUITES="unit"`
# runs some (names: tests/run.py).
.PHONY: test test-deps
test-deps:
	$(Q)tools/deps.sh run
	$(Q)tools/deps.sh test
test: test-deps
	$(Q)python3 tests/run.py $(SUITES)
