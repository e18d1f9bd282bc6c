#include "app/supervisor.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>
#include <vector>

#include "stateward/clock.h"

namespace stateward {
namespace {

// A worker that ends so soon after its start will end again: it is replaced after a pause that
// doubles up to the longest, so that a broken installation does not keep a core busy.
constexpr int64_t kTooSoonUs = 1000000;
constexpr int64_t kFirstPauseUs = 100000;
constexpr int64_t kLongestPauseUs = 5000000;
// Drain (5 s) and the longest grace for a running request (30 s), and some.
constexpr int64_t kStopUs = 45LL * 1000000;
// So long a reload waits for the one before it: services are given up earlier.
constexpr int64_t kReloadUs = 30LL * 1000000;

// From a worker to its supervisor: it serves; later: it has ended a reload. It is queued, so that
// no datagram is lost, and the kernel says who sent it.
int InForceSignal() { return SIGRTMIN; }

struct Worker {
  pid_t pid = -1;  // -1: to be started
  bool serves = false;
  bool reloads = false;
  bool owes_more = false;  // its next answer is to a reload before the last one
  int64_t start_us = 0;
  int64_t not_before_us = 0;
  int64_t pause_us = 0;
  uint64_t settings = 0;  // the number of those that it began with
};

class Supervisor {
 public:
  Supervisor(const SupervisorOptions& options, const WorkFn& work, const ReloadFns& reload,
             const StartNotice& notice, const Log& log)
      : options_(options),
        work_(work),
        reload_(reload),
        notice_(notice),
        log_(log),
        workers_(options.workers) {}

  int Run();

 private:
  std::optional<int> StartMissing();
  void Reap();
  int64_t NextStartUs() const;
  int WaitForSignal(int64_t until_us);
  void Tell(int signal);
  void Reload(int signal);
  void BeginReload(int signal);
  void HearAnswers();
  bool AnyServes() const;
  bool AnyReloads() const;
  bool Reloads() const;
  void NoteInForce(pid_t pid, bool taken);
  void Take();
  void SettleReload();
  void SayWhetherReady();
  int Stop();

  const SupervisorOptions& options_;
  const WorkFn& work_;
  const ReloadFns& reload_;
  const StartNotice& notice_;
  const Log& log_;
  std::vector<Worker> workers_;
  bool ready_ = false;      // what was told last
  uint64_t settings_ = 0;   // the number of those in force
  bool served_ = false;     // some worker has served with those
  bool undecided_ = false;  // others were read, and no worker has taken them yet
  int again_ = 0;           // a reload that came during another one: its signal
  int64_t patience_until_us_ = 0;
};

int64_t NowUs() { return SystemClock().SteadyUs(); }

int Supervisor::Run() {
  for (;;) {
    // In a new worker this returns the exit code.
    if (std::optional<int> code = StartMissing()) return *code;
    int signal = WaitForSignal(NextStartUs());
    if (signal == SIGTERM || signal == SIGINT) return Stop();
    if (signal == SIGHUP || signal == SIGUSR2) Reload(signal);
    Reap();
    SettleReload();
    SayWhetherReady();
  }
}

std::optional<int> Supervisor::StartMissing() {
  for (uint32_t number = 0; number < workers_.size(); ++number) {
    Worker& worker = workers_[number];
    if (worker.pid > 0 || NowUs() < worker.not_before_us) continue;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
      log_.Error("fork failed; the worker is started later");
      worker.not_before_us = NowUs() + kTooSoonUs;
      continue;
    }
    if (pid == 0) {
      // When the supervisor is killed its workers let go of the socket, finish what they do, end.
      prctl(PR_SET_PDEATHSIG, kOrphaned);
      if (getppid() != parent) return 0;
      const auto in_force = [parent](bool taken) {
        sigval value{};
        value.sival_int = taken ? 1 : 0;
        if (getppid() == parent) sigqueue(parent, InForceSignal(), value);
      };
      return work_(in_force, number);
    }
    worker.pid = pid;
    worker.serves = worker.reloads = worker.owes_more = false;
    worker.settings = settings_;
    worker.start_us = NowUs();
  }
  return std::nullopt;
}

void Supervisor::Reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    for (Worker& worker : workers_) {
      if (worker.pid != pid) continue;
      int64_t now = NowUs();
      bool soon = now - worker.start_us < kTooSoonUs;
      worker.pause_us =
          soon ? std::min(std::max(worker.pause_us * 2, kFirstPauseUs), kLongestPauseUs) : 0;
      // What is in force lets nobody serve any more.
      if (undecided_ && !worker.serves) Take();
      worker.pid = -1;
      worker.serves = worker.reloads = worker.owes_more = false;
      worker.not_before_us = now + worker.pause_us;
      LogLine line = log_.Begin(LogLevel::kWarning, "a worker ended and is replaced");
      line.Int("pid", pid).Int("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
      log_.Write(LogLevel::kWarning, line.Int("code", WIFEXITED(status) ? WEXITSTATUS(status) : 0));
    }
  }
}

