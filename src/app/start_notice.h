// Tells systemd how far a start, a reload or a stop is (Type=notify), as sd_notify(3) says it: one
// datagram of NAME=VALUE lines to the socket that NOTIFY_SOCKET names.
#ifndef STATEWARD_APP_START_NOTICE_H_
#define STATEWARD_APP_START_NOTICE_H_

#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"

namespace stateward {

// Thread-safe. What cannot be told is logged and changes nothing else.
class StartNotice {
 public:
  // `socket`: the value of NOTIFY_SOCKET: a path, "@" and a name without a file (an abstract
  // socket), or "" when nobody asks. `log` must outlive it.
  StartNotice(std::string socket, const Log& log) : socket_(std::move(socket)), log_(log) {}

  void Ready() const;  // requests are answered; ends Reloading(), too
  void Reloading() const;
  void Stopping() const;

 private:
  void Tell(std::string_view lines) const;

  const std::string socket_;
  const Log& log_;
};

}  // namespace stateward

#endif  // STATEWARD_APP_START_NOTICE_H_
