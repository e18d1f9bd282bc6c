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

// What comes next is the name in /api/v1/states/{project}/{name}.
bool IsBeforeName(const Target& target) {
  const std::vector<std::string>& in_front = target.segments;
  return in_front.size() == 4 && in_front[0] == "api" && in_front[1] == "v1" &&
         in_front[2] == "states";
}

// A web server would resolve them, also those that are written as escapes or with an escaped slash,
// and judge another path than ours.
bool HasDots(std::string_view segment) {
  for (size_t at = 0; at <= segment.size();) {
    const size_t end = std::min(segment.find('/', at), segment.size());
    const std::string_view part = segment.substr(at, end - at);
    if (part == "." || part == "..") return true;
    at = end + 1;
  }
  return false;
}

Status ParsePath(std::string_view path, Target* out) {
  if (path.empty() || path[0] != '/') return Status::InvalidArgument("target: no absolute path");
  path.remove_prefix(1);
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string segment;
    if (!PercentDecode(path.substr(0, slash), &segment) ||
        !IsPlainSegment(segment, IsBeforeName(*out))) {
      return Status::InvalidArgument("target: a bad escape or byte in the path");
    }
    if (segment.empty()) return Status::InvalidArgument("target: an empty path segment");
    if (HasDots(segment)) return Status::InvalidArgument("target: . or .. in the path");
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
