// One request on its way to its answer. A plain value; used by one thread at a time.
#ifndef STATEWARD_HTTP_EXCHANGE_H_
#define STATEWARD_HTTP_EXCHANGE_H_

#include <cstdint>
#include <string>

#include "http/routes.h"
#include "stateward/authenticator.h"
#include "stateward/http.h"

namespace stateward {

struct Exchange {
  Request request;
  Matched matched{};
  std::string allow{};      // of a 405
  std::string principal{};  // once known
  Grant grant{};            // once let in to a state
  std::string query_id{};   // the lock ID of the query; "" = none
  // For the log alone.
  std::string lock_id{};
  std::string reason{};  // why it was refused or failed
  bool grace = false;    // let in with a token that has expired
  int64_t start_us = 0;
};

}  // namespace stateward

#endif  // STATEWARD_HTTP_EXCHANGE_H_
