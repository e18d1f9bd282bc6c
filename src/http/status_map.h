// The one table from codes to HTTP.
#ifndef STATEWARD_HTTP_STATUS_MAP_H_
#define STATEWARD_HTTP_STATUS_MAP_H_

#include <string>
#include <string_view>

#include "stateward/status.h"

namespace stateward {

struct HttpStatus {
  Code code;
  int status;
  int retry_after_s;  // 0 = none. Clients obey it for 429 and 503 (default settings: 3 tries)
  // For people, in one line each. What a refusal has to say itself goes before the last two.
  std::string_view message;  // what
  std::string_view reason;   // why
  std::string_view action;   // what to do
};

const HttpStatus& ToHttp(Code code);

// Whether a status' own text is for the caller of an operation, too, and not for the log alone
// (admin/operation.h, RunOperation).
bool IsForCaller(Code code);

// What an answer adds to its row of the table; "" leaves the table's text.
struct Explanation {
  std::string_view reason;
  std::string_view action;
  std::string_view upload;  // the kept upload's name; "" = nothing was kept
};

// The body of every answer from 400 on, but for the 423, which is the holder's LockInfo.
std::string ErrorBody(const HttpStatus& row, const Explanation& more, std::string_view request_id);

}  // namespace stateward

#endif  // STATEWARD_HTTP_STATUS_MAP_H_
