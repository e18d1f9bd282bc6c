#include "fcgi/listen_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/listen_address.h"

namespace stateward {
namespace {

// Connections that wait to be accepted while all workers are busy, or while one takes over.
constexpr int kBacklog = 1024;
constexpr int kSystemdFd = 3;

bool IsListening(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1;
}

void MakeOurs(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

Status Failed(const std::string& what) { return FromErrno(what, errno); }

Status RemoveStale(const sockaddr_un& address, const std::string& path) {
  struct stat st {};
  if (lstat(path.c_str(), &st) != 0) return errno == ENOENT ? Status() : Failed(path);
  if (!S_ISSOCK(st.st_mode)) return Status::Unavailable(path + " is there and is no socket");
  int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return Failed("socket");
  int r = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  int err = errno;
  close(probe);
  if (r == 0) return {Code::kConflict, path + " is in use: another process answers on it"};
  if (err != ECONNREFUSED) return FromErrno(path, err);
  return unlink(path.c_str()) == 0 || errno == ENOENT ? Status() : Failed("unlink " + path);
}

constexpr std::string_view kUnix = "unix:";

Status CheckUnix(const std::string& path) {
  if (!path.empty() && path.size() < sizeof(sockaddr_un::sun_path)) return Status();
  return Status::InvalidArgument("FASTCGI_LISTEN: a socket's path has 1 to 107 bytes");
}

Result<ListenSocket> BindUnix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  STATEWARD_RETURN_IF_ERROR(RemoveStale(address, path));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Failed("socket");
  // Nobody may connect between bind and chmod: bind makes the file with the umask's mode.
  mode_t old = umask(0177);
  int r = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  umask(old);
  if (r != 0 || chmod(path.c_str(), 0660) != 0 || listen(fd, kBacklog) != 0) {
    Status status = Failed(path);
    close(fd);
    return status;
  }
  return ListenSocket{fd, path};
}

Result<ListenAddress> ParseTcp(const std::string& where) {
  const size_t colon = where.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return Status::InvalidArgument(
        "FASTCGI_LISTEN must be unix:/path, host:port or [v6 address]:port");
  }
  return ParseListenAddress("FASTCGI_LISTEN", where);
}

Result<ListenSocket> BindTcp(const std::string& where) {
  Result<ListenAddress> address = ParseTcp(where);
  if (!address.ok()) return std::move(address).status();
  int fd = socket(address->get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1;
  bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            bind(fd, address->get(), address->size) == 0 && listen(fd, kBacklog) == 0;
  if (ok) return ListenSocket{fd, ""};
  const int err = errno;
  if (fd >= 0) close(fd);
  Status status = FromErrno(where, err);
  if (err == EADDRINUSE) status = {Code::kConflict, status.detail()};
  return status;
}

template <typename Each>
bool ForEachItem(const std::string& list, Each each) {
  size_t from = 0;
  while (from <= list.size()) {
    size_t comma = std::min(list.find(',', from), list.size());
    size_t begin = list.find_first_not_of(' ', from);
    size_t end = list.find_last_not_of(' ', comma == 0 ? 0 : comma - 1);
    if (begin < comma && end != std::string::npos && end >= begin) {
      if (!each(list.substr(begin, end - begin + 1))) return false;
    }
    from = comma + 1;
  }
  return true;
}

constexpr size_t kLoopbackRanges = 2;
const char* const kLoopback = "127.0.0.0/8,::1,";

}  // namespace

ListenSocket FindInherited(const std::string& listen_pid, const std::string& listen_fds) {
  if (IsListening(0)) {
    MakeOurs(0);
    return {0, ""};
  }
  if (listen_pid == std::to_string(getpid()) && !listen_fds.empty() && listen_fds != "0" &&
      IsListening(kSystemdFd)) {
    MakeOurs(kSystemdFd);
    return {kSystemdFd, ""};
  }
  return {};
}

Status CheckListen(const std::string& where) {
  if (where.compare(0, kUnix.size(), kUnix) == 0) return CheckUnix(where.substr(kUnix.size()));
  Result<ListenAddress> address = ParseTcp(where);
  return address.ok() ? Status() : std::move(address).status();
}

Result<ListenSocket> BindListen(const std::string& where) {
  STATEWARD_RETURN_IF_ERROR(CheckListen(where));
  if (where.compare(0, kUnix.size(), kUnix) == 0) return BindUnix(where.substr(kUnix.size()));
  return BindTcp(where);
}

bool PeerRules::ParseRange(const std::string& text, Range* out) {
  size_t slash = text.find('/');
  std::string address = text.substr(0, slash);
  out->v6 = address.find(':') != std::string::npos;
  int all = out->v6 ? 128 : 32;
  out->bits = all;
  if (slash != std::string::npos) {
    const char* from = text.data() + slash + 1;
    auto [end, error] = std::from_chars(from, text.data() + text.size(), out->bits);
    if (error != std::errc() || end != text.data() + text.size()) return false;
  }
  return out->bits >= 0 && out->bits <= all &&
         inet_pton(out->v6 ? AF_INET6 : AF_INET, address.c_str(), out->address) == 1;
}

Result<PeerRules> PeerRules::Parse(const std::string& allow, const std::string& uids) {
  PeerRules rules;
  bool ok = ForEachItem(kLoopback + allow, [&](const std::string& item) {
    Range range;
    if (!ParseRange(item, &range)) return false;
    rules.ranges_.push_back(range);
    return true;
  });
  if (!ok) return Status::InvalidArgument("FASTCGI_ALLOW: addresses or CIDR ranges with commas");
  ok = ForEachItem(uids, [&](const std::string& item) {
    uint32_t uid = 0;
    auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), uid);
    rules.uids_.push_back(uid);
    return error == std::errc() && end == item.data() + item.size();
  });
  // No number at all would let everybody in.
  if (!ok || (!uids.empty() && rules.uids_.empty())) {
    return Status::InvalidArgument("FASTCGI_PEER_UIDS: user numbers with commas");
  }
  return rules;
}

