#include "base/state_name.h"

namespace stateward {

bool IsStateName(std::string_view name) {
  if (name.empty() || name.size() > 128 || name == "." || name == "..") return false;
  for (char c : name) {
    bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '~' || c == '-';
    if (!ok) return false;
  }
  return true;
}

bool SplitStateName(std::string_view text, std::string_view* project, std::string_view* name) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return false;
  if (!IsStateName(text.substr(0, slash)) || !IsStateName(text.substr(slash + 1))) return false;
  *project = text.substr(0, slash);
  *name = text.substr(slash + 1);
  return true;
}

}  // namespace stateward
