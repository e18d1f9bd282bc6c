// mv: see admin/mover.h.
#include <string>
#include <utility>

#include "admin/locked_change.h"
#include "admin/mover.h"
#include "admin/run.h"
#include "base/state_name.h"
#include "history/forwarding.h"
#include "state/guard.h"

namespace stateward {
namespace {

// The state that it is moved to, which is not there.
Result<FoundState> Target(const Call& call, const FoundState& from) {
  FoundState to;
  to.key = call.args.State("to");
  to.key.tenant = from.key.tenant;
  STATEWARD_RETURN_IF_ERROR(CheckServed(to.key, call.service.rules().nested_names));
  to.id = StateId::Of(to.key);
  if (to.id == from.id) return Status::InvalidArgument("these are the same address");
  if (!call.caller.On(to.key).Contains(call.operation.needs)) {
    return Status(Code::kPermissionDenied,
                  "your role does not allow this with " + StateText(to.key));
  }
  to.grant = GrantOf(call.caller, to.key);
  return to;
}

std::string SeedOf(const FoundState& from, const FoundState& to, uint64_t real) {
  return from.id.hex() + ":" + to.id.hex() + ":" + std::to_string(real);
}

// A killed run may have come to the forwarding record, and left its locks: the version on which it
// took them. REQUIRES: the forwarding record is the newest version.
uint64_t VersionOfKilledRun(const Call& call, const FoundState& from, const FoundState& to) {
  const uint64_t below = from.newest.real - 1;
  const std::string& id = from.newest.version->info.lock_id;
  return VersionBelow(below,
                      [&](uint64_t real) {
                        const std::string seed = SeedOf(from, to, real);
                        return ChangeLock(call, from.grant, kOperationMove, seed).Has(id);
                      })
      .value_or(below);
}

Result<Reply> MoveReply(const FoundState& from, const FoundState& to) {
  Reply reply;
  Row row = NameRow(from.key);
  row.emplace_back(StateText(to.key));
  reply.rows.push_back(std::move(row));
  return reply;
}

// A run that failed frees no lock that another run may work under: its client may have lost the
// connection and asked again.
Status StillAtWork(const Status& failed) {
  return {failed.code(), failed.detail() +
                             "; the locks stay, for another run of this move may still be at "
                             "work: run it again, or `unlock` both addresses"};
}

// See Mover::both_show_it.
Status BothShowIt(const Status& failed) {
  return {failed.code(), failed.detail() +
                             "; both addresses may show it by now, and stay locked until the move "
                             "is at its end: run it again"};
}

}  // namespace

Result<Reply> RunMove(const Call& call) {
  Result<FoundState> from = FindState(call, RecordsGone::kRefused, Announced::kLater);
  if (!from.ok()) return std::move(from).status();
  Result<FoundState> to = Target(call, *from);
  if (!to.ok()) return std::move(to).status();
  for (FoundState* state : {&*from, &*to}) {
    STATEWARD_RETURN_IF_ERROR(AnnounceWith(call, &state->grant));
  }
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  const bool moved = from->newest.version && from->newest.version->info.kind == RecordKind::kMoved;
  if (moved && from->newest.version->info.moved_to != StateText(to->key)) {
    return Status(Code::kConflict, StateText(from->key) + " " +
                                       WhereNow(from->key, from->newest.version->info.moved_to));
  }
  const std::string seed =
      SeedOf(*from, *to, moved ? VersionOfKilledRun(call, *from, *to) : from->newest.real);
  ChangeLock here(call, from->grant, kOperationMove, seed);
  ChangeLock there(call, to->grant, kOperationMove, seed);
  if (moved) {
    for (ChangeLock* lock : {&here, &there}) {
      Result<bool> freed = lock->FreeLeft();
      if (!freed.ok()) return std::move(freed).status();
    }
    STATEWARD_RETURN_IF_ERROR(Mover(call, *history, *from, *to).Finish(from->newest.real));
    return MoveReply(*from, *to);
  }
  Reply reply;
  STATEWARD_RETURN_IF_ERROR(CheckUnseenLocks(call, *from, &reply.note));
  Mover mover(call, *history, *from, *to);
  Status done = here.Take(&reply);
  if (!done.ok()) {
    done = mover.EndedByAnother(std::move(done));
    return done.ok() ? MoveReply(*from, *to) : Result<Reply>(std::move(done));
  }
  if (!reply.holder.empty()) return reply;
  done = there.Take(&reply);
  const bool both = done.ok() && reply.holder.empty();
  if (both) done = mover.Run(here);
  if (!done.ok() && mover.both_show_it()) return BothShowIt(done);
  const bool others = here.shared() || there.shared() || mover.met_another() ||
                      (both && done.code() == Code::kUnavailable);
  if (!done.ok() && others) return StillAtWork(done);
  if (!reply.holder.empty() && here.shared()) return reply;  // the other run may be at work
  const Status freed_there = both ? there.Free() : Status();
  const Status freed_here = here.Free();
  if (!done.ok()) return done;
  if (!reply.holder.empty()) return reply;
  if (!freed_there.ok()) return freed_there;
  if (!freed_here.ok()) return freed_here;
  return MoveReply(*from, *to);
}

}  // namespace stateward
