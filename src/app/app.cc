#include "app/app.h"

#include <utility>

#include "app/open_auth.h"
#include "app/reload_status.h"
#include "audit/audit_line.h"
#include "auth/ca_file.h"
#include "jobs/host_lock.h"
#include "jobs/job_board.h"
#include "jobs/store_jobs.h"
#include "metrics/metered.h"

namespace stateward {
namespace {

// What /ready says at most so much later.
constexpr int64_t kReadyUs = int64_t{1500} * 1000;
// Half a second of one thread; weeks of a busy store.
constexpr uint64_t kMostTrailBytes = uint64_t{64} << 20;

// What the processes of the host have told each other; nothing of it turns a request away.
void AddWarnings(const std::string& runtime_dir, std::vector<PartStatus>* parts) {
  const JobBoard board = JobBoard::Read(runtime_dir);
  std::string states;
  for (const auto& [name, what] :
       {std::pair(kDamagedStates, " damaged"), {kUnreadableStates, " unreadable"}}) {
    auto found = board.found.find(name);
    if (found == board.found.end() || found->second == 0) continue;
    states += (states.empty() ? "" : ", ") + std::to_string(found->second) + what;
  }
  if (!states.empty()) {
    parts->push_back({"states", Status(), "newest records: " + states + "; the log names them"});
  }
  for (const ReloadState& state : ReadReloadStates(runtime_dir)) {
    if (state.ok) continue;
    parts->push_back(
        {"settings", Status(),
         "the last reload failed: the settings before it are in force; the log says why"});
    break;
  }
}

}  // namespace

Result<std::shared_ptr<App>> App::Build(const Config& config, Disk& disk, Kept* kept,
                                        Observer& observer, AuditTrail* trail,
                                        std::function<std::string()> metrics, const Log& log,
                                        bool init) {
  Result<Kept::Found> keys = kept->Get(config.kms, observer, log);
  if (!keys.ok()) return std::move(keys).status();
  Result<Backends> backends = OpenBackends(config, disk, keys->kms, &observer);
  if (!backends.ok()) return std::move(backends).status();
  auto app = std::shared_ptr<App>(new App);
  Backends& b = app->backends_;
  b.storage = MeterStorage(std::move(backends->storage), observer, SystemClock());
  b.locker = MeterLocker(std::move(backends->locker), observer, SystemClock());
  b.kms = std::move(backends->kms);
  app->gate_ = std::make_unique<StoreGate>(*b.storage, *b.locker, config.rules.read_only);
  app->secret_ = kept->secret();
  app->throttle_ = kept->throttle();
  app->key_check_ = std::make_unique<KeyCheck>(*b.storage, *b.kms, SystemClock());
  const bool read_only = config.rules.read_only;
  StateRules rules = config.rules;
  if (read_only) rules.read_only_since_ms = kept->started_ms();
  app->standby_ = read_only ? StandbySentence(rules.read_only_since_ms) : "";
  if (init && config.storage.init && !read_only) {
    Status made = app->gate_->Init(false, *b.kms);
    if (!made.ok()) log.Error("STORAGE_INIT: " + made.detail());
  }
  // A running server never gives up keys that open its states for some that do not.
  if (!init && keys->is_new) {
    const Status works = app->backends_.kms->Check();
    const Status fit = works.ok() ? app->key_check_->Prove() : works;
    if (!fit.ok()) return Status(fit).At("the new keys are not taken");
  }
  // People who are known by a policy have other identities than the original gave them.
  if (rules.write.legacy_read && !config.auth.policy_file.empty() && !read_only) {
    app->untouched_ = std::make_unique<Untouched>(*b.storage, *app->gate_, disk, SystemClock(),
                                                  config.runtime_dir);
  }
  app->states_ = std::make_unique<StateService>(*b.storage, *b.locker, *b.kms, *app->gate_,
                                                SystemClock(), observer, log, rules,
                                                app->throttle_.get(), app->untouched_.get());
  const UploadRules& uploads = rules.uploads;
  app->admin_ = std::make_unique<AdminService>(
      AdminParts{*b.storage, *b.locker, *b.kms, *app->gate_, *app->states_, SystemClock(), rules,
                 uploads, config.audit.file, trail, kMostTrailBytes});
  HandlerParts parts;
  parts.states = app->states_.get();
  parts.admin = app->admin_.get();
  parts.observer = &observer;
  parts.trail = trail;
  app->trail_ = trail;
  // A worker that starts while the policy is no good refuses everybody and stays; a reload keeps
  // the old policy.
  STATEWARD_RETURN_IF_ERROR(app->OpenWaysIn(config, disk, log, !init, &parts));
  App* self = app.get();
  app->runtime_dir_ = config.runtime_dir;
  app->ready_ = std::make_unique<RecentLook<std::vector<PartStatus>>>(
      SystemClock(), kReadyUs, [self] { return self->Ready(); });
  parts.ready = [self] { return self->ready_->Get(); };
  app->job_parts_ = std::make_unique<JobParts>(JobParts{*b.storage, *b.locker, *b.kms, *app->gate_,
                                                        config.rules.history, uploads,
                                                        SystemClock(), log, app->untouched_.get()});
  parts.metrics = std::move(metrics);
  parts.log = &log;
  parts.clock = &SystemClock();
  parts.addresses = {*ParseBasePath(config.base_path), config.rules.nested_names};
  parts.max_state_bytes = config.max_state_bytes;
  app->handler_ = std::make_unique<AppHandler>(std::move(parts));
  kept->Keep(*keys, config.kms);
  return app;
}

App::~App() {
  ending_ = true;
  if (first_look_.joinable()) first_look_.join();
}

// In a thread: the start waits for no service.
void App::LookAtStart(const Log& log) {
  first_look_ = std::thread([this, &log] { SayWhatIsMissing(log); });
}

void App::SayWhatIsMissing(const Log& log) {
  Result<std::shared_ptr<const StoreIdentity>> store = gate_->Store();
  if (!store.ok()) {
    log.Warning("not ready: " + store.status().detail());
  } else if (std::string older = FormatWarning((*store)->format); !older.empty()) {
    log.Info(older);
  }
  const Status key = CheckKey();
  if (!key.ok()) log.Warning("not ready: " + key.detail());
  for (const std::string& warning :
       {backends_.storage->Warning(), backends_.locker->Warning(), backends_.kms->Warning()}) {
    if (!warning.empty()) log.Warning(warning);
  }
  if (store.ok() && untouched_ != nullptr) {
    // The first count may take longer than a request would wait for it.
    for (int tries = 0; tries < kFirstCountTries && !ending_; ++tries) {
      if (untouched_->Holding().ok()) break;
    }
    std::string blobs = untouched_->Warning();
    if (!blobs.empty()) log.Warning(blobs);
  }
}

// Basic first: a secret may look like anything, with an issuer alone also like a token, as with the
// original. With a policy what looks like a token is one, and its rules alone decide what it may
// do: the original's claim grants nothing then.
Status App::OpenWaysIn(const Config& config, Disk& disk, const Log& log, bool must_load,
                       HandlerParts* parts) {
  if (config.auth.basic_enabled) parts->authenticators.push_back(&basic_);
  parts->proxy_identities = config.auth.proxy_enabled;
  if (config.auth.policy_file.empty()) return OpenTokens(config, disk, log, parts);
  policy_ = std::make_unique<PolicyFile>(SystemClock(), log, config.auth.policy_file);
  if (must_load) STATEWARD_RETURN_IF_ERROR(policy_->Check());
  std::string folder = config.runtime_dir;
  Observer* observer = parts->observer;
  auto open = [folder, &disk, &log, observer](const std::vector<PolicyIssuer>& issuers) {
    return OpenPolicyIssuers(issuers, folder, disk, log, *observer);
  };
  logins_ = std::make_unique<Logins>(SystemClock(), *throttle_, static_cast<int>(config.threads));
  identified_ = std::make_unique<PolicyAuthenticator>(
      *policy_, *logins_, open, SystemClock(), config.auth.lock_grace_s, config.rules.nested_names);
  parts->authenticators.push_back(identified_.get());
  basic_.LeaveTokens();
  return Status();
}

Status App::OpenTokens(const Config& config, Disk& disk, const Log& log, HandlerParts* parts) {
  Result<std::vector<IssuerSettings>> issuers = IssuersOf(config);
  if (!issuers.ok()) return std::move(issuers).status();
  if (issuers->empty()) return Status();
  const std::string& ca_file = issuers->front().ca_file;
  if (!ca_file.empty()) {
    STATEWARD_RETURN_IF_ERROR(CheckCaFile(ca_file).At("AUTH_JWT_CA_FILE"));
  }
  Result<std::unique_ptr<TokenVerifier>> tokens =
      NewTokenVerifier(*issuers, config.runtime_dir, disk, SystemClock(), log, *parts->observer);
  if (!tokens.ok()) return std::move(tokens).status().At("AUTH_JWT_OIDC_ISSUER_URL");
  tokens_ = std::move(*tokens);
  jwt_ = std::make_unique<JwtAuthenticator>(*tokens_, SystemClock(), config.auth.lock_grace_s);
  parts->authenticators.push_back(jwt_.get());
  return Status();
}

Result<SecretBytes> App::TrailKey() {
  Result<SecretBytes> secret = secret_->Get(*gate_, *backends_.storage, *backends_.kms);
  if (!secret.ok()) return secret;
  return AuditKey(*secret);
}

void App::WithdrawKeys(const std::string& process_id) {
  (void)backends_.storage->Withdraw(process_id);  // else it is silent in some minutes
}

Status App::LookAtStore() {
  Result<std::shared_ptr<const StoreIdentity>> store = gate_->Store();
  if (!store.ok()) return std::move(store).status();
  STATEWARD_RETURN_IF_ERROR(backends_.storage->Check());
  return sample_.Look(*backends_.storage);
}

Status App::CheckKey() {
  Status works = backends_.kms->Check();
  return works.ok() ? key_check_->Get() : works;
}

std::vector<PartStatus> App::Ready() {
  std::vector<PartStatus> parts = {{"store", LookAtStore(), backends_.storage->Warning()},
                                   {"lock", backends_.locker->Check(), backends_.locker->Warning()},
                                   {"key", CheckKey(), backends_.kms->Warning()}};
  if (untouched_ != nullptr) parts.push_back({"taking over", Status(), untouched_->Warning()});
  if (policy_ != nullptr) {
    // A bad new file is no reason to turn anybody away: the policy before it is in force. Nor is
    // one issuer that does not work.
    Status policy = policy_->Check();
    bool old = !policy.ok() && policy_->Loaded();
    parts.push_back(
        {"policy", old ? Status() : policy,
         old ? "the file is no good, wholly or for one issuer: the log says which" : ""});
  }
  if (!standby_.empty()) parts.push_back({"standby", Status(), standby_});
  if (trail_ != nullptr) {
    // A standby changes nothing, so nothing of it waits for a line.
    parts.push_back({"audit", standby_.empty() ? trail_->Check() : Status(), trail_->Warning()});
  }
  AddWarnings(runtime_dir_, &parts);
  Result<std::shared_ptr<const StoreIdentity>> store = gate_->Store();
  if (store.ok() && !runtime_dir_.empty()) {
    std::string other = OtherStoreWarning(runtime_dir_, (*store)->store_id);
    if (!other.empty()) parts.push_back({"jobs", Status(), std::move(other)});
  }
  return parts;
}

}  // namespace stateward
