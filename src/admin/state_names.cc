#include "admin/state_names.h"

namespace stateward {

std::string UnreadableWord(const Status& why) {
  return why.code() == Code::kUnknownKey ? "unknown key" : "damaged";
}

}  // namespace stateward
