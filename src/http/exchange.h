// One request on its way to its answer. A plain value; used by one thread at a time.
#ifndef STATEWARD_HTTP_EXCHANGE_H_
#define STATEWARD_HTTP_EXCHANGE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/routes.h"
#include "state/sent_document.h"
#include "stateward/audit.h"
#include "stateward/authenticator.h"
#include "stateward/http.h"

namespace stateward {

struct ApiCall;

struct Exchange {
  Request request;
  Matched matched{};
  std::string allow{};                     // of a 405
  std::string principal{};                 // once known
  Grant grant{};                           // once let in to a state
  std::string query_id{};                  // the lock ID of the query; "" = none
  std::shared_ptr<const ApiCall> api{};    // of a request of /api/v1; else nullptr
  std::optional<SentDocument> document{};  // the body, where it was looked at already
  // For the log alone.
  std::string_view operation{};  // of the API; constant text
  std::string lock_id{};
  std::string reason{};  // why it was refused or failed
  bool grace = false;    // let in with a token that has expired
  // For the audit trail (http/audit_events.h).
  struct Audit {
    uint64_t intent = 0;  // of the line that said what would be done
    bool forced = false;  // an UNLOCK that names no lock, or that has freed one of another
    AuditFacts facts{};
    std::string upload{};
    bool by_operation = false;  // an operation writes the line
  } audit{};
  int64_t start_us = 0;
};

}  // namespace stateward

#endif  // STATEWARD_HTTP_EXCHANGE_H_
