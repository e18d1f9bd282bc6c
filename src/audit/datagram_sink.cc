#include "audit/datagram_sink.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "stateward/status.h"

namespace stateward {
namespace {

constexpr int kAuthPriv = 10;
constexpr int kInfo = 6;

std::string Datagram(DatagramSink::Form form, std::string_view line, int64_t now_ms) {
  if (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (form == DatagramSink::Form::kJournal) {
    // A JSON line holds no line end, so the short form of a field does.
    std::string text = "MESSAGE=";
    text.append(line).append("\nPRIORITY=").append(std::to_string(kInfo));
    text.append("\nSYSLOG_FACILITY=").append(std::to_string(kAuthPriv));
    return text.append("\nSYSLOG_IDENTIFIER=").append(DatagramSink::kTag).append("\n");
  }
  const time_t seconds = static_cast<time_t>(now_ms / 1000);
  tm local{};
  localtime_r(&seconds, &local);
  char time[32];
  strftime(time, sizeof time, "%b %e %H:%M:%S", &local);
  std::string text = "<" + std::to_string(kAuthPriv * 8 + kInfo) + ">" + time + " ";
  text.append(DatagramSink::kTag).append("[").append(std::to_string(getpid())).append("]: ");
  return text.append(line);
}

}  // namespace

DatagramSink::~DatagramSink() {
  if (fd_ >= 0) close(fd_);
}

bool DatagramSink::Connect() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (path_.size() >= sizeof to.sun_path) {
    error_ = ENAMETOOLONG;
    return false;
  }
  memcpy(to.sun_path, path_.data(), path_.size());
  fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool connected =
      fd_ >= 0 && connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  error_ = connected ? 0 : errno;
  return connected;
}

std::string DatagramSink::Trouble() const { return FromErrno(path_, error_).detail(); }

bool DatagramSink::Send(std::string_view line, int64_t now_ms) {
  const std::string text = Datagram(form_, line, now_ms);
  const auto sent = [&] {
    const ssize_t n = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    error_ = n < 0 ? errno : 0;
    return n == static_cast<ssize_t>(text.size());
  };
  if (fd_ >= 0 && sent()) return true;
  return Connect() && sent();  // the service may have been started again
}

}  // namespace stateward
