// What answers are made from.
#ifndef STATEWARD_HTTP_HANDLER_PARTS_H_
#define STATEWARD_HTTP_HANDLER_PARTS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "admin/admin_service.h"
#include "base/address_rules.h"
#include "base/log.h"
#include "state/state_service.h"
#include "stateward/audit.h"
#include "stateward/authenticator.h"
#include "stateward/clock.h"
#include "stateward/observer.h"
#include "stateward/status.h"

namespace stateward {

// What /ready says of one part.
struct PartStatus {
  std::string name;
  Status status;
  std::string warning{};  // what it promises less than it should although it works; may be shown
};

struct HandlerParts {
  StateService* states = nullptr;
  AdminService* admin = nullptr;
  std::vector<Authenticator*> authenticators;  // the first that takes the credentials
  bool proxy_identities = false;               // AUTH_PROXY_ENABLED
  std::function<std::vector<PartStatus>()> ready;
  std::function<std::string()> metrics;  // Prometheus text; empty function: no such path
  AuditTrail* trail = nullptr;           // nullptr: there is none
  Observer* observer = nullptr;
  const Log* log = nullptr;
  const Clock* clock = nullptr;
  AddressRules addresses{};
  uint64_t max_state_bytes = 0;
};

}  // namespace stateward

#endif  // STATEWARD_HTTP_HANDLER_PARTS_H_
