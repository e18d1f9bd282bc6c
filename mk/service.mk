# Tests of single classes against the real services: tests/service/LAYER/*_test.cc. The services
# are started, and the variables set, by tests/e2e/run_service_tests.py.
SERVICE_OBJ := $(call objects,service,$(shell find tests/service tests/doubles -name '*.cc')) \
               $(O)/tests/unit/main.o

.PHONY: service test-service
service: $(O)/service_tests
test-service: service tools
	$(Q)python3 -B tests/e2e/run_service_tests.py $(SERVICE_ARGS)
$(O)/service_tests: $(SERVICE_OBJ) $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lCppUTest
-include $(SERVICE_OBJ:.o=.d)
