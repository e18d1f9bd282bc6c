// May this document follow the newest version? A pure decision (docs/architecture.md, "The guarded
// write"); who holds the lock has been settled before.
#ifndef STATEWARD_STATE_GUARD_H_
#define STATEWARD_STATE_GUARD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "history/history.h"
#include "state/refusal.h"
#include "stateward/state.h"

namespace stateward {

struct GuardInput {
  uint64_t serial = 0;
  std::string_view lineage;
  Sha256Digest sha256{};
  std::string_view operation;           // of the lock; "" without one
  std::string_view lock_id;             // "" without one
  uint64_t lock_base = 0;               // of that lock: IDs may come back
  bool strict = true;                   // WRITE_GUARD
  std::optional<NewestVersion> newest;  // nullopt: no version yet
};

enum class GuardVerdict : uint8_t {
  kAppend,
  kSame,  // the very bytes are the newest version already
  kRefuse,
};

struct GuardDecision {
  GuardVerdict verdict = GuardVerdict::kRefuse;
  Refusal refusal = Refusal::kNone;
};

GuardDecision DecideWrite(const GuardInput& in);

// What an administrator's operation calls itself in the lock that it takes.
inline constexpr std::string_view kOperationRollback = "rollback";
inline constexpr std::string_view kOperationRollbackLineage = "rollback --lineage-changes";
inline constexpr std::string_view kOperationDelete = "delete";
inline constexpr std::string_view kOperationUndelete = "undelete";
inline constexpr std::string_view kOperationPurge = "purge";
inline constexpr std::string_view kOperationMove = "mv";
inline constexpr std::string_view kOperationRestore = "uploads restore";

// Operations whose purpose is to replace what is there (a forced push
// looks like any other on the wire).
bool MayReplaceHistory(std::string_view operation);

}  // namespace stateward

#endif  // STATEWARD_STATE_GUARD_H_
