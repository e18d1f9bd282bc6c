#include "http/api_routes.h"

#include "base/state_name.h"
#include "http/routes.h"

namespace stateward {
namespace {

std::vector<std::string_view> SegmentsOf(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const size_t end = path.find('/');
    out.push_back(path.substr(0, end));
    path.remove_prefix(end == path.npos ? path.size() : end);
  }
  return out;
}

// "" when the segment is fixed text.
std::string_view HoleOf(std::string_view segment) {
  if (segment.size() < 3 || segment.front() != '{' || segment.back() != '}') return {};
  return segment.substr(1, segment.size() - 2);
}

bool Fits(std::string_view path, const Target& target) {
  const std::vector<std::string_view> want = SegmentsOf(path);
  if (want.size() != target.segments.size()) return false;
  for (size_t i = 0; i < want.size(); ++i) {
    if (HoleOf(want[i]).empty() && want[i] != target.segments[i]) return false;
  }
  return true;
}

Status TakeValues(std::string_view path, const Target& target, const AddressRules& rules,
                  ApiMatch* out) {
  const std::vector<std::string_view> want = SegmentsOf(path);
  std::string project;
  for (size_t i = 0; i < want.size(); ++i) {
    const std::string_view hole = HoleOf(want[i]);
    const std::string& value = target.segments[i];
    if (hole.empty()) continue;
    const bool bad_project = hole == "project" && !IsStateName(value);
    if (bad_project || (hole == "name" && !rules.Takes(value))) {
      return Status::InvalidArgument(
          "project and state must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, not . or ..");
    }
    if (hole == "project") {
      project = value;
    } else if (hole == "name") {
      out->values.emplace_back("state", project + "/" + value);
    } else {
      out->values.emplace_back(std::string(hole), value);
    }
  }
  return Status();
}

}  // namespace

bool IsApi(const Target& target) {
  return target.segments.size() >= 2 && target.segments[0] == "api" && target.segments[1] == "v1";
}

// Fixed text goes before a hole, so that two paths of one shape do not depend on their order.
Status MatchOperation(const OperationTable& operations, Method method, const Target& target,
                      const AddressRules& rules, ApiMatch* out, std::string* allow) {
  allow->clear();
  if (Fits(kOpenApiPath, target)) {
    if (method == Method::kGet) return Status();
    *allow = "GET";
    return {Code::kMethodNotAllowed, "method not allowed here"};
  }
  for (const Operation& row : operations) {
    if (!Fits(row.path, target)) continue;
    if (row.method == method) {
      out->operation = &row;
      return TakeValues(row.path, target, rules, out);
    }
    if (!allow->empty()) *allow += ", ";
    allow->append(MethodName(row.method));
  }
  if (allow->empty()) return Status::InvalidArgument("no such path");
  return {Code::kMethodNotAllowed, "method not allowed here"};
}

std::vector<std::string> PathParams(std::string_view path) {
  std::vector<std::string> out;
  for (std::string_view segment : SegmentsOf(path)) {
    const std::string_view hole = HoleOf(segment);
    if (hole.empty() || hole == "project") continue;
    out.emplace_back(hole == "name" ? "state" : hole);
  }
  return out;
}

}  // namespace stateward
