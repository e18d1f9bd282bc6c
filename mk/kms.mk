# Speed of sealing and opening, beside AES-256-GCM and zstd alone.
.PHONY: bench-seal
bench-seal: $(O)/bench_seal
	$(Q)$<
$(O)/bench_seal: $(O)/bench/seal.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
-include $(O)/bench/seal.d
