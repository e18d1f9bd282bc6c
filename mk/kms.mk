# Speed of sealing and opening, next to AES-256-GCM and zstd alone: measured by OpenSSL's and zstd's
# own programs, and within the same process on the same bytes.
.PHONY: bench-seal bench-transit
bench-seal: $(O)/bench_seal
	$(Q)openssl speed -mr -seconds 1 -bytes 131072 -evp aes-256-gcm 2>/dev/null | grep '^+F'
	$(Q)openssl speed -mr -seconds 1 -bytes 131072 -decrypt -evp aes-256-gcm 2>/dev/null | grep '^+F'
	$(Q)$< $(O)/bench_state.json && zstd -b1 -i2 $(O)/bench_state.json 2>&1 | \
	  tr '\r' '\n' | tail -n 1; rm -f $(O)/bench_state.json
	$(Q)$<
# Reads under Transit next to a decryption of the whole state by Transit, as the original does it.
bench-transit: programs
	$(Q)python3 -B bench/transit.py
$(O)/bench_seal: $(O)/bench/seal.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
-include $(O)/bench/seal.d

# The reader that was written from docs/formats.md alone, on the records that are kept. It needs
# Debian's Python modules, so it runs with Debian's Python.
.PHONY: test-reader
test-reader:
	$(Q)/usr/bin/python3 -B tests/reader/reader_test.py -q

# kill -9 of `statewardctl rekey` while a server serves: every state readable at every moment
# (tests/e2e/prove_rekey.py). The small one is part of `make test`.
.PHONY: prove-rekey prove-rekey-small
prove-rekey: programs
	$(Q)python3 -B tests/e2e/prove_rekey.py --kills 100 --states 1000
prove-rekey-small: programs
	$(Q)python3 -B tests/e2e/prove_rekey.py --kills 20 --states 60
