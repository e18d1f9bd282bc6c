// Gates: patterns of states of which no new lock is given, for a time (a maintenance) or until
// further notice (a freeze). They lie in the lock service, where the lock is decided: no host keeps
// a copy that counts.
//
// A LOCK carries the tag of the set that its asker knows (GateTicket). The step that decides the
// lock compares it with the stored one, and answers the newer set in place of the lock; so a LOCK
// costs no round trip more, and no lock is given by an old set.
#ifndef STATEWARD_GATES_H_
#define STATEWARD_GATES_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "stateward/result.h"

namespace stateward {

// One line at a terminal.
inline constexpr size_t kMaxGateReason = 200;
// Who does not know a set yet reads it whole: at most 50 KiB.
inline constexpr size_t kMaxGates = 64;

struct Gate {
  std::string pattern;   // over project "/" name, as base/glob.h reads it
  int64_t since_ms = 0;  // by the backend's clock
  int64_t until_ms = 0;  // by the backend's clock; 0 = until somebody ends it
  std::string by;        // principal
  std::string reason;    // UTF-8 without control characters, at most kMaxGateReason bytes

  bool EndsAfter(int64_t ms) const { return until_ms == 0 || ms < until_ms; }
};

struct GateSet {
  std::string tag;          // of its content: 16 hex digits; "" = the empty set
  int64_t now_ms = 0;       // the backend's clock when it was read
  std::vector<Gate> gates;  // also those that have ended meanwhile
};

inline constexpr int64_t kShutForGood = std::numeric_limits<int64_t>::max();

// By what set its asker judged a LOCK, and how.
struct GateTicket {
  std::string tag;            // as GateSet::tag
  int64_t shut_until_ms = 0;  // that set gives no lock of this state before; by the backend's clock
};

// Thread-safe. Errors: kUnavailable (cannot be read, or damaged).
class Gates {
 public:
  virtual ~Gates() = default;
  virtual Result<GateSet> ReadGates() = 0;
  // Stores `next` in the place of the set with the tag `expected`. False: it is another one by now.
  // When it returns true, no step of a lock that went by another set is under way on any host, and
  // the set is durable. After kUnavailable it may be stored or not.
  // REQUIRES: next.size() <= kMaxGates
  virtual Result<bool> ExchangeGates(const std::string& expected,
                                     const std::vector<Gate>& next) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_GATES_H_
