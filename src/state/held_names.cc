#include "state/held_names.h"

#include <utility>

#include "base/counted.h"
#include "state/newest.h"
#include "state/refusal.h"

namespace stateward {
namespace {

// 65 bytes each; more only cost a look at the store again.
constexpr size_t kMaxThere = 16384;

HeldName Failed(Status status) {
  HeldName held;
  if (status.code() == Code::kNotFound) status = Status::Unavailable(status.detail());
  held.status = std::move(status);
  return held;
}

HeldName Because(std::string why) {
  HeldName held;
  held.why = std::move(why);
  return held;
}

HeldName Because(Refusal refusal) {
  const RefusalText& text = TextOf(refusal);
  return Because(std::string(text.why) + "; " + std::string(text.action));
}

std::string BlobsText(uint64_t count) {
  return Counted(count, "state") + " of terraform-backend may hold this name and " +
         (count == 1 ? "is" : "are") +
         " not taken over yet, so nothing is read or written here: the administrator runs "
         "`statewardctl adopt --all` to give them to identified users, or `statewardctl adopt "
         "--done` when they are nobody's";
}

// The right that a listing needs, by the kind of the storage.
std::string_view MissingRight(std::string_view storage) {
  if (storage == "s3") return "s3:ListBucket on the whole bucket";
  if (storage == "postgres") return "SELECT on STORAGE_POSTGRES_TABLE";
  return "the right to list STORAGE_FS_DIR";
}

}  // namespace

bool HeldNames::Known(const StateId& id, Seen what) {
  std::lock_guard<std::mutex> hold(mutex_);
  return there_.count(id.hex() + static_cast<char>(what)) > 0;
}

void HeldNames::Remember(const StateId& id, Seen what) {
  std::lock_guard<std::mutex> hold(mutex_);
  if (there_.size() < kMaxThere) there_.insert(id.hex() + static_cast<char>(what));
}

HeldName HeldNames::NotListed(Status status) const {
  HeldName held = Failed(std::move(status));
  held.hint =
      "whether this state exists is not known: the states of terraform-backend could not "
      "be counted, which needs " +
      std::string(MissingRight(storage_.Name())) +
      "; when they are nobody's, the administrator runs `statewardctl adopt --done`";
  return held;
}

HeldName HeldNames::OfAbsent(const StateKey& key, const std::string& store_id) {
  if (!key.tenant.empty()) return {};
  Result<std::string> why = tenants_.WhyHeld(key, store_id);
  if (!why.ok()) return Failed(std::move(why).status());
  if (!why->empty()) return Because(std::move(*why));
  if (untouched_ == nullptr) return {};
  Result<uint64_t> blobs = untouched_->Holding();
  if (!blobs.ok()) return NotListed(std::move(blobs).status());
  return *blobs == 0 ? HeldName() : Because(BlobsText(*blobs));
}

HeldName HeldNames::BeforeLock(const Grant& grant, const StateId& id, const std::string& store_id) {
  if (!grant.key.tenant.empty() || Known(id, Seen::kRecord)) return {};
  Result<uint64_t> head = storage_.Head(id);
  if (!head.ok()) return Failed(std::move(head).status());
  if (*head > 0) {
    Remember(id, Seen::kRecord);
    return {};
  }
  if (legacy_read_) {
    for (const std::string& legacy_id : grant.legacy_ids) {
      Result<Bytes> blob = storage_.GetLegacy(legacy_id);
      if (blob.ok()) return OfBlob(grant, id, legacy_id);
      if (blob.status().code() != Code::kNotFound) return Failed(std::move(blob).status());
    }
  }
  return OfAbsent(grant.key, store_id);
}

// The original's state is there: this name's, another's, or nobody said whose.
HeldName HeldNames::OfBlob(const Grant& grant, const StateId& id, const std::string& legacy_id) {
  if (!LegacyNamesOf(grant).ambiguous) return {};
  Result<std::optional<StateId>> claim = storage_.LegacyClaim(legacy_id);
  if (!claim.ok()) return Failed(std::move(claim).status());
  if (!claim->has_value()) return Because(Refusal::kNameShared);
  return **claim == id ? HeldName() : Because(Refusal::kNameTakenOver);
}

HeldName HeldNames::BeforeWrite(const Grant& grant, const StateId& id,
                                const std::string& store_id) {
  if (!grant.key.tenant.empty() || Known(id, Seen::kVersion)) return {};
  Result<Newest> newest = LoadNewest(History(storage_, kms_, store_id), grant, id, legacy_read_);
  if (!newest.ok() && newest.status().code() == Code::kConflict) {
    return Because(WhyNotOfThisName(storage_, grant));
  }
  if (!newest.ok()) return Failed(std::move(newest).status());
  if (newest->version && !newest->version->legacy) Remember(id, Seen::kVersion);
  if (newest->version || !newest->unreadable.ok() || !newest->legacy_id.empty()) return {};
  return OfAbsent(grant.key, store_id);
}

}  // namespace stateward
