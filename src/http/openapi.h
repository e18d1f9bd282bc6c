// What /api/v1 is, for programs: OpenAPI 3.1, made from the table of operations.
#ifndef STATEWARD_HTTP_OPENAPI_H_
#define STATEWARD_HTTP_OPENAPI_H_

#include <string>

#include "admin/operation.h"

namespace stateward {

// A JSON document, the same for the same table.
std::string OpenApiText(const OperationTable& operations);

}  // namespace stateward

#endif  // STATEWARD_HTTP_OPENAPI_H_
