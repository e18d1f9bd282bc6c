# Outside programs that the tests use, built from pinned sources into a cache (tests/tools/build.sh).
TOOLS := tofu

.PHONY: tools deps
tools:
	$(Q)nice tests/tools/build.sh $(TOOLS)
# Everything that `make test` needs from Debian.
deps:
	$(Q)tools/deps.sh test
