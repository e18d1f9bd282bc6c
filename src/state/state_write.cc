// A write: PUT and DELETE, and what becomes of an upload that is refused.
#include <utility>

#include "base/hex.h"
#include "base/state_name.h"
#include "history/forwarding.h"
#include "history/upload_tag.h"
#include "state/never_absent.h"
#include "state/state_service.h"
#include "stateward/closed_store.h"

namespace stateward {
namespace {

// With a cached look at an identity file, at most 5 s old, far less than a copy waits (kSettle*Ms
// in cli/cmd_copy.cc).
constexpr int64_t kLongWriteUs = 2LL * 1000 * 1000;

}  // namespace

// What is acknowledged is in the store when it moves: a copy waits for some seconds after it closed
// the source, and then takes what is there (moving/store_copier.h). A write that was on its way for
// longer than that may have come too late. One that ended sooner, counted from before it looked at
// the identity file, was there in time; and so was one after which the store is still open.
StateAnswer StateService::Write(const WriteRequest& request) {
  const int64_t start_us = clock_.SteadyUs();
  StateAnswer answer = WriteOnce(request);
  const bool stored = answer.status.ok() || !answer.upload.empty();
  if (!stored || clock_.SteadyUs() - start_us < kLongWriteUs) return answer;
  Status served = StillServed();
  if (served.ok()) return answer;
  answer.upload.clear();
  answer.action.clear();
  answer.hint = served.detail();
  answer.status = std::move(served);
  return answer;
}

Status StateService::StillServed() {
  Result<std::shared_ptr<const StoreIdentity>> served = gate_.Store();
  if (!served.ok()) return NeverAbsent(std::move(served).status());
  Result<StoreIdentity> now = storage_.ReadIdentity();
  if (!now.ok()) {
    return Status::Unavailable("whether the store took this is not known: " +
                               now.status().detail());
  }
  if (SameStore(*now, **served)) return Status();
  return Status::Unavailable("this was written while the store was closed, and may be lost: " +
                             (IsClosed(*now) ? WhyClosed(*now) : "it has other locks now"));
}

StateAnswer StateService::WriteOnce(const WriteRequest& request) {
  if (rules_.read_only) return RefusalAnswer(Refusal::kReadOnly, Standby());
  StateId id = StateId::Of(request.grant->key);
  Result<std::shared_ptr<const StoreIdentity>> store = Open(*request.grant, id);
  if (!store.ok()) return ErrorAnswer(std::move(store).status());
  const std::string& store_id = (*store)->store_id;
  StateAnswer held;
  if (rules_.hold_names && IsHeld(held_.BeforeWrite(*request.grant, id, store_id), &held)) {
    if (held.status.code() != Code::kConflict) return held;
    observer_.OnWriteRefused("name_held");
    return KeepRefused(request, store_id, std::move(held));
  }
  WriteOutcome outcome;
  StateAnswer answer;
  answer.status = NeverAbsent(WriteUnderLock(store_id, request, &outcome));
  if (answer.status.ok()) {
    switch (outcome.kind) {
      case WriteOutcome::Kind::kDone:
        if (request.kind == RecordKind::kState) tenants_.Stored(*request.grant);
        if (outcome.n > 0 && request.kind != RecordKind::kMoved) {
          not_moved_.Raise(id, outcome.n);
        }
        break;
      case WriteOutcome::Kind::kLookAgain:
        answer.status = Status::Unavailable("other records took the number each time");
        break;
      case WriteOutcome::Kind::kFailed:
        answer.status = NeverAbsent(std::move(outcome.status));
        if (outcome.may_arrive_late) {
          // Best effort: without it the base still refuses what would interleave.
          Status noted = locker_.BurnNext(id);
          if (!noted.ok()) log_.Warning("a late write is not provided for: " + noted.detail());
        }
        break;
      case WriteOutcome::Kind::kRefused:
        observer_.OnWriteRefused(NameOf(outcome.refusal));
        answer = KeepRefused(request, store_id, RefusalAnswer(outcome.refusal, outcome.facts),
                             outcome.refusal == Refusal::kMoved);
        if (outcome.refusal == Refusal::kAdopted && !answer.upload.empty()) {
          answer.action = "the upload is kept: `statewardctl adopt " +
                          StateText(request.grant->key) +
                          "` on the server takes it along, and `statewardctl uploads list` says "
                          "what it is called then";
        }
        break;
    }
  }
  answer.audit.before = answer.audit.after = outcome.before;
  if (answer.status.ok() && outcome.n > 0) {
    const bool document = request.kind == RecordKind::kState;
    const uint64_t serial = outcome.before ? outcome.before->serial : 0;
    answer.audit.after = {outcome.n, document ? request.info.serial : serial};
  }
  answer.lock_id = request.lock_id;
  return answer;
}

// The upload is kept, no matter who sent it: it may be the only copy.
StateAnswer StateService::KeepRefused(const WriteRequest& request, const std::string& store_id,
                                      StateAnswer answer, bool moved) {
  if (request.kind != RecordKind::kState) return answer;
  Result<std::string> kept = Keep(request, store_id);
  if (kept.ok()) {
    answer.upload = *std::move(kept);
    answer.action += moved
                         ? "; the upload is kept (" + answer.upload +
                               "): the same `statewardctl mv` once more takes it to the new address"
                         : "; the upload is kept: `statewardctl uploads restore " + answer.upload +
                               "` on the server puts it in place";
    return answer;
  }
  answer.status = Status::Unavailable(answer.hint + ", and not kept: " + kept.status().detail());
  answer.hint += ", and the upload could not be kept";
  return answer;
}

Result<std::string> StateService::Keep(const WriteRequest& request, const std::string& store_id) {
  SealedInfo info;
  info.key = request.grant->key;
  info.version = request.info;
  info.version.writer = request.grant->principal;
  info.version.lock_id = request.lock_id;
  info.version.time_ms = clock_.NowMs();
  info.version.audit = request.grant->audit;
  StateId id = StateId::Of(info.key);
  Result<Bytes> sealed = History(storage_, kms_, store_id).SealUpload(info, request.document);
  if (!sealed.ok()) return std::move(sealed).status();
  KeptUpload entry;
  entry.principal_tag = UploadTag("principal:" + request.grant->principal);
  entry.content_tag = UploadTag("content:" + store_id + id.hex() + HexEncode(request.info.sha256));
  entry.id = id;
  entry.time_ms = info.version.time_ms;
  entry.size = sealed->size();
  STATEWARD_RETURN_IF_ERROR(keeper_.Keep(entry, *sealed));
  observer_.OnUploadKept();
  return entry.content_tag;
}

}  // namespace stateward
