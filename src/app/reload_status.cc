#include "app/reload_status.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string_view>
#include <utility>

#include "base/secret_file.h"
#include "metrics/text.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

constexpr std::string_view kPrefix = "reload-";
// A line of numbers and one reason.
constexpr size_t kMaxBytes = 4096;
// Other keys are proved by the key service and the store; and a reload that is under way comes
// first, which the supervisor waits for (app/supervisor.cc: 30 s).
constexpr int64_t kPatienceUs = int64_t{60} * 1000 * 1000;
constexpr unsigned kLookAgainUs = 20000;

bool ReadState(const std::string& path, ReloadState* out) {
  Result<SecretBytes> text = ReadSecretBytes(path, kMaxBytes);
  if (!text.ok()) return false;
  std::istringstream in{std::string(ByteView(*text).AsString())};
  std::string word;
  if (!(in >> out->process.pid >> out->process.start >> out->count >> word >> out->time_ms >>
        out->last_ok_ms))
    return false;
  out->ok = word == "ok";
  in.get();
  std::getline(in, out->reason, '\0');
  return true;
}

const ReloadState* FindSame(const std::vector<ReloadState>& states, const ProcessId& process) {
  for (const ReloadState& state : states) {
    if (state.process == process) return &state;
  }
  return nullptr;
}

// Another server may use the folder, which is told nothing. All of them when none can be seen below
// `pid`, as from another namespace.
std::vector<ReloadState> ReloadedBy(int pid, std::vector<ReloadState> states) {
  std::vector<ReloadState> own;
  for (const ReloadState& state : states) {
    if (IsWithin(state.process.pid, static_cast<uint32_t>(pid))) own.push_back(state);
  }
  return own.empty() ? states : own;
}

}  // namespace

ReloadStatus::~ReloadStatus() {
  if (noted_) unlink(Path().c_str());
}

std::string ReloadStatus::Path() const {
  return folder_ + "/" + std::string(kPrefix) + std::to_string(getpid());
}

void ReloadStatus::Note(const Status& status) {
  const ProcessId self = SelfProcess();
  const int64_t now_ms = SystemClock().NowMs();
  if (status.ok()) last_ok_ms_ = now_ms;
  std::string text = std::to_string(self.pid) + " " + std::to_string(self.start) + " " +
                     std::to_string(noted_ ? ++count_ : 0) + (status.ok() ? " ok " : " failed ") +
                     std::to_string(now_ms) + " " + std::to_string(last_ok_ms_) + "\n" +
                     status.detail();
  text.resize(std::min(text.size(), kMaxBytes));
  const std::string next = Path() + ".new";
  unlink(next.c_str());
  const int fd = open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  const bool whole = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  if (whole && rename(next.c_str(), Path().c_str()) == 0) {
    noted_ = true;
  } else {
    unlink(next.c_str());
  }
}

std::vector<ReloadState> ReadReloadStates(const std::string& folder) {
  std::vector<ReloadState> out;
  DIR* dir = opendir(folder.c_str());
  if (dir == nullptr) return out;
  while (const dirent* entry = readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name.substr(0, kPrefix.size()) != kPrefix || name.find('.') != name.npos) continue;
    const std::string path = folder + "/" + std::string(name);
    ReloadState state;
    if (!ReadState(path, &state)) continue;
    if (IsAlive(state.process)) {
      out.push_back(std::move(state));
    } else {
      unlink(path.c_str());
    }
  }
  closedir(dir);
  return out;
}

std::string ReloadMetrics(const std::string& folder) {
  const std::vector<ReloadState> states = ReadReloadStates(folder);
  if (states.empty()) return "";
  uint64_t failed = 0;
  int64_t oldest_ms = INT64_MAX;
  for (const ReloadState& state : states) {
    if (!state.ok) ++failed;
    oldest_ms = std::min(oldest_ms, state.last_ok_ms);
  }
  MetricsText text;
  text.Gauge("stateward_reload_failed_workers",
             "Processes whose last reload failed: they keep the settings before it.", failed);
  text.Head("stateward_reload_last_success_timestamp_seconds", "gauge",
            "When the settings that are in force were read: the oldest of all processes.");
  text.Line("stateward_reload_last_success_timestamp_seconds", "", MetricSeconds(oldest_ms));
  return text.Take();
}

int ReloadAndWait(int pid, const std::string& folder) {
  const std::vector<ReloadState> before = ReloadedBy(pid, ReadReloadStates(folder));
  // Not HUP: multiwatch passes on USR2 alone.
  if (kill(pid, SIGUSR2) != 0) {
    fprintf(stderr, "error: process %d: %s\n", pid, strerror(errno));
    return 1;
  }
  if (before.empty()) {
    fprintf(stderr, "warning: no server tells in %s what becomes of a reload; see its log\n",
            folder.c_str());
    return 0;
  }
  const int64_t until = SystemClock().SteadyUs() + kPatienceUs;
  for (;;) {
    const std::vector<ReloadState> now = ReloadedBy(pid, ReadReloadStates(folder));
    bool all = true;
    bool ended = false;
    for (const ReloadState& old : before) {
      const ReloadState* same = FindSame(now, old.process);
      if (same != nullptr && same->count == old.count) all = false;
      ended = ended || same == nullptr;
    }
    if (all) {
      std::string reason;
      for (const ReloadState& state : now) {
        if (!state.ok) reason = state.reason;
      }
      if (!reason.empty()) fprintf(stderr, "error: the old settings stay: %s\n", reason.c_str());
      // The one in its place may have begun with the old settings, and is told later.
      if (ended) fputs("error: a worker ended meanwhile: see the log, and reload again\n", stderr);
      return reason.empty() && !ended ? 0 : 1;
    }
    if (SystemClock().SteadyUs() >= until) {
      fputs("error: not all workers have read the settings; see the log\n", stderr);
      return 1;
    }
    usleep(kLookAgainUs);
  }
}

}  // namespace stateward
