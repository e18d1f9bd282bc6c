// Where the real services are: what tests/e2e/run_service_tests.py says.
#ifndef STATEWARD_TESTS_SERVICE_SERVICE_ENV_H_
#define STATEWARD_TESTS_SERVICE_SERVICE_ENV_H_

#include <CppUTest/TestHarness.h>

#include <cstdlib>
#include <string>

namespace stateward {

// STATEWARD_TEST_<name>; a missing variable fails the test, since nothing would be proved.
inline std::string ServiceEnv(const std::string& name) {
  const std::string full = "STATEWARD_TEST_" + name;
  const char* value = std::getenv(full.c_str());
  if (value == nullptr) FAIL((full + " is not set: run tests/e2e/run_service_tests.py").c_str());
  return value == nullptr ? "" : value;
}

}  // namespace stateward

#endif  // STATEWARD_TESTS_SERVICE_SERVICE_ENV_H_
