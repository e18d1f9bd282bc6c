// The one table from codes to HTTP.
#ifndef STATEWARD_HTTP_STATUS_MAP_H_
#define STATEWARD_HTTP_STATUS_MAP_H_

#include <string_view>

#include "stateward/status.h"

namespace stateward {

struct HttpStatus {
  Code code;
  int status;
  int retry_after_s;  // 0 = none. Clients obey it for 429 and 503 (default settings: 3 tries)
  std::string_view message;  // all that a client learns
};

const HttpStatus& ToHttp(Code code);

}  // namespace stateward

#endif  // STATEWARD_HTTP_STATUS_MAP_H_
