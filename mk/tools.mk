# Programs that only the tests need. Outside ones are built from pinned sources into a cache.
TOOLS  := tofu minio versitygw vault
PROVER := $(wildcard tests/linear/*.go) tests/linear/go.mod tests/linear/go.sum
# Prints the Go that builds the prover, or says why there is none.
FIND_GO = tests/tools/go.sh $(shell sed -n 's/^go //p' tests/linear/go.mod)

.PHONY: tools deps prover-test prove-locks-small
tools: build/prove-locks
	$(Q)nice tests/tools/build.sh $(TOOLS)
# Everything that `make test` needs from Debian.
deps:
	$(Q)tools/deps.sh test
build/prove-locks: $(PROVER)
	@mkdir -p $(@D); echo "  GO    $@"
	$(Q)go=$$($(FIND_GO)) && cd tests/linear && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local \
	  nice "$$go" build -trimpath -o $(CURDIR)/$@ .
# The prover must be able to fail: seeded bugs are caught, lawful histories pass.
prover-test: $(PROVER)
	$(Q)go=$$($(FIND_GO)) && cd tests/linear && GOFLAGS=-mod=readonly GOTOOLCHAIN=local nice "$$go" test ./...
# 5,000 operations of ten clients on five states while workers are killed and stopped; the same test
# is part of `make test` (suite e2e).
prove-locks-small: programs build/prove-locks
	$(Q)python3 -B tests/e2e/run.py test_linear
# The stores of tests/data/stores, made again: only while docs/formats.md may change.
.PHONY: sample-stores
sample-stores: programs tools
	$(Q)python3 -B tests/e2e/sample_stores.py
