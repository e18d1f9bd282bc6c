#include "base/address_rules.h"

#include "base/state_name.h"

namespace stateward {

bool AddressRules::Takes(std::string_view name) const {
  return IsStateName(name) || (nested && IsNestedName(name));
}

Result<std::vector<std::string>> ParseBasePath(std::string_view path) {
  const Status bad = Status::InvalidArgument(
      "must be a path such as /state or /terraform/state: up to 4 parts of A-Z a-z 0-9 . _ ~ -, "
      "the first none of api, health, ready and metrics");
  std::vector<std::string> out;
  while (!path.empty()) {
    if (path.front() != '/') return bad;
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    if (!IsStateName(part) || out.size() == kMaxBaseSegments) return bad;
    for (std::string_view taken : {"api", "health", "ready", "metrics"}) {
      if (out.empty() && part == taken) return bad;
    }
    out.emplace_back(part);
    path.remove_prefix(part.size());
  }
  if (out.empty()) return bad;
  return out;
}

}  // namespace stateward
