// Takes a request target apart: REQUEST_URI as the client sent it.
#ifndef STATEWARD_HTTP_TARGET_H_
#define STATEWARD_HTTP_TARGET_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stateward/result.h"

namespace stateward {

// A path is at most the base path, a project, a nested name and an output's name, each byte
// perhaps as three, and the query holds a lock ID; web servers stop at 8 KiB.
inline constexpr size_t kMaxTarget = 8192;

struct Target {
  std::vector<std::string> segments;  // percent-decoded once; "/state/a/b/" has three
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
};

// kInvalidArgument: no origin form, an empty segment (a final slash excepted), . or .. as one, a
// bad escape, a segment with a decoded control byte, or with a decoded slash: that one only the
// name in /api/v1/states/{project}/{name} may have, and none of its parts is . or .. either. So a
// web server that resolves a path before it judges it comes to the same one.
Result<Target> ParseTarget(std::string_view target);

// The value of the only query member of that name; "" when absent. kInvalidArgument: more than one.
Result<std::string> OnlyQuery(const Target& target, std::string_view name);

}  // namespace stateward

#endif  // STATEWARD_HTTP_TARGET_H_
