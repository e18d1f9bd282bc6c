// The socket on which the web server reaches us: inherited, or bound here.
#ifndef STATEWARD_FCGI_LISTEN_SOCKET_H_
#define STATEWARD_FCGI_LISTEN_SOCKET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "stateward/result.h"

namespace stateward {

struct ListenSocket {
  int fd = -1;
  std::string unix_path;  // of a socket that was bound here; "" otherwise
};

// fd 0 when it is a listening socket (spawn-fcgi, multiwatch, systemd's StandardInput=socket), else
// fd 3 when listen_pid names this process and listen_fds says that there is one (systemd), else
// fd -1. The two texts are the values of LISTEN_PID and LISTEN_FDS.
ListenSocket FindInherited(const std::string& listen_pid, const std::string& listen_fds);

// Is it one of the forms that BindListen takes? kInvalidArgument. Binds nothing.
Status CheckListen(const std::string& where);
// "unix:/path" (mode 0660), "host:port" or "[v6]:port" with numeric hosts.
// kInvalidArgument: no such form. kConflict: in use by a process that answers. kUnavailable: the
// system's reason. A unix socket that nobody answers on is replaced.
Result<ListenSocket> BindListen(const std::string& where);

// Who may connect.
class PeerRules {
 public:
  // `allow`: addresses and CIDR ranges, separated by commas, besides loopback; `uids`: numbers,
  // separated by commas; empty = all whom the socket's mode lets in. kInvalidArgument.
  static Result<PeerRules> Parse(const std::string& allow, const std::string& uids);
  // May the peer of this accepted connection speak to us?
  bool Allows(int fd) const;
  // May it say who the client is? Over a unix socket, or from an address of `allow`; not from
  // loopback alone, where every user of the host may connect.
  bool MayVouch(int fd) const;

 private:
  struct Range {
    bool v6 = false;
    uint8_t address[16] = {};
    int bits = 0;
  };
  static bool ParseRange(const std::string& text, Range* out);
  bool AllowsPeer(int fd, bool loopback) const;
  bool AllowsAddress(bool v6, const uint8_t* address, bool loopback) const;

  std::vector<Range> ranges_;  // loopback's are the first kLoopbackRanges
  std::vector<uint32_t> uids_;
};

// For the log: which peer was not let in, and by which setting.
std::string RefusedPeerText(int fd);

}  // namespace stateward

#endif  // STATEWARD_FCGI_LISTEN_SOCKET_H_
