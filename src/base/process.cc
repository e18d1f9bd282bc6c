#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <string_view>

namespace stateward {
namespace {

constexpr int kParentField = 4;
constexpr int kStartField = 22;

// A number of /proc/PID/stat; 0: no such process.
uint64_t StatField(uint32_t pid, int number) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%u/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[1024];
  ssize_t n = read(fd, text, sizeof text);
  close(fd);
  if (n <= 0) return 0;
  std::string_view rest(text, static_cast<size_t>(n));
  // The name in parentheses may hold anything; the fields after its last ')' are numbers.
  size_t name_end = rest.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  rest.remove_prefix(name_end + 1);
  for (int field = 3; field <= number; ++field) {
    size_t from = rest.find_first_not_of(' ');
    if (from == std::string_view::npos) return 0;
    rest.remove_prefix(from);
    size_t end = rest.find(' ');
    if (field == number) {
      uint64_t value = 0;
      std::from_chars(rest.data(), rest.data() + (end == rest.npos ? rest.size() : end), value);
      return value;
    }
    if (end == std::string_view::npos) return 0;
    rest.remove_prefix(end);
  }
  return 0;
}

uint64_t StartOf(uint32_t pid) { return StatField(pid, kStartField); }

// Of a process descriptor: it can be read from when its process has ended.
bool Runs(int fd) {
  pollfd ended{fd, POLLIN, 0};
  return poll(&ended, 1, 0) == 0;
}

}  // namespace

std::string HostName() {
  char host[256] = "";
  return gethostname(host, sizeof host - 1) == 0 ? host : "";
}

ProcessId SelfProcess() {
  // A child of fork() has another pid, and so looks again.
  static std::atomic<uint32_t> known_pid{0};
  static std::atomic<uint64_t> known_start{0};
  auto pid = static_cast<uint32_t>(getpid());
  if (known_pid.load(std::memory_order_acquire) != pid) {
    known_start.store(StartOf(pid), std::memory_order_relaxed);
    known_pid.store(pid, std::memory_order_release);
  }
  return {pid, known_start.load(std::memory_order_relaxed)};
}

ProcessId ProcessOf(uint32_t pid) { return {pid, StartOf(pid)}; }

bool IsWithin(uint32_t pid, uint32_t ancestor) {
  // Processes that end meanwhile could make a ring of old numbers; no tree is that deep.
  for (int depth = 0; depth < 64 && pid != 0; ++depth) {
    if (pid == ancestor) return true;
    pid = static_cast<uint32_t>(StatField(pid, kParentField));
  }
  return false;
}

bool IsAlive(const ProcessId& process) {
  return process.pid != 0 && process.start != 0 && StartOf(process.pid) == process.start;
}

LifeWatch::~LifeWatch() {
  for (const Watched& watched : watched_) close(watched.fd);
}

bool LifeWatch::IsAlive(const ProcessId& process) {
  std::lock_guard<std::mutex> hold(mutex_);
  const auto known = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& watched) {
    return watched.process == process;
  });
  if (known != watched_.end()) {
    if (Runs(known->fd)) return true;
    close(known->fd);
    watched_.erase(known);
    return false;
  }
  if (process.pid == 0) return false;
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0));  // close-on-exec
  if (fd < 0) return stateward::IsAlive(process);
  // Looked at after the descriptor was made: who has the number now, and had it when it wrote
  // itself down, had it in between.
  if (!stateward::IsAlive(process) || !Runs(fd)) {
    close(fd);
    return false;
  }
  if (watched_.size() == kMost) {
    close(watched_.front().fd);
    watched_.erase(watched_.begin());
  }
  watched_.push_back({process, fd});
  return true;
}

}  // namespace stateward
