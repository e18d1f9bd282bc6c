#include "http/target.h"

#include <algorithm>

#include "base/percent.h"

namespace stateward {
namespace {

bool IsPlainSegment(std::string_view s, bool may_nest) {
  for (char c : s) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (c == '/' && !may_nest)) return false;
  }
  return true;
}

bool IsBelowApi(const Target& target) {
  return target.segments.size() > 2 && target.segments[0] == "api" && target.segments[1] == "v1";
}

Status ParsePath(std::string_view path, Target* out) {
  if (path.empty() || path[0] != '/') return Status::InvalidArgument("target: no absolute path");
  path.remove_prefix(1);
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string segment;
    if (!PercentDecode(path.substr(0, slash), &segment) ||
        !IsPlainSegment(segment, IsBelowApi(*out))) {
      return Status::InvalidArgument("target: a bad escape or byte in the path");
    }
    if (segment.empty()) return Status::InvalidArgument("target: an empty path segment");
    out->segments.push_back(std::move(segment));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return Status();
}

Status ParseQuery(std::string_view query, Target* out) {
  while (!query.empty()) {
    size_t end = query.find('&');
    std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    size_t equals = pair.find('=');
    std::string name;
    std::string value;
    if (!PercentDecode(pair.substr(0, equals), &name)) {
      return Status::InvalidArgument("target: a bad escape in the query");
    }
    if (equals != std::string_view::npos && !PercentDecode(pair.substr(equals + 1), &value)) {
      return Status::InvalidArgument("target: a bad escape in the query");
    }
    out->query.emplace_back(std::move(name), std::move(value));
  }
  return Status();
}

// The absolute form, which every server takes (RFC 9112, 3.2.2): Apache hands it on as it came.
std::string_view WithoutOrigin(std::string_view target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (target.substr(0, scheme.size()) != scheme) continue;
    return target.substr(std::min(target.find_first_of("/?", scheme.size()), target.size()));
  }
  return target;
}

}  // namespace

Result<Target> ParseTarget(std::string_view target) {
  if (target.size() > kMaxTarget) return Status::InvalidArgument("target: longer than 8 KiB");
  target = WithoutOrigin(target);
  Target out;
  size_t mark = target.find('?');
  STATEWARD_RETURN_IF_ERROR(ParsePath(target.substr(0, mark), &out));
  if (mark != std::string_view::npos) {
    STATEWARD_RETURN_IF_ERROR(ParseQuery(target.substr(mark + 1), &out));
  }
  return out;
}

Result<std::string> OnlyQuery(const Target& target, std::string_view name) {
  const std::string* found = nullptr;
  for (const auto& [key, value] : target.query) {
    if (key != name) continue;
    if (found != nullptr) {
      return Status::InvalidArgument("target: " + std::string(name) + " stands twice in the query");
    }
    found = &value;
  }
  return found == nullptr ? std::string() : *found;
}

}  // namespace stateward
