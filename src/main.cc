// The server: settings, then a worker on an inherited socket or a supervisor on one of its own.
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "app/check_start.h"
#include "app/hardening.h"
#include "app/reload_status.h"
#include "app/serve.h"
#include "app/start_notice.h"
#include "app/supervisor.h"
#include "app/worker.h"
#include "base/log.h"
#include "base/version.h"
#include "config/config.h"
#include "fcgi/listen_socket.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

constexpr char kUsage[] =
    "usage: stateward [--env-file FILE] [--check-config | --reload PID | --version]\n"
    "  --env-file FILE   settings as NAME=VALUE lines; they win over the environment's\n"
    "  --check-config    reads the settings, says what is wrong with them, and ends\n"
    "  --reload PID      tells the server to read them again, and waits for what becomes of it\n"
    "  --version         says which version this is\n";

struct Options {
  std::string env_file;
  bool check_config = false;
  bool help = false;
  bool version = false;
  int reload_pid = 0;  // 0: not asked for
  bool ok = true;
};

Options ParseArguments(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string_view arg = argv[i];
    if (arg == "--env-file" && i + 1 < argc) {
      options.env_file = argv[++i];
    } else if (arg == "--check-config") {
      options.check_config = true;
    } else if (arg == "--help" || arg == "-h") {
      options.help = true;
    } else if (arg == "--version") {
      options.version = true;
    } else if (arg == "--reload" && i + 1 < argc) {
      const std::string_view pid = argv[++i];
      auto [end, error] = std::from_chars(pid.data(), pid.data() + pid.size(), options.reload_pid);
      options.ok = error == std::errc() && end == pid.data() + pid.size() && options.reload_pid > 0;
      if (!options.ok) return options;
    } else {
      options.ok = false;
    }
  }
  return options;
}

// A predecessor whose supervisor was killed drains for some seconds (app/worker.h) before it lets
// go of the socket; this one waits as long, and is then there at once.
constexpr int64_t kPredecessorUs = int64_t{8} * 1000000;
constexpr unsigned kLookAgainUs = 20000;

Result<ListenSocket> BindWhenFree(const std::string& where, const Log& log) {
  const int64_t until = SystemClock().SteadyUs() + kPredecessorUs;
  bool said = false;
  for (;;) {
    Result<ListenSocket> bound = BindListen(where);
    if (bound.ok() || bound.status().code() != Code::kConflict) return bound;
    if (SystemClock().SteadyUs() >= until) return bound;
    if (!said) log.Warning(bound.status().detail() + "; waiting for it to end");
    said = true;
    usleep(kLookAgainUs);
  }
}

int CheckConfig(const LoadedConfig& loaded) {
  for (const std::string& warning : loaded.warnings) {
    fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  for (const std::string& error : loaded.errors) fprintf(stderr, "error: %s\n", error.c_str());
  if (!loaded.errors.empty()) return 1;
  // What the policy says of itself is among the errors.
  const Log quiet(LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal);
  const StartCheck check = CheckStart(loaded.config, quiet, true);
  for (const std::string& error : check.errors) fprintf(stderr, "error: %s\n", error.c_str());
  if (!check.errors.empty()) return 1;
  puts("no setting is wrong");
  return 0;
}

int Main(int argc, char** argv) {
  Options options = ParseArguments(argc, argv);
  if (options.help || !options.ok) {
    fputs(kUsage, options.help ? stdout : stderr);
    return options.help ? 0 : 2;
  }
  if (options.version) {
    puts(("stateward " + std::string(kStatewardVersion)).c_str());
    return 0;
  }
  EnvMap environment = ReadEnvironment();
  LoadedConfig loaded = LoadConfig(environment, options.env_file);
  if (options.check_config) return CheckConfig(loaded);
  if (options.reload_pid > 0 && loaded.config.runtime_dir.empty()) return CheckConfig(loaded);
  if (options.reload_pid > 0) return ReloadAndWait(options.reload_pid, loaded.config.runtime_dir);
  const Config& config = loaded.config;
  // Whoever reads the log may end before us.
  signal(SIGPIPE, SIG_IGN);
  Log log(ChooseLogTarget(), config.log_format, config.log_level);
  for (const std::string& warning : loaded.warnings) log.Warning(warning);
  for (const std::string& error : loaded.errors) log.Error(error);
  if (!loaded.errors.empty()) return 1;
  StartCheck check = CheckStart(config, log, false);
  for (const std::string& error : check.errors) log.Error(error);
  if (!check.errors.empty()) return 1;
  log.Info(check.ways_in);

  HardenProcess();
  BlockWorkerSignals();
  ListenSocket inherited = FindInherited(config.listen_pid, config.listen_fds);
  ServeSettings settings{config, check.peers, environment, options.env_file, true, std::nullopt};
  const StartNotice notice(config.notify_socket, log);
  // Several workers of one unit: each says when it serves. How a reload of all of them goes is
  // known to `stateward --reload`; one that ends is no stop of the unit.
  if (inherited.fd >= 0)
    return Serve(
        inherited.fd, settings, [&](bool /*taken*/) { notice.Ready(); }, log);
  Result<ListenSocket> bound = BindWhenFree(config.fastcgi_listen, log);
  if (!bound.ok()) {
    log.Error(bound.status().detail());
    return 1;
  }
  log.Info("listening on " + config.fastcgi_listen);
  auto work = [&](const InForce& in_force, uint32_t number) {
    settings.says_what_is_missing = number == 0;
    return Serve(bound->fd, settings, in_force, log);
  };
  const ReloadFns reload{[&] { return ReadAgain(&settings, log); },
                         [&] { settings.config = std::move(*settings.read); }};
  return RunSupervisor({config.workers, bound->unix_path}, work, reload, notice, log);
}

}  // namespace
}  // namespace stateward

int main(int argc, char** argv) { return stateward::Main(argc, argv); }