int64_t Supervisor::NextStartUs() const {
  int64_t next = Reloads() ? patience_until_us_ : INT64_MAX;
  for (const Worker& worker : workers_) {
    if (worker.pid < 0) next = std::min(next, worker.not_before_us);
  }
  return next;
}

// The signal that came, or 0 when `until_us` has passed.
int Supervisor::WaitForSignal(int64_t until_us) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD, InForceSignal()}) {
    sigaddset(&set, signal);
  }
  siginfo_t info = {};
  int signal = 0;
  if (until_us == INT64_MAX) {
    signal = sigwaitinfo(&set, &info);
  } else {
    int64_t left = std::max<int64_t>(until_us - NowUs(), 0);
    timespec wait{left / 1000000, left % 1000000 * 1000};
    signal = sigtimedwait(&set, &info, &wait);
  }
  if (signal == InForceSignal()) NoteInForce(info.si_pid, info.si_value.sival_int != 0);
  return std::max(signal, 0);
}

// One after the other: an answer must be to what was read last.
void Supervisor::Reload(int signal) {
  notice_.Reloading();
  ready_ = false;
  again_ = signal;
  if (!Reloads()) BeginReload(signal);
}

bool Supervisor::AnyServes() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.serves; });
}

// Some worker has not answered yet.
bool Supervisor::AnyReloads() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.reloads; });
}

// And it may be waited for.
bool Supervisor::Reloads() const { return AnyReloads() && NowUs() < patience_until_us_; }

void Supervisor::BeginReload(int signal) {
  HearAnswers();
  again_ = 0;
  patience_until_us_ = NowUs() + kReloadUs;
  undecided_ = reload_.read();
  // Perhaps these are the settings that let one serve.
  if (undecided_ && !served_) Take();
  // One that does not serve yet may have begun with the old settings: it is told, too.
  for (Worker& worker : workers_) {
    worker.owes_more = worker.reloads;
    worker.reloads = worker.pid > 0;
  }
  Tell(signal);
}

// Those that are queued already: they are of before.
void Supervisor::HearAnswers() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, InForceSignal());
  siginfo_t info = {};
  const timespec now{};
  while (sigtimedwait(&set, &info, &now) > 0) {
    NoteInForce(info.si_pid, info.si_value.sival_int != 0);
  }
}

void Supervisor::Take() {
  reload_.take();
  ++settings_;
  served_ = undecided_ = false;
}

// What a worker says first is that it serves. The settings may have changed since it was forked.
void Supervisor::NoteInForce(pid_t pid, bool taken) {
  for (Worker& worker : workers_) {
    if (worker.pid != pid) continue;
    if (worker.serves && worker.owes_more) {
      // It may have read the last ones already; asked once more it says so.
      worker.owes_more = false;
      kill(pid, SIGHUP);
    } else if (worker.serves) {
      worker.reloads = false;
      if (taken && undecided_) Take();
      served_ = served_ || taken;
    } else if (!worker.reloads && (undecided_ || worker.settings != settings_)) {
      worker.reloads = true;
      patience_until_us_ = NowUs() + kReloadUs;
      kill(pid, SIGHUP);
    }
    served_ = served_ || (!worker.serves && worker.settings == settings_);
    worker.serves = true;
  }
}

// Each worker that was told has answered, and none has taken the new settings: the old ones stay.
// While all that were told have died, those that replace them decide.
void Supervisor::SettleReload() {
  if (Reloads()) return;
  if (again_ != 0) return BeginReload(again_);
  // One that takes very long may take them still.
  if (AnyReloads()) return;
  if (AnyServes()) undecided_ = false;
}

void Supervisor::SayWhetherReady() {
  if (ready_ || !AnyServes() || AnyReloads() || undecided_) {
    return;
  }
  ready_ = true;
  notice_.Ready();
}

void Supervisor::Tell(int signal) {
  for (const Worker& worker : workers_) {
    if (worker.pid > 0) kill(worker.pid, signal);
  }
}

int Supervisor::Stop() {
  notice_.Stopping();
  if (!options_.unix_path.empty()) unlink(options_.unix_path.c_str());
  // Not TERM: what waits in the socket's backlog has nobody else to serve it.
  Tell(SIGINT);
  int64_t until = NowUs() + kStopUs;
  auto running = [this] {
    return std::any_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.pid > 0; });
  };
  while (running() && NowUs() < until) {
    WaitForSignal(std::min(until, NowUs() + kTooSoonUs));
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      for (Worker& worker : workers_) {
        if (worker.pid == pid) worker.pid = -1;
      }
    }
  }
  Tell(SIGKILL);
  return 0;
}

}  // namespace

int RunSupervisor(const SupervisorOptions& options, const WorkFn& work, const ReloadFns& reload,
                  const StartNotice& notice, const Log& log) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGCHLD, InForceSignal()}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return Supervisor(options, work, reload, notice, log).Run();
}

}  // namespace stateward
