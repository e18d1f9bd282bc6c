#include "app/serve.h"

#include <unistd.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "app/app.h"
#include "app/check_start.h"
#include "app/kept.h"
#include "app/reload_status.h"
#include "app/worker.h"
#include "audit/chain_end.h"
#include "audit/trail_writer.h"
#include "auth/key_cache.h"
#include "base/random.h"
#include "hooks/hook_job.h"
#include "jobs/job_board.h"
#include "jobs/job_runner.h"
#include "jobs/server_jobs.h"
#include "jobs/store_jobs.h"
#include "jobs/watch_jobs.h"
#include "metrics/listener.h"
#include "metrics/metered_disk.h"
#include "metrics/metrics.h"
#include "metrics/text.h"
#include "state/untouched.h"

namespace stateward {
namespace {

// The App in force, for what is no request.
class LiveApp {
 public:
  std::shared_ptr<App> Get() {
    std::lock_guard<std::mutex> hold(mutex_);
    return app_;
  }
  void Set(std::shared_ptr<App> app) {
    std::lock_guard<std::mutex> hold(mutex_);
    app_.swap(app);
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<App> app_;
};

Result<std::shared_ptr<Handler>> MakeHandler(const Config& config, Disk& disk, Kept* kept,
                                             Metrics& metrics, AuditTrail* trail, const Log& log,
                                             bool init, LiveApp* live) {
  auto render = [&metrics] { return metrics.Render(); };
  Result<std::shared_ptr<App>> app =
      App::Build(config, disk, kept, metrics, trail, render, log, init);
  if (!app.ok()) return std::move(app).status();
  live->Set(*app);
  return std::shared_ptr<Handler>(*app, &(*app)->handler());
}

std::string IssuerMetrics(const std::string& folder) {
  const std::map<std::string, int64_t> issuers = CachedIssuers(PosixDisk(), folder);
  if (issuers.empty()) return "";
  MetricsText text;
  constexpr char kName[] = "stateward_issuer_keys_fetched_timestamp_seconds";
  text.Head(kName, "gauge", "When the keys of an issuer were fetched last.");
  for (const auto& [issuer, fetched_ms] : issuers) {
    text.Line(kName, Label("issuer", issuer), MetricSeconds(fetched_ms));
  }
  return text.Take();
}

std::unique_ptr<Metrics> MakeMetrics(const Config& config, const Log& log) {
  Result<std::unique_ptr<Region>> region = Region::Open(config.runtime_dir);
  if (!region.ok()) log.Warning("nothing is counted: " + region.status().detail());
  BackendNames names{config.storage.backend, config.lock.backend, config.kms.backend};
  auto metrics = std::make_unique<Metrics>(region.ok() ? std::move(*region) : nullptr, names);
  const std::string end =
      config.audit.on() ? ChainEndPath(config.audit.file, config.runtime_dir) : "";
  metrics->SetMore([folder = config.runtime_dir, end] {
    return JobBoard::Read(folder).Metrics() + ReloadMetrics(folder) + IssuerMetrics(folder) +
           (end.empty() ? "" : AuditMetrics(PosixDisk(), end));
  });
  if (config.rules.write.legacy_read && !config.auth.policy_file.empty()) {
    metrics->SetUntouched(
        [folder = config.runtime_dir] { return Untouched::Shared(PosixDisk(), folder); });
  }
  return metrics;
}

// nullptr: no trail is kept.
std::unique_ptr<TrailWriter> OpenTrail(const Config& config, Disk& disk, LiveApp* live,
                                       Observer& observer, const Log& log) {
  if (!config.audit.on()) return nullptr;
  TrailOptions options;
  options.settings = config.audit;
  options.end_path = ChainEndPath(config.audit.file, config.runtime_dir);
  options.writer = "stateward, process " + std::to_string(getpid());
  const auto key = [live]() -> Result<SecretBytes> {
    const std::shared_ptr<App> app = live->Get();
    return app == nullptr ? Status::Unavailable("the process has just started") : app->TrailKey();
  };
  return std::make_unique<TrailWriter>(std::move(options), key, disk, SystemClock(), observer, log);
}

std::vector<std::unique_ptr<Job>> AllJobs(const Config& config, const std::string& process_id,
                                          Disk& disk) {
  // What requests wait for comes first.
  std::vector<std::unique_ptr<Job>> jobs = StoreJobs();
  for (std::unique_ptr<Job>& job : ServerJobs(process_id)) jobs.push_back(std::move(job));
  for (std::unique_ptr<Job>& job : WatchJobs()) jobs.push_back(std::move(job));
  std::unique_ptr<Job> hooks =
      HookJob(config.hooks, {config.audit.file, config.runtime_dir}, disk, SystemClock());
  if (hooks != nullptr) jobs.push_back(std::move(hooks));
  return jobs;
}

void WarnOfRestart(const std::vector<std::string>& names, const Log& log) {
  if (names.empty()) return;
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  log.Warning("changed, but not in force until the next start: " + list);
}

}  // namespace

bool ReadAgain(ServeSettings* settings, const Log& log) {
  LoadedConfig now = LoadConfig(settings->environment, settings->env_file, &settings->config);
  if (now.errors.empty()) {
    // The workers say all of it, too.
    const Log quiet(LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal);
    now.errors = CheckStart(now.config, quiet, false).errors;
  }
  if (!now.errors.empty()) {
    log.Error("a worker that starts later keeps the old settings: " + now.errors.front());
    return false;
  }
  settings->read = std::move(now.config);
  return true;
}

int Serve(int listen_fd, const ServeSettings& settings, const InForce& in_force, Log& log) {
  const Config& config = settings.config;
  std::unique_ptr<Metrics> metrics = MakeMetrics(config, log);
  std::unique_ptr<MetricsListener> listener;
  if (!config.metrics_listen_addr.empty()) {
    listener = std::make_unique<MetricsListener>(
        config.metrics_listen_addr, config.runtime_dir, [&] { return metrics->Render(); }, log);
  }
  FcgiOptions fcgi;
  fcgi.threads = config.threads;
  fcgi.max_inflight_bytes = config.max_inflight_bytes;
  fcgi.principal_share_percent = config.memory_share_percent;
  fcgi.limits.rate = {config.client_min_rate, static_cast<int>(config.client_rate_seconds)};
  fcgi.peers = settings.peers;
  fcgi.observer = metrics.get();
  MeteredDisk disk(PosixDisk(), *metrics, SystemClock());
  Kept kept;
  LiveApp live;
  const std::unique_ptr<TrailWriter> trail = OpenTrail(config, disk, &live, *metrics, log);
  const std::string process_id = RandomHex(16);
  ReloadStatus reloads(config.runtime_dir);
  std::unique_ptr<JobRunner> jobs;
  const auto parts = [&live] {
    const std::shared_ptr<App> app = live.Get();
    return app == nullptr ? nullptr : std::shared_ptr<const JobParts>(app, &app->job_parts());
  };
  bool first = true;
  auto build = [&]() -> Result<std::shared_ptr<Handler>> {
    if (first) {
      first = false;
      auto handler = MakeHandler(config, disk, &kept, *metrics, trail.get(), log, true, &live);
      if (handler.ok() && settings.says_what_is_missing) live.Get()->LookAtStart(log);
      return handler;
    }
    LoadedConfig loaded = LoadConfig(settings.environment, settings.env_file, &config);
    if (!loaded.errors.empty()) return Status::InvalidArgument(loaded.errors.front());
    auto handler =
        MakeHandler(loaded.config, disk, &kept, *metrics, trail.get(), log, false, &live);
    if (!handler.ok()) return handler;
    WarnOfRestart(loaded.need_restart, log);
    for (const std::string& warning : loaded.warnings) log.Warning(warning);
    log.SetLevel(loaded.config.log_level);
    log.SetFormat(loaded.config.log_format);
    return handler;
  };
  const auto build_and_say = [&] {
    Result<std::shared_ptr<Handler>> handler = build();
    reloads.Note(handler.ok() ? Status() : handler.status());
    if (!handler.ok()) return handler;
    if (trail != nullptr) trail->Reopen();
    // Jobs begin with what the settings say now.
    if (jobs != nullptr) {
      jobs->Restart();
    } else if (!config.rules.read_only) {
      jobs = std::make_unique<JobRunner>(config.runtime_dir, AllJobs(config, process_id, disk),
                                         parts, SystemClock(), log);
    }
    return handler;
  };
  const int code = RunWorker(listen_fd, fcgi, build_and_say, in_force, log);
  jobs.reset();
  const std::shared_ptr<App> app = config.rules.read_only ? nullptr : live.Get();
  if (app != nullptr) app->WithdrawKeys(process_id);
  return code;
}

}  // namespace stateward
