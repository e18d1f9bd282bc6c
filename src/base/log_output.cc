#include "base/log_output.h"

#include <fcntl.h>
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

// A description of our own, which never waits: the other one is shared with the program
// that started us.
// -1: the pipe is another user's, or nobody reads it.
int OpenWithoutWaiting(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

}  // namespace

LogOutput::LogOutput(int fd) : fd_(fd) {
  struct stat is {};
  if (fstat(fd, &is) != 0) return;
  if (S_ISFIFO(is.st_mode)) {
    kind_ = Kind::kPipe;
    own_ = OpenWithoutWaiting(fd);
    if (own_ >= 0) fd_ = own_;
  }
  if (S_ISSOCK(is.st_mode)) kind_ = Kind::kSocket;
}

LogOutput::~LogOutput() {
  if (own_ >= 0) close(own_);
}

uint64_t LogOutput::Write(const std::string& line) {
  if (kind_ == Kind::kFile) {
    [[maybe_unused]] ssize_t n = write(fd_, line.data(), line.size());
    return 0;
  }
  if (TryWrite(line)) return left_out_.exchange(0);
  ++left_out_;
  return 0;
}

// Whether the line was written, or could be by nobody.
bool LogOutput::TryWrite(const std::string& line) {
  if (!Take()) return false;
  std::lock_guard<std::mutex> hold(writing_, std::adopt_lock);
  const bool written = HasRoom() && Send(line);
  stands_still_ = !written;
  return written;
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
  stands_still_ = true;  // until the one that writes goes on
  return false;
}

// The first line that finds no room waits for a while; those behind it do not.
bool LogOutput::HasRoom() const {
  pollfd look{fd_, POLLOUT, 0};
  return poll(&look, 1, stands_still_ ? 0 : kMostWaitMs) != 0;
}

bool LogOutput::Send(const std::string& text) {
  const ssize_t n = kind_ == Kind::kSocket
                        ? send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                        : write(fd_, text.data(), text.size());
  return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace stateward
