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

Result<Opened> Rekeyer::Open(const SealContext& where, ByteView record) {
  Result<Opened> opened = from_.Open(where, record);
  if (opened.ok() || &from_ == &to_) return opened;
  Result<Opened> other = to_.Open(where, record);
  return other.ok() ? std::move(other) : std::move(opened);
}

Result<Rekeyer::Outcome> Rekeyer::DoRecord(const StateId& id, uint64_t n) {
  const SealContext where{store_id_, id, n};
  for (int attempt = 1;; ++attempt) {
    Result<KeyTag> tag = TagOfRecord(storage_, id, n);
    if (!tag.ok() && tag.status().code() == Code::kNotFound) return Outcome::kGone;  // pruned
    if (!tag.ok()) return std::move(tag).status();
    if (*tag == target_) {
      // Whoever sealed it may have died, or failed, before it lasted.
      const Status settled = dry_run_ ? Status() : storage_.Settle(id, n);
      if (settled.code() == Code::kNotFound) return Outcome::kGone;
      if (!settled.ok()) return settled;
      return Outcome::kAlready;
    }
    Result<Bytes> record = storage_.Get(id, n);
    if (!record.ok() && record.status().code() == Code::kNotFound) return Outcome::kGone;
    if (!record.ok()) return std::move(record).status();
    Result<Opened> opened = Open(where, *record);
    if (!opened.ok()) return std::move(opened).status();
    if (dry_run_) return Outcome::kDone;
    Result<Bytes> sealed = SealAgain(where, *opened);
    if (!sealed.ok()) return std::move(sealed).status();
    const Status replaced = storage_.Replace(id, n, Sha256(*record), *sealed);
    if (replaced.ok()) return Outcome::kDone;
    if (replaced.code() == Code::kNotFound) return Outcome::kGone;
    if (replaced.code() != Code::kConflict || attempt == kAttempts) return replaced;
  }
}

Result<Bytes> Rekeyer::SealAgain(const SealContext& where, const Opened& opened) {
  Result<Bytes> sealed = to_.Seal(where, opened.info, opened.document);
  if (!sealed.ok()) return sealed;
  Result<Opened> again = to_.Open(where, *sealed);
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
  Result<Header> header = ParseHeader(*record);
  if (!header.ok()) return std::move(header).status();
  if (TagOf(*header) == target_) return Outcome::kAlready;
  const SealContext where{store_id_, entry.id, 0};
  Result<Opened> opened = Open(where, *record);
  if (!opened.ok()) return std::move(opened).status();
  if (dry_run_) return Outcome::kDone;
  Result<Bytes> sealed = SealAgain(where, *opened);
  if (!sealed.ok()) return std::move(sealed).status();
  const Status replaced = storage_.ReplaceUpload(entry, *sealed);
  if (replaced.code() == Code::kNotFound) return Outcome::kGone;
  if (!replaced.ok()) return replaced;
  return Outcome::kDone;
}

Result<Rekeyer::Outcome> Rekeyer::ResealSecret() {
  for (int attempt = 1;; ++attempt) {
    Result<StoreIdentity> was = storage_.ReadIdentity();
    if (!was.ok()) return std::move(was).status();
    Result<Header> header = ParseHeader(was->sealed_secret);
    if (!header.ok()) return std::move(header).status();
    if (TagOf(*header) == target_) return Outcome::kAlready;
    Result<Opened> opened = Open(StoreSecretPlace(store_id_), was->sealed_secret);
    if (!opened.ok()) return std::move(opened).status();
    if (dry_run_) return Outcome::kDone;
    Result<Bytes> sealed = SealAgain(StoreSecretPlace(store_id_), *opened);
    if (!sealed.ok()) return std::move(sealed).status();
    StoreIdentity now = *was;
    now.sealed_secret = *std::move(sealed);
    const Status replaced = storage_.WriteIdentity(now, &*was);
    if (replaced.ok()) return Outcome::kDone;
    if (replaced.code() != Code::kConflict || attempt == kAttempts) return replaced;
  }
}

}  // namespace stateward
