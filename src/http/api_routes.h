// The routes below /api/v1: the rows of the table of operations, by path and method.
#ifndef STATEWARD_HTTP_API_ROUTES_H_
#define STATEWARD_HTTP_API_ROUTES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/operation.h"
#include "base/address_rules.h"
#include "http/target.h"
#include "stateward/http.h"
#include "stateward/status.h"

namespace stateward {

inline constexpr std::string_view kApiRoot = "/api/v1";
// What all of the API is, for programs; no operation.
inline constexpr std::string_view kOpenApiPath = "/api/v1/openapi.json";

struct ApiMatch {
  const Operation* operation = nullptr;  // nullptr: kOpenApiPath
  // Of the path's {…}, by the parameter that each is: "state" has "net/prod".
  std::vector<std::pair<std::string, std::string>> values;
};

// Whether a path is the API's to answer.
bool IsApi(const Target& target);

// kInvalidArgument: no such path, or a bad name in it. kMethodNotAllowed: `*allow` lists what may
// be.
Status MatchOperation(const OperationTable& operations, Method method, const Target& target,
                      const AddressRules& rules, ApiMatch* out, std::string* allow);

// The parameter names that a path holds: "state" for {project}/{name}. For documents, too.
std::vector<std::string> PathParams(std::string_view path);

}  // namespace stateward

#endif  // STATEWARD_HTTP_API_ROUTES_H_
