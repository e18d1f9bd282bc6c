// What a list shows of many states: the sealed front of each one's newest record, opened, many at a
// time.
#ifndef STATEWARD_ADMIN_SUMMARIES_H_
#define STATEWARD_ADMIN_SUMMARIES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/admin_service.h"
#include "history/history.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct StateSummary {
  StateId id;
  // Its newest version does not open, and why: "damaged", "unknown key", "no access". Only `id` and
  // `records` are known then, and `key` where a no-op record on top says it. "" = it does.
  std::string trouble;
  StateKey key;
  uint64_t version = 0;  // number of the newest version; 0: only no-op records are left
  VersionInfo info;      // of that version
  uint64_t records = 0;  // that are kept
  uint64_t head = 0;     // number of the newest record of any kind
  // What its records take together; nullopt: the list did not say (Records::End).
  std::optional<uint64_t> bytes = std::nullopt;

  bool deleted() const { return version > 0 && info.kind == RecordKind::kTombstone; }
};

// Calls `take` for each of the states that still has records, in no order, by the caller's thread.
// A batch of them is held in memory at a time. Errors: as the backends, but for damage.
Status EachSummary(const History& history, const std::vector<Records::End>& ends,
                   const std::function<void(StateSummary&&)>& take);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_SUMMARIES_H_
