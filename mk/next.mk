# Programs that know a made-up next format of a store (tests/next), for tests/e2e/test_formats.py.
.PHONY: next
next: $(O)/next/stateward $(O)/next/statewardctl
$(O)/next/stateward: $(O)/src/main.o $(O)/tests/next/store_format.o $(O)/libstateward.a
	@mkdir -p $(@D); echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/next/statewardctl: $(O)/src/cli/main.o $(O)/tests/next/store_format.o $(O)/libstateward.a
	@mkdir -p $(@D); echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)
-include $(O)/tests/next/store_format.d
