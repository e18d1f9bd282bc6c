#include "admin/gate_of.h"

#include <utility>

#include "state/known_gates.h"

namespace stateward {

Value GateOf(const Call& call, const StateKey& key) {
  Result<GateSet> set = call.service.locker().ReadGates();
  if (!set.ok()) return "it is not known: " + set.status().detail();
  const Gate* gate = ShutGate(*set, key, set->now_ms);
  return gate == nullptr ? Value() : Value(GateSentence(*gate, set->now_ms));
}

}  // namespace stateward
