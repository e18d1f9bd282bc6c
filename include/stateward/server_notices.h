// What a running server says of itself, in clear, for tools that change the store: the last text of
// each.
//
// Thread rule and errors: stateward/storage.h.
#ifndef STATEWARD_SERVER_NOTICES_H_
#define STATEWARD_SERVER_NOTICES_H_

#include <string>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

struct ServerNotice {
  std::string server_id;  // 32 hex digits
  Bytes text;
};

class ServerNotices {
 public:
  virtual ~ServerNotices() = default;
  // Makes or exchanges the server's notice.
  virtual Status Publish(const std::string& server_id, ByteView text) = 0;
  virtual Result<std::vector<ServerNotice>> Published() = 0;
  // OK when there is none.
  virtual Status Withdraw(const std::string& server_id) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_SERVER_NOTICES_H_
