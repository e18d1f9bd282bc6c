# Speed of sealing and opening, beside AES-256-GCM and zstd alone.
.PHONY: bench-seal
bench-seal: $(O)/bench_seal
	$(Q)$<
$(O)/bench_seal: $(O)/bench/seal.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
-include $(O)/bench/seal.d

# The reader that was written from docs/formats.md alone, on the records that are kept. It needs
# Debian's Python modules, so it runs with Debian's Python.
.PHONY: test-reader
test-reader:
	$(Q)/usr/bin/python3 -B tests/reader/reader_test.py -q
