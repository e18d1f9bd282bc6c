// The client's LockInfo document: what we take from it, and how it is shown to others.
#ifndef STATEWARD_STATE_LOCK_INFO_H_
#define STATEWARD_STATE_LOCK_INFO_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "stateward/bytes.h"
#include "stateward/locker.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// A LockInfo is about 250 bytes; other tools put a paragraph into Info.
inline constexpr size_t kMaxLockInfoBytes = size_t{16} * 1024;

// 1 to 128 visible ASCII characters: clients send a UUID, and it travels in a query.
bool IsLockId(std::string_view id);

// How the ID of a lock begins that an operation of an administrator takes (admin/locked_change.h).
// No client's does.
inline constexpr std::string_view kOperationLockStart = "change-";
inline bool IsOperationLockId(std::string_view id) {
  return id.substr(0, kOperationLockStart.size()) == kOperationLockStart;
}

struct ParsedLockInfo {
  std::string id;         // "" when the document has none
  std::string operation;  // "" when the document has none
};
// kInvalidArgument: not one small JSON object, or an ID that IsLockId refuses.
Result<ParsedLockInfo> ParseLockInfo(ByteView body);

// The ID as the document has it, whatever it is; "" = none.
std::string LockIdText(ByteView body);

// What the client says of itself; "" where it does not. Anybody's text.
struct LockClient {
  std::string who;           // "ann@build-7"
  std::string version;       // "1.8.2"
  std::string info;          // a remark
  int64_t token_ends_s = 0;  // NoteTokenEnd; 0: not known
};
LockClient ReadLockClient(const std::string& info);

// "held by ann since 2026-11-24T04:07:17Z for OperationTypeApply from ann@build-7 (job 17) with the
// lock ID …": all that is known of who holds a lock.
std::string HolderInWords(const LockRecord& holder);

// The client's own document has the member that NoteTokenEnd() adds, however it is written: it
// would speak for the server. REQUIRES: ParseLockInfo takes `body`.
bool NamesTokenEnd(ByteView body);

// The document that is kept of a lock: the client's, with one member more where it is known when
// the token that the lock is taken with ends (seconds since 1970; 0 = it is not known). Others are
// told, since a run whose token has expired may be gone. REQUIRES: ParseLockInfo takes `body`, it
// has an ID, and NamesTokenEnd() is false.
std::string NoteTokenEnd(ByteView body, int64_t ends_s);

// "its token expired 5 min ago"; "": it did not, or that is not known.
std::string TokenEnded(const LockClient& client, int64_t now_ms);

// What the one who is answered can do about a lock whose run is gone.
enum class Freeing : uint8_t { kByForce, kAskOthers };

// The body of a 423 answer: the holder's document byte for byte, but for three members. Path names
// the state; Info says who holds it, since when, and what the asker can do; Created is replaced
// when it is not RFC 3339, since clients then fail to read the whole document.
std::string RenderHolder(const LockRecord& holder, const StateKey& key, int64_t now_ms,
                         Freeing freeing);

// The body of a 423 answer where no lock is held, and LOCK is refused all the same: its ID and Info
// are `why`.
std::string RenderNotice(const std::string& why, const StateKey& key, int64_t now_ms);

// "2026-11-24T04:07:17Z"
std::string FormatTime(int64_t ms);

}  // namespace stateward

#endif  // STATEWARD_STATE_LOCK_INFO_H_
