# Speed of the state document scanner, beside memchr and memcpy.
SCAN_MIB ?= 64

.PHONY: bench-scan
bench-scan: $(O)/bench/scan_document
	$(Q)$< $(SCAN_MIB)
$(O)/bench/scan_document: $(O)/bench/scan_document.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
.SECONDARY: $(O)/bench/scan_document.o
-include $(wildcard $(O)/bench/scan_document.d)
