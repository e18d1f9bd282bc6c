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

bool IsNestedName(std::string_view name) {
  constexpr std::string_view kTaken[] = {"lock", "outputs", "outputs.tfstate", "versions"};
  if (name.size() > kMaxNestedName || name.find('/') == name.npos) return false;
  while (true) {
    const size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (!IsStateName(part)) return false;
    for (std::string_view taken : kTaken) {
      if (part == taken) return false;
    }
    if (slash == name.npos) return true;
    name.remove_prefix(slash + 1);
  }
}

Status CheckServed(const StateKey& key, bool nested_names) {
  if (nested_names || !IsNestedName(key.name)) return Status();
  return {Code::kConflict, "a name with slashes needs NESTED_NAMES=true"};
}

std::string StateText(const StateKey& key) { return key.project + "/" + key.name; }

bool SplitStateName(std::string_view text, std::string_view* project, std::string_view* name) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return false;
  const std::string_view rest = text.substr(slash + 1);
  if (!IsStateName(text.substr(0, slash)) || !(IsStateName(rest) || IsNestedName(rest))) {
    return false;
  }
  *project = text.substr(0, slash);
  *name = rest;
  return true;
}

}  // namespace stateward
