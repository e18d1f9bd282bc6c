// Who held a state's lock when, and how it ended: told from lines of the audit trail, from the
// records that were written under a lock, and from the lock itself. Nothing is stored for it, so a
// LOCK costs nothing more.
//
// Pure; used by one thread.
#ifndef STATEWARD_ADMIN_LOCK_SESSIONS_H_
#define STATEWARD_ADMIN_LOCK_SESSIONS_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "stateward/locker.h"
#include "stateward/state.h"

namespace stateward {

struct LockSession {
  std::string lock;
  std::string principal;
  std::string operation;  // "" = not known
  int64_t since_ms = 0;   // 0 = not known
  int64_t until_ms = 0;   // 0 = it is held, or not known
  std::string end;        // "held", "released", "forced"; "unknown"
  std::string ended_by;   // of a forced one
  // Of a forced one, if it was given; of one that is held, that its token has expired.
  std::string reason;
  uint64_t versions = 0;  // written under it, of those that are kept
};

// What one line of the trail says of the state's lock.
struct LockEvent {
  std::string action;  // "lock", "unlock", "force unlock"
  std::string lock;    // "" = whatever was held; of several plans their IDs, with blanks between
  std::string principal;
  std::string reason;
  int64_t time_ms = 0;
};

class LockSessions {
 public:
  // The newest so many are kept: some months of a busy state.
  static constexpr size_t kMost = 1000;

  // Of requests that were answered 200, in the order of the trail.
  void Add(const LockEvent& event);
  // A version that is kept, in any order.
  void Add(const VersionInfo& version);
  // What the lock says now: who holds it, or all plans that do, the oldest first; after all others.
  void End(const std::vector<LockRecord>& holders, int64_t now_ms);

  // The newest first; those whose time is not known last.
  const std::deque<LockSession>& all() const { return sessions_; }
  // Of those, the ones that ended by a forced release.
  std::vector<LockSession> Forced() const;

 private:
  LockSession* Find(const std::string& lock);
  std::vector<LockSession*> EndedBy(const LockEvent& event);
  LockSession* Begin(const std::string& lock);

  std::deque<LockSession> sessions_;
};

}  // namespace stateward

#endif  // STATEWARD_ADMIN_LOCK_SESSIONS_H_
