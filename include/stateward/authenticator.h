// Whether these credentials may use this state, and who they belong to.
#ifndef STATEWARD_AUTHENTICATOR_H_
#define STATEWARD_AUTHENTICATOR_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stateward/audit.h"
#include "stateward/plan_locks.h"
#include "stateward/result.h"
#include "stateward/rights.h"
#include "stateward/secret.h"
#include "stateward/state.h"

namespace stateward {

enum class Verb : uint8_t { kRead, kWrite, kDelete, kLock, kUnlock, kForceUnlock, kOutputs };

struct Credentials {
  std::string user;  // "" for a bearer token
  SecretString secret;
  bool bearer = false;  // Authorization: Bearer, and not Basic
  // The user that the web server has checked, without any of the above; "" = nobody. Set only
  // with AUTH_PROXY_ENABLED, and only by a web server that is trusted with it.
  std::string proxy_user = {};
  std::string certificate = {};  // subject of a client certificate that it verified
  std::string address = {};      // of the client, as the web server says

  bool vouched() const { return !proxy_user.empty() || !certificate.empty(); }
};

// Stands for every state there is or will be, where rules are asked. No name has a star in it: a
// pattern that fits this one fits every name.
inline StateKey AnyStateKey() { return {"", "*", "*"}; }

struct Grant {
  StateKey key;           // with the tenant filled in
  std::string principal;  // for records and the log; never a secret
  std::string address;    // the client's, as in the credentials
  // terraform-backend's ids under which this state's bytes may lie (64 hex digits); empty: none.
  std::vector<std::string> legacy_ids;
  // Whether another project/name pair has the same legacy id ("a-b","c" and "a","b-c").
  bool legacy_ambiguous = false;
  std::string token_sha256;  // of the token, 64 hex digits; "" where there is none
  int64_t token_ends_s = 0;  // when it or a machine token expires, since 1970; 0: never, or unknown
  // The authenticator has refused what they do not allow. They are here for what depends on who
  // holds the lock.
  Rights rights;
  bool sensitive_outputs = false;  // of kOutputs: the sensitive ones too
  // The token has expired, not longer ago than LOCK_GRACE: good only for the lock that was taken
  // with it (StateService::CheckGrace).
  bool expired = false;
  // What the policy says of this state's plan locks; nullopt: the settings hold.
  std::optional<PlanLocks> plan_locks;
  AuditIdentity identity;  // for the audit trail
  // What records that are written for this request name (VersionInfo::audit).
  AuditHead audit;
};

// Somebody whose credentials were proved once, for as many states as a request asks about. A value.
struct Identity {
  std::string principal;  // for records and the log; never a secret
  std::string address;    // the client's, as in the credentials
  std::string tenant;     // the namespace that it is in; "" for identified users
  // What it may do with a state; of another namespace nothing. Never null; thread-safe; good for
  // one request, since rules change.
  std::function<Rights(const StateKey&)> rights;
  // For the audit trail: how it came in, and which rule lets it use a state. As `rights`.
  std::function<AuditIdentity(const StateKey&)> audit;
  // Adds to a grant of a state of its namespace what Authorize() would give it besides rights and
  // names: terraform-backend's ids, plan locks. Null: nothing. As `rights`.
  std::function<void(Grant*)> complete;
  Rights on_store;  // what it may do with each state that there is or will be
};

// Thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // For the log; and the user name that selects it, unless Takes() says otherwise.
  virtual std::string_view Name() const = 0;
  // Whether it decides about such credentials. The first one that takes them is asked, alone.
  virtual bool Takes(const Credentials& credentials) const {
    return !credentials.bearer && !credentials.vouched() && credentials.user == Name();
  }
  // kUnauthenticated and kPermissionDenied are answers; the latter's text is for the caller, too.
  // kUnavailable (an issuer that cannot be
  // reached): undecided, and the caller refuses.
  virtual Result<Grant> Authorize(const Credentials& credentials, const StateKey& key,
                                  Verb verb) = 0;
  // Errors as Authorize, but for kPermissionDenied. A token that has expired is kUnauthenticated:
  // there is no grace but for the lock that was taken with it.
  virtual Result<Identity> Identify(const Credentials& credentials) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_AUTHENTICATOR_H_
