# `make test` installs and starts what the tests need and runs them all; `make test SUITES="unit"`
# runs some (names: tests/run.py).
.PHONY: test test-deps
test-deps:
	$(Q)tools/deps.sh run
	$(Q)tools/deps.sh test
	$(Q)tools/python_tools.sh
test: test-deps
	$(Q)python3 -B tests/run.py $(SUITES)
# Programs of suites that are neither unit nor service tests.
.PHONY: test-programs
test-programs: $(O)/policy_batch $(O)/signature_vectors next
# The look before a commit: all but optimized, the unit tests, layers, format, and the contract row by
# row through nginx. The unit tests compute for as long as all else, so both run at once; each tells its output when it ends.
.PHONY: check check-unit check-rest
check: test-deps
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) VARIANT=quick programs unit
	$(Q)$(MAKE) --no-print-directory -j2 --output-sync=target check-unit check-rest
check-unit:
	$(Q)build/quick/unit_tests
check-rest: layers fmt-check
	$(Q)STATEWARD_BUILD=build/quick python3 -B tests/e2e/run.py test_contract.NginxContract

# docs/openapi.json and the routes in docs/api.md, from the table of operations.
.PHONY: openapi
openapi: programs
	$(Q)python3 -B tests/e2e/api_docs.py

# Switches the most important safety rules off, one at a time, and shows which tests fall (tests/rules.table).
.PHONY: prove-rules
prove-rules: unit
	$(Q)python3 -B tools/prove_rules.py $(RULES)

# The crowds of test_slow_clients for longer than the default endures a byte a second.
.PHONY: prove-slow
prove-slow: programs
	$(Q)STATEWARD_SLOW_SECONDS=150 python3 -B tests/e2e/run.py test_slow_clients.SlowClients
