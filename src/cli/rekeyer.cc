#include "cli/rekeyer.h"

#include <vector>

#include "base/sha256.h"
#include "cli/opened_store.h"
#include "state/store_secret.h"

namespace stateward {
namespace {

// A record changes only when another rekey works on it: then it is nearly always done.
constexpr int kAttempts = 3;

}  // namespace

void Rekeyer::Fail(const StateId& id, uint64_t n, const Status& why) {
  ++counts_.failed;
  unanswered_ = why.code() == Code::kUnavailable ? unanswered_ + 1 : 0;
  counts_.gave_up = counts_.gave_up || unanswered_ >= kMaxUnanswered;
  report_(id, n, why);
}

void Rekeyer::DoState(const StateId& id) {
  Result<std::vector<uint64_t>> versions = storage_.Versions(id);
  if (!versions.ok()) return Fail(id, 0, versions.status());
  for (uint64_t n : *versions) {
    if (counts_.gave_up) return;
    Count(id, n, DoRecord(id, n));
  }
}

void Rekeyer::Count(const StateId& id, uint64_t n, const Result<Outcome>& outcome) {
  if (!outcome.ok()) return Fail(id, n, outcome.status());
  unanswered_ = 0;
  if (*outcome == Outcome::kDone) ++counts_.done;
  if (*outcome == Outcome::kAlready) ++counts_.already;
}

void Rekeyer::DoUpload(const KeptUpload& entry) {
  if (!counts_.gave_up) Count(entry.id, 0, Reseal(entry));
}

void Rekeyer::DoSecret() {
  if (!counts_.gave_up) Count(StateId(), 0, ResealSecret());
}

Result<Rekeyer::Outcome> Rekeyer::DoRecord(const StateId& id, uint64_t n) {
  const SealContext where{store_id_, id, n, storage_.Format()};
  for (int attempt = 1;; ++attempt) {
    Result<KeyTag> tag = TagOfRecord(storage_, id, n);
    if (!tag.ok() && tag.status().code() == Code::kNotFound) return Outcome::kGone;  // pruned
    if (!tag.ok()) return std::move(tag).status();
    if (*tag == target_) {
      // The process that sealed it may have died, or failed, before it lasted.
      const Status settled = dry_run_ ? Status() : storage_.Settle(id, n);
      if (settled.code() == Code::kNotFound) return Outcome::kGone;
      if (!settled.ok()) return settled;
      return Outcome::kAlready;
    }
    Result<Bytes> record = storage_.Get(id, n);
    if (!record.ok() && record.status().code() == Code::kNotFound) return Outcome::kGone;
    if (!record.ok()) return std::move(record).status();
    STATEWARD_ASSIGN_OR_RETURN(const Opened opened, kms_.Open(where, *record));
    if (dry_run_) return Outcome::kDone;
    STATEWARD_ASSIGN_OR_RETURN(const Bytes sealed, SealAgain(where, opened));
    const Status replaced = storage_.Replace(id, n, Sha256(*record), sealed);
    if (replaced.ok()) return Outcome::kDone;
    if (replaced.code() == Code::kNotFound) return Outcome::kGone;
    if (replaced.code() != Code::kConflict || attempt == kAttempts) return replaced;
  }
}

Result<Bytes> Rekeyer::SealAgain(const SealContext& where, const Opened& opened) {
  Result<Bytes> sealed = kms_.Seal(where, opened.info, opened.document);
  if (!sealed.ok()) return sealed;
  Result<Opened> again = kms_.Open(where, *sealed);
  if (!again.ok()) return std::move(again).status().At("what was sealed does not open");
  if (ByteView(again->document) != ByteView(opened.document)) {
    return Status::Internal("what was sealed opens to something else");
  }
  return sealed;
}

Result<Rekeyer::Outcome> Rekeyer::Reseal(const KeptUpload& entry) {
  Result<Bytes> record = storage_.GetUpload(entry);
  if (!record.ok() && record.status().code() == Code::kNotFound) return Outcome::kGone;
  if (!record.ok()) return std::move(record).status();
  STATEWARD_ASSIGN_OR_RETURN(const Header header, ParseHeader(*record));
  if (TagOf(header) == target_) {
    const Status settled = dry_run_ ? Status() : storage_.SettleUpload(entry);
    if (settled.code() == Code::kNotFound) return Outcome::kGone;
    if (!settled.ok()) return settled;
    return Outcome::kAlready;
  }
  const SealContext where{store_id_, entry.id, 0, storage_.Format()};
  STATEWARD_ASSIGN_OR_RETURN(const Opened opened, kms_.Open(where, *record));
  if (dry_run_) return Outcome::kDone;
  STATEWARD_ASSIGN_OR_RETURN(const Bytes sealed, SealAgain(where, opened));
  const Status replaced = storage_.ReplaceUpload(entry, sealed);
  if (replaced.code() == Code::kNotFound) return Outcome::kGone;
  if (!replaced.ok()) return replaced;
  return Outcome::kDone;
}

Result<Rekeyer::Outcome> Rekeyer::ResealSecret() {
  for (int attempt = 1;; ++attempt) {
    STATEWARD_ASSIGN_OR_RETURN(const StoreIdentity was, storage_.ReadIdentity());
    STATEWARD_ASSIGN_OR_RETURN(const Header header, ParseHeader(was.sealed_secret));
    const bool already = TagOf(header) == target_;
    if (already && dry_run_) return Outcome::kAlready;
    StoreIdentity now = was;
    if (!already) {
      const SealContext where = StoreSecretPlace(store_id_, was.format);
      STATEWARD_ASSIGN_OR_RETURN(const Opened opened, kms_.Open(where, was.sealed_secret));
      if (dry_run_) return Outcome::kDone;
      STATEWARD_ASSIGN_OR_RETURN(now.sealed_secret, SealAgain(where, opened));
    }
    // Also what is there already: the process that wrote it may have died before it lasted.
    const Status replaced = storage_.WriteIdentity(now, &was);
    if (replaced.ok()) return already ? Outcome::kAlready : Outcome::kDone;
    if (replaced.code() != Code::kConflict || attempt == kAttempts) return replaced;
  }
}

}  // namespace stateward
