# Ways in: requests a second with each, next to none at all.
.PHONY: bench-auth
bench-auth: $(O)/bench_auth
	$(Q)$<
$(O)/bench_auth: $(O)/bench/auth.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/bench/auth.o: CPPFLAGS += -Itests
-include $(O)/bench/auth.d

# Wycheproof's signatures through the verifier of tokens.
.PHONY: test-signatures
test-signatures: $(O)/signature_vectors
	$(Q)python3 -B tests/vectors/wycheproof.py > $(O)/wycheproof.tsv
	$(Q)$< < $(O)/wycheproof.tsv
$(O)/signature_vectors: $(O)/tests/vectors/signature_vectors.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
-include $(O)/tests/vectors/signature_vectors.d
