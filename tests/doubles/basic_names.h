// Names of basic auth's principals where there is no store that has a secret.
#ifndef STATEWARD_TESTS_DOUBLES_BASIC_NAMES_H_
#define STATEWARD_TESTS_DOUBLES_BASIC_NAMES_H_

#include <string>

#include "stateward/result.h"

namespace stateward {

inline Result<std::string> NameForTests(const std::string& tenant) { return tenant.substr(0, 16); }

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_BASIC_NAMES_H_
