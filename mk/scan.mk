# Speed of the state document scanner, next to memchr and memcpy.
SCAN_MIB ?= 64

.PHONY: bench-scan
bench-scan: $(O)/bench/scan_document
	$(Q)$< $(SCAN_MIB)
$(O)/bench/scan_document: $(O)/bench/scan_document.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
.SECONDARY: $(O)/bench/scan_document.o
-include $(wildcard $(O)/bench/scan_document.d)

# Time and memory of a comparison of two large documents.
DIFF_MIB ?= 100
.PHONY: bench-diff
bench-diff: $(O)/bench/diff_documents
	$(Q)$< $(DIFF_MIB)
$(O)/bench/diff_documents: $(O)/bench/diff_documents.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
.SECONDARY: $(O)/bench/diff_documents.o
-include $(wildcard $(O)/bench/diff_documents.d)
