#include "base/log_output.h"

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace stateward {
namespace {

// A line takes some microseconds.
constexpr int kYields = 20;
}  // namespace

LogOutput::LogOutput(int fd) : fd_(fd) {
  struct stat is {};
  if (fstat(fd, &is) != 0) return;
  if (S_ISFIFO(is.st_mode)) kind_ = Kind::kPipe;
  if (S_ISSOCK(is.st_mode)) kind_ = Kind::kSocket;
}

uint64_t LogOutput::Write(const std::string& line) {
  if (kind_ == Kind::kFile) {
    [[maybe_unused]] ssize_t n = write(fd_, line.data(), line.size());
    return 0;
  }
  if (TryWrite(line)) return left_out_.exchange(0);
  stands_still_ = true;
  ++left_out_;
  return 0;
}

// Whether the line was written, or could be by nobody.
bool LogOutput::TryWrite(const std::string& line) {
  if (!Take()) return false;
  std::lock_guard<std::mutex> hold(writing_, std::adopt_lock);
  if (!HasRoom() || !Send(line)) return false;
  stands_still_ = false;
  return true;
}

bool LogOutput::Take() {
  for (int i = 0; i < kYields; ++i) {
    if (writing_.try_lock()) return true;
    if (stands_still_) return false;
    sched_yield();
  }
  for (int ms = 0; ms < kMostWaitMs && !stands_still_; ++ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (writing_.try_lock()) return true;
  }
  return false;
}

// The first line that finds no room waits for a while; those behind it do not.
bool LogOutput::HasRoom() const {
  pollfd look{fd_, POLLOUT, 0};
  return poll(&look, 1, stands_still_ ? 0 : kMostWaitMs) != 0;
}

bool LogOutput::Send(const std::string& text) {
  if (kind_ == Kind::kSocket) {
    return send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
           (errno != EAGAIN && errno != EWOULDBLOCK);
  }
  [[maybe_unused]] ssize_t n = write(fd_, text.data(), text.size());
  return true;
}

}  // namespace stateward
