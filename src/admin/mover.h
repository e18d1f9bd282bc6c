// A state gets another address, and takes its history along.
//
// Records are sealed for their state, so they are sealed again. The older ones are exchanged for
// no-op records, which read as "never there" while one of them is on top; then the newest one is
// appended, and shows all of it. Both addresses are locked meanwhile.
//
// The steps can be repeated after each of them: by the same command when a run was killed, also
// when its locks were freed and a client went on at one of the two addresses. Two runs of one move
// share the locks, and may be at work at the same time; one may also stand still while the other
// one ends, and clients go on. So each step proves what it exchanges: a place of the new address is
// given only what a no-op record or the same version stands in; what is taken out of one is the
// very record that was seen there; and nothing is copied any more once the old address forwards.
#ifndef STATEWARD_ADMIN_MOVER_H_
#define STATEWARD_ADMIN_MOVER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "admin/find_state.h"
#include "admin/locked_change.h"
#include "history/history.h"

namespace stateward {

// One move. Used by one thread. What it is given must outlive it.
class Mover {
 public:
  Mover(const Call& call, const History& history, const FoundState& from, const FoundState& to)
      : call_(call), history_(history), from_(from), to_(to) {}

  // REQUIRES: both are locked. OK also when another run of the move came to its end meanwhile.
  // kConflict: there is a state at the new address that is no copy, the old one has nothing to be
  // moved, or somebody wrote although it was locked. kUnavailable: another run is in the way.
  Status Run(const ChangeLock& lock);

  // `failed`, of a step before Run; OK when another run of the move came to its end meanwhile.
  Status EndedByAnother(Status failed);
  // What is left to do when the old address, with this record, forwards already.
  Status Finish(uint64_t forwarding) const;

  // After an error: they show it, or may. A client that wrote to one of them would part them.
  bool both_show_it() const { return both_show_it_; }
  // After an error: another run is at work, under the same locks.
  bool met_another() const { return met_another_; }

 private:
  // A record of the old address that is worth something.
  struct Real {
    uint64_t n;
    VersionInfo info;
  };
  using Reals = std::vector<Real>;
  // Records of the new address, by their numbers, as they were seen.
  using Places = std::map<uint64_t, Sha256Digest>;

  Status Move(const ChangeLock& lock);
  Status AnotherRun();
  Status Exists() const;
  Status Look(const FoundState& state, Newest* newest) const;
  bool Forwards(const Newest& newest) const;
  Result<bool> IsBegun() const;
  Status Claim() const;
  Result<Reals> ListReals();

  Status Begin();
  Status Reserve(uint64_t count);
  Status Copy(const Reals& reals);
  Result<bool> HasPlaces(uint64_t first, uint64_t last) const;
  Result<Places> FindPlaces(uint64_t last,
                            const std::function<bool(uint64_t n, const VersionInfo&)>& which) const;
  Status Blank(const Places& places);
  Result<Opened> OpenReal(const Real& real);
  Status CopyOne(const Real& real, uint64_t place);
  Status AppendCopy(const Real& real);

  Status Continue();
  Status LeaveToOther();
  Result<std::optional<uint64_t>> NumberOf(const StateId& id, const VersionInfo& version) const;
  Status CopyMarks() const;

  Status CheckCopy();
  Status Forward(const ChangeLock& lock);

  SealedInfo NoOp() const;
  Result<bool> AppendNoOp(uint64_t head) const;

  const Call& call_;
  const History& history_;
  const FoundState& from_;
  const FoundState& to_;
  Newest from_newest_;
  Newest to_newest_;
  VersionInfo shown_;  // what the new address shows at the end
  bool both_show_it_ = false;
  bool met_another_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_ADMIN_MOVER_H_