bool PeerRules::AllowsAddress(bool v6, const uint8_t* address, bool loopback) const {
  for (size_t i = loopback ? 0 : kLoopbackRanges; i < ranges_.size(); ++i) {
    const Range& range = ranges_[i];
    if (range.v6 != v6) continue;
    int whole = range.bits / 8;
    int rest = range.bits % 8;
    if (std::memcmp(address, range.address, static_cast<size_t>(whole)) != 0) continue;
    int mask = 0xff << (8 - rest) & 0xff;
    if (rest == 0 || ((address[whole] ^ range.address[whole]) & mask) == 0) return true;
  }
  return false;
}

bool PeerRules::Allows(int fd) const { return AllowsPeer(fd, true); }

bool PeerRules::MayVouch(int fd) const { return AllowsPeer(fd, false); }

bool PeerRules::AllowsPeer(int fd, bool loopback) const {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return false;
  if (peer.ss_family == AF_UNIX) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return false;
    if (uids_.empty()) return true;
    for (uint32_t uid : uids_) {
      if (uid == credentials.uid) return true;
    }
    return false;
  }
  if (peer.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&peer);
    return AllowsAddress(false, reinterpret_cast<const uint8_t*>(&v4->sin_addr), loopback);
  }
  if (peer.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&peer);
    const uint8_t* bytes = v6->sin6_addr.s6_addr;
    // An IPv4 peer of a socket that listens on both.
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) return AllowsAddress(false, bytes + 12, loopback);
    return AllowsAddress(true, bytes, loopback);
  }
  return false;
}

std::string RefusedPeerText(int fd) {
  const std::string who = "a peer that is not allowed tried to connect: ";
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return who + "it is gone";
  if (peer.ss_family == AF_UNIX) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return who + "unknown";
    return who + "user " + std::to_string(credentials.uid) + " (FASTCGI_PEER_UIDS)";
  }
  char host[NI_MAXHOST] = "unknown";
  (void)getnameinfo(reinterpret_cast<const sockaddr*>(&peer), size, host, sizeof host, nullptr, 0,
                    NI_NUMERICHOST);
  return who + host + " (FASTCGI_ALLOW)";
}

}  // namespace stateward
