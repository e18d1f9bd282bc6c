// From request to response: match, authenticate, authorise; then, when the body is there, call the
// verb and map the answer. One log line and one count for each request.
#ifndef STATEWARD_HTTP_APP_HANDLER_H_
#define STATEWARD_HTTP_APP_HANDLER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "http/refusal_log.h"
#include "http/routes.h"
#include "http/status_map.h"
#include "state/state_service.h"
#include "stateward/authenticator.h"
#include "stateward/clock.h"
#include "stateward/http.h"
#include "stateward/observer.h"

namespace stateward {

// What /ready says of one part.
struct PartStatus {
  std::string name;
  Status status;
  std::string warning{};  // what it promises less than it should although it works; may be shown
};

struct AppHandlerParts {
  StateService* states = nullptr;
  std::vector<Authenticator*> authenticators;  // the first that takes the credentials
  bool proxy_identities = false;               // AUTH_PROXY_ENABLED
  std::function<std::vector<PartStatus>()> ready;
  std::function<std::string()> metrics;  // Prometheus text; empty function: no such path
  Observer* observer = nullptr;
  const Log* log = nullptr;
  const Clock* clock = nullptr;
  uint64_t max_state_bytes = 0;
};

// Thread-safe. What `parts` points to must outlive it.
class AppHandler : public Handler {
 public:
  explicit AppHandler(AppHandlerParts parts) : parts_(std::move(parts)) {}
  Judged Judge(Request request, AnswerRoom& room) override;

 private:
  struct Context;
  class Call;
  Judged Look(Context* context, AnswerRoom& room);
  Judged LookAtState(Context* context, const Target& target, AnswerRoom& room);
  Result<Credentials> FindCredentials(const Request& request) const;
  Result<Grant> Authorize(const Context& context);
  uint64_t BodyLimit(const Context& context) const;
  // The lock ID of the query; "" = none.
  Result<std::string> CheckInput(const Context& context, const Target& target) const;
  Response WithoutBody(Context* context, const Grant& grant, const std::string& query_id,
                       AnswerRoom& room);
  Response WithBody(Context* context, const Grant& grant, const std::string& query_id,
                    ByteView body);
  // Counts and logs it.
  Response Done(Context* context, Response response);
  Response FromAnswer(Context* context, StateAnswer answer);
  Response FromStatus(Context* context, const Status& status, Explanation more = {});
  Response Ready(Context* context);
  Response Metrics(Context* context);
  void LogRequest(const Context& context, const Response& response, int64_t duration_us);

  const AppHandlerParts parts_;
  RefusalLog refusals_;
};

}  // namespace stateward

#endif  // STATEWARD_HTTP_APP_HANDLER_H_
