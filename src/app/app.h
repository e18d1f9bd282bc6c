// The object graph of a serving process: from settings to a Handler.
#ifndef STATEWARD_APP_APP_H_
#define STATEWARD_APP_APP_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "admin/admin_service.h"
#include "app/backends.h"
#include "app/kept.h"
#include "app/store_sample.h"
#include "auth/basic.h"
#include "auth/jwt_authenticator.h"
#include "auth/logins.h"
#include "auth/policy.h"
#include "auth/policy_auth.h"
#include "auth/throttle.h"
#include "base/log.h"
#include "base/recent_look.h"
#include "config/config.h"
#include "http/app_handler.h"
#include "jobs/job.h"
#include "state/state_service.h"
#include "state/store_gate.h"
#include "state/store_secret.h"
#include "state/untouched.h"
#include "stateward/audit.h"
#include "stateward/disk.h"
#include "stateward/observer.h"

namespace stateward {

class App {
 public:
  // As OpenBackends. With `init`, STORAGE_INIT is obeyed: only at a process's start, never when the
  // settings are read again. `disk`, `observer`, `trail` (nullptr: none) and `log` must outlive it.
  static Result<std::shared_ptr<App>> Build(const Config& config, Disk& disk, Kept* kept,
                                            Observer& observer, AuditTrail* trail,
                                            std::function<std::string()> metrics, const Log& log,
                                            bool init);

  ~App();
  // Logs what is missing for work, without waiting for it. To be called once at most.
  void LookAtStart(const Log& log);
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  Handler& handler() { return *handler_; }
  // Takes away what the job `keys` said next to the store.
  void WithdrawKeys(const std::string& process_id);
  // The key of the store's audit trail. As StoreSecret::Get.
  Result<SecretBytes> TrailKey();
  const JobParts& job_parts() const { return *job_parts_; }
  // What operations over HTTP work on.
  AdminService& admin() { return *admin_; }

 private:
  App() = default;
  std::vector<PartStatus> Ready();
  // The key service works, and the keys are the store's.
  Status CheckKey();
  Status LookAtStore();
  void SayWhatIsMissing(const Log& log);
  // REQUIRES: called once. kInvalidArgument: the policy is no good, and `must_load`.
  Status OpenWaysIn(const Config& config, Disk& disk, const Log& log, bool must_load,
                    HandlerParts* parts);
  Status OpenTokens(const Config& config, Disk& disk, const Log& log, HandlerParts* parts);

  Backends backends_;
  std::unique_ptr<StoreGate> gate_;
  std::shared_ptr<StoreSecret> secret_;
  std::unique_ptr<KeyCheck> key_check_;
  BasicAuthenticator basic_{[this](const std::string& tenant) {
    return secret_->NameOf(tenant, *gate_, *backends_.storage, *backends_.kms);
  }};
  std::shared_ptr<Throttle> throttle_;
  std::unique_ptr<Logins> logins_;
  std::unique_ptr<PolicyFile> policy_;  // nullptr: none
  std::unique_ptr<PolicyAuthenticator> identified_;
  std::unique_ptr<TokenVerifier> tokens_;
  std::unique_ptr<JwtAuthenticator> jwt_;  // null: no issuer is set
  std::unique_ptr<Untouched> untouched_;   // null: names map as in the original
  std::unique_ptr<StateService> states_;
  std::unique_ptr<AdminService> admin_;
  std::unique_ptr<AppHandler> handler_;
  std::unique_ptr<JobParts> job_parts_;
  std::string runtime_dir_;
  std::string standby_;  // "" = it is none
  AuditTrail* trail_ = nullptr;
  StoreSample sample_{SystemClock()};  // used by one look of ready_ at a time
  // All who ask /ready share a look.
  std::unique_ptr<RecentLook<std::vector<PartStatus>>> ready_;
  // Each waits for two seconds at most: after half a minute the log says that they are not counted.
  static constexpr int kFirstCountTries = 15;
  std::atomic<bool> ending_{false};
  std::thread first_look_;
};

}  // namespace stateward

#endif  // STATEWARD_APP_APP_H_
