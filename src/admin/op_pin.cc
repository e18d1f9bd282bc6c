// A version that pruning leaves alone.
#include <utility>

#include "admin/exchange_record.h"
#include "admin/locked_change.h"
#include "admin/run.h"
#include "base/state_name.h"

namespace stateward {
namespace {

Result<Reply> SetPinned(const Call& call, bool pinned) {
  Result<FoundState> state = FindState(call);
  if (!state.ok()) return std::move(state).status();
  const uint64_t n = call.args.Number("version");
  Changed changed;
  changed.n = n;
  Status done = ExchangeRecord(call.service, state->id, n, [&](Opened* opened) {
    VersionInfo& info = opened->info.version;
    if (info.kind != RecordKind::kState) return Status::NotFound("");
    info.pinned = pinned;
    changed.info = info;
    return Status();
  });
  if (done.code() == Code::kNotFound) {
    return Status::NotFound(StateText(state->key) + " has no version " + std::to_string(n) +
                            " that holds a document");
  }
  if (!done.ok()) return done;
  Reply reply;
  reply.rows.push_back(ChangeRow(*state, pinned ? "pinned" : "unpinned", changed));
  return reply;
}

}  // namespace

Result<Reply> RunPin(const Call& call) { return SetPinned(call, true); }

Result<Reply> RunUnpin(const Call& call) { return SetPinned(call, false); }

}  // namespace stateward
