// Who asks for an operation, and what that one may do.
#ifndef STATEWARD_ADMIN_CALLER_H_
#define STATEWARD_ADMIN_CALLER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "stateward/audit.h"
#include "stateward/authenticator.h"
#include "stateward/rights.h"
#include "stateward/state.h"
#include "stateward/status.h"

namespace stateward {

// A value. Its functions are called by the thread that runs the operation, or by threads that this
// one waits for: they must be thread-safe.
struct Caller {
  std::string principal;  // for records and the log: "admin:root", "alice"
  std::string address;    // of the client; "" = this host's command line
  // The namespace whose states its names mean: "" for identified users, of basic auth the secret's.
  // nullopt: an administrator at the store itself, to whom every namespace is open.
  std::optional<std::string> tenant;
  // What it may do with a state. Never null.
  std::function<Rights(const StateKey&)> rights;
  // As Identity::complete; null: nothing is added.
  std::function<void(Grant*)> complete;
  // What it may do with the store as a whole.
  Rights on_store;
  // For the audit trail.
  std::function<AuditIdentity(const StateKey&)> identity;  // as Identity::audit; null: not known
  std::string request_id;                                  // "" = this host's command line
  std::string traceparent;                                 // "" = none
  int (*http_status)(Code) = nullptr;                      // null: not over HTTP
  AuditHead audit;  // what records that are written for this call name
  // Told how far a long operation is; null: nobody wants to know.
  std::function<void(uint64_t done, uint64_t total)> progress;

  Rights On(const StateKey& key) const { return rights(key); }
  AuditIdentity IdentityFor(const StateKey& key) const {
    return identity ? identity(key) : AuditIdentity();
  }
  bool Sees(const StateKey& key) const { return On(key).Has(Right::kSee); }
  void Report(uint64_t done, uint64_t total) const {
    if (progress) progress(done, total);
  }
};

// `user` of this host with all rights.
inline Caller LocalCaller(const std::string& user) {
  Caller caller;
  caller.principal = "admin:" + user;
  caller.rights = [](const StateKey&) { return Rights::All(); };
  caller.on_store = Rights::All();
  caller.identity = [](const StateKey&) {
    AuditIdentity identity;
    identity.way = "admin";
    return identity;
  };
  return caller;
}

}  // namespace stateward

#endif  // STATEWARD_ADMIN_CALLER_H_
