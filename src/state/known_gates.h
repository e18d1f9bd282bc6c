// The gates as this process met them last, and what a shut one says.
//
// Nothing is decided by what is known here alone: the locker compares it with what is stored, in
// the step that decides (stateward/gates.h).
#ifndef STATEWARD_STATE_KNOWN_GATES_H_
#define STATEWARD_STATE_KNOWN_GATES_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "stateward/gates.h"
#include "stateward/locker.h"
#include "stateward/state.h"

namespace stateward {

// The gate that keeps a state shut the longest, of those that have not ended at `now_ms`. nullptr:
// none is shut. Points into `set`.
const Gate* ShutGate(const GateSet& set, const StateKey& key, int64_t now_ms);

// "MAINTENANCE until 14:00 UTC by ann: TEXT", with the date when it is not today; of a freeze
// "FROZEN by ann: TEXT". The ID of the 423: it is all that some clients show.
std::string GateSentence(const Gate& gate, int64_t now_ms);
// Whether a text that a client sent as a lock's ID begins as such a sentence does.
bool IsGateSentence(std::string_view id);
// The body of the 423: ID the sentence, Who its principal, Info what still goes on. `holder`: who
// has the lock all the same, since before.
std::string RenderGate(const Gate& gate, const std::optional<LockRecord>& holder,
                       const StateKey& key, int64_t now_ms);

// Thread-safe.
class KnownGates {
 public:
  GateTicket TicketFor(const StateKey& key) const;
  void Learn(GateSet set);
  // By which a ticket of this state that was refused was judged; nullopt: another thread has
  // learned meanwhile that it is open.
  std::optional<Gate> WhyShut(const StateKey& key) const;

 private:
  std::shared_ptr<const GateSet> Set() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const GateSet> set_ = std::make_shared<GateSet>();
};

}  // namespace stateward

#endif  // STATEWARD_STATE_KNOWN_GATES_H_
