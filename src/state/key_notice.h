// What a running server says of its keys, next to the store, so that nobody seals with a key that
// it does not know. docs/formats.md, "Servers".
#ifndef STATEWARD_STATE_KEY_NOTICE_H_
#define STATEWARD_STATE_KEY_NOTICE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/server_notices.h"

namespace stateward {

// Each worker speaks once a minute. Who has not spoken for five has ended, or lost the store.
inline constexpr int64_t kNoticeEveryMs = int64_t{60} * 1000;
inline constexpr int64_t kNoticeCountsMs = 5 * kNoticeEveryMs;
// And is named for so long.
inline constexpr int64_t kNoticeKeptMs = 15 * kNoticeEveryMs;

struct KeyNotice {
  std::string server;              // host and process, for people
  std::string version;             // of the program
  int64_t time_ms = 0;             // the server's wall clock
  std::string seals;               // key id, 32 hex digits
  std::vector<std::string> opens;  // key ids, `seals` among them
  uint32_t format = 0;             // the newest format of a store that it knows
};

std::string FormatKeyNotice(const KeyNotice& notice);
// nullopt: not one.
std::optional<KeyNotice> ParseKeyNotice(ByteView text);

// Publishes the keys of `kms` under `id` (32 hex digits, of this process). kUnavailable: the store
// or the key service cannot be asked.
Status PublishKeys(ServerNotices& servers, Kms& kms, const std::string& id, int64_t now_ms);
// Takes away what others left that have not spoken for kNoticeKeptMs.
Status ForgetSilentServers(ServerNotices& servers, int64_t now_ms);

// The workers on this store.
struct Servers {
  std::vector<KeyNotice> running;
  std::vector<KeyNotice> silent;  // not heard of for kNoticeCountsMs: they do not count
};
Result<Servers> ServersOf(ServerNotices& servers, int64_t now_ms);

struct KeyUsers {
  std::vector<std::string> lack;    // servers that cannot open with the key
  std::vector<std::string> seal;    // servers that seal with it
  std::vector<std::string> silent;  // not heard of for kNoticeCountsMs: they count as neither
};
// What the servers on this store have to do with a key.
Result<KeyUsers> UsersOfKey(ServerNotices& servers, const std::string& key_id, int64_t now_ms);

}  // namespace stateward

#endif  // STATEWARD_STATE_KEY_NOTICE_H_
