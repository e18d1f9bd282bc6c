// Where the token comes from, and how it is kept alive: a fixed one, one in a file, or a login with
// AppRole or a Kubernetes service account.
#ifndef STATEWARD_VAULT_VAULT_SESSION_H_
#define STATEWARD_VAULT_VAULT_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/log.h"
#include "http_client/http_client.h"
#include "stateward/clock.h"
#include "stateward/result.h"
#include "stateward/secret.h"
#include "vault/vault_settings.h"

namespace stateward {

using VaultToken = std::shared_ptr<const SecretString>;

// Thread-safe.
class VaultSession {
 public:
  // One request under /v1/ with this token (nullptr: without one); the answer as it came.
  using SendFn = std::function<Result<HttpAnswer>(std::string_view method, const std::string& path,
                                                  const VaultToken& token, ByteView body)>;

  // kInvalidArgument: no way to log in, or more than one. `clock`, `log` (may be null) and what
  // `send` uses must outlive it.
  static Result<std::unique_ptr<VaultSession>> New(VaultAuth auth, SendFn send, const Clock& clock,
                                                   const Log* log);

  // The token to use; logs in when there is none. kUnavailable: there is none to be had now.
  Result<VaultToken> Token();
  // Vault refused `used`: logs in again, or reads the file again, once for all callers that come
  // with the same token. kPermissionDenied: there is no other token.
  Result<VaultToken> Replace(const VaultToken& used);
  // Keeps the token alive. Called by one background thread; returns after how many milliseconds
  // it wants to be called again.
  int64_t Tick();
  // How long the token lives yet unless it is renewed; 0: for ever, or not known; never 0 once it
  // has ended.
  int64_t TokenLeftUs();

 private:
  enum class Kind : uint8_t { kToken, kTokenFile, kAppRole, kKubernetes };

  VaultSession(Kind kind, VaultAuth auth, SendFn send, const Clock& clock, const Log* log)
      : kind_(kind), auth_(std::move(auth)), send_(std::move(send)), clock_(clock), log_(log) {}

  bool logs_in() const { return kind_ == Kind::kAppRole || kind_ == Kind::kKubernetes; }
  Status Obtain();                        // REQUIRES: mutex_ is held
  Status LogIn();                         // as above
  Result<SecretBytes> LoginBody() const;  // as above
  Status ReadTokenFile();                 // as above
  void WatchTokenFile();
  void LookUp(const VaultToken& token);
  void Renew(const VaultToken& token);
  void TakeLease(ByteView answer, std::string_view object, std::string_view ttl, bool fresh);
  void Say(LogLevel level, const std::string& text) const;

  const Kind kind_;
  const VaultAuth auth_;
  const SendFn send_;
  const Clock& clock_;
  const Log* const log_;

  std::mutex mutex_;  // held during a login: one is enough for all
  VaultToken token_;  // null: none yet
  int64_t obtained_us_ = 0;
  std::string file_stamp_;  // of the token file as it was read
  bool looked_up_ = false;  // the lease below is known
  bool renewable_ = false;
  int64_t lease_us_ = 0;       // the whole of it when it was given; 0: never ends
  int64_t full_lease_us_ = 0;  // of the first one: a shorter one later nears the maximum
  int64_t lease_from_us_ = 0;
  int64_t next_try_us_ = 0;  // after something failed
  bool warned_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_VAULT_VAULT_SESSION_H_
