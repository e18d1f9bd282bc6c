// One request over one connection, spoken by libfcgi. The only user of fcgiapp.h.
//
// Used by one thread.
#ifndef STATEWARD_FCGI_FCGI_REQUEST_H_
#define STATEWARD_FCGI_FCGI_REQUEST_H_

#include <cstdint>
#include <memory>
#include <string>

#include "fcgi/budget.h"
#include "fcgi/listen_socket.h"
#include "stateward/http.h"

namespace stateward {

// Once, before threads and after signals were blocked; SIGPIPE is ignored afterwards.
void InitFcgiLibrary();

class FcgiRequest {
 public:
  // What became of the connection.
  enum class End : uint8_t {
    kClosed,  // libfcgi closed it
    kClean,   // the request was read to its end: the connection may serve another
    kUnread,  // bytes of the request are unread: never serve another one on it
  };

  // Takes over `fd`, on which LookAtHead saw a complete head. Identities that the web server
  // vouches for are taken only from a peer that `peers` lets vouch.
  FcgiRequest(int fd, ByteBudget& budget, const PeerRules& peers);
  ~FcgiRequest();
  FcgiRequest(const FcgiRequest&) = delete;
  FcgiRequest& operator=(const FcgiRequest&) = delete;

  // Reads the head. False: libfcgi refused it, and closed the connection.
  bool Begin();
  // REQUIRES: Begin() gave true. Valid while this lives.
  const Request& request() const;
  void Send(const Response& response);
  End Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_FCGI_REQUEST_H_
