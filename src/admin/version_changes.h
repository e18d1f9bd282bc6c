// What each version of a state holds and what it changed: resources counted, and added, changed,
// removed since the document before it. Computed when somebody asks, from two documents, and kept
// sealed in the store's cache (docs/formats.md, "Cache").
#ifndef STATEWARD_ADMIN_VERSION_CHANGES_H_
#define STATEWARD_ADMIN_VERSION_CHANGES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "admin/find_state.h"
#include "document/document_diff.h"
#include "history/history.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

struct VersionChanges {
  std::optional<uint64_t> resources;    // nullopt: only the client can read the document
  std::optional<ChangeCounts> changes;  // of resources; nullopt: there is nothing to compare with
};

// A document among a state's versions.
struct VersionDocument {
  uint64_t n = 0;
  Sha256Digest sha256{};
};

// Of one state, for one thread; what it is given must outlive it.
class VersionChangesOf {
 public:
  VersionChangesOf(const History& history, const FoundState& state)
      : history_(history), state_(state) {}

  // `before`: the document below it; nullopt: there was none, and all of `version` was added
  // (`first`), or nobody can tell. A document that cannot be read has neither number. Errors: as
  // the backends, but for damage and a version that was pruned meanwhile.
  Result<VersionChanges> Of(const VersionDocument& version,
                            const std::optional<VersionDocument>& before, bool first);
  // Keeps what was asked for, if anything of it is new. A failure is none of the answer.
  void Save() const;
  // Nothing that was counted of this state is kept any longer.
  static Status Forget(const History& history, const StateId& id);

 private:
  // By the digests of both documents: right whatever becomes of the versions that had them.
  using Known = std::map<std::string, VersionChanges>;
  Status Load();
  Result<VersionChanges> Compute(const VersionDocument& version,
                                 const std::optional<VersionDocument>& before, bool first);

  const History& history_;
  const FoundState& state_;
  std::optional<Known> kept_;  // as it was found; nullopt: not looked for
  Known used_;
  bool new_ = false;
};

// "changes-" and the state's id: the entry's name in the cache.
std::string ChangesName(const StateId& id);

}  // namespace stateward

#endif  // STATEWARD_ADMIN_VERSION_CHANGES_H_
