// The head of an answer as CGI has it: Status and header lines, and the blank one.
#ifndef STATEWARD_FCGI_RESPONSE_HEAD_H_
#define STATEWARD_FCGI_RESPONSE_HEAD_H_

#include <string>

#include "stateward/http.h"

namespace stateward {

std::string ResponseHead(const Response& response, const std::string& request_id);

}  // namespace stateward

#endif  // STATEWARD_FCGI_RESPONSE_HEAD_H_
