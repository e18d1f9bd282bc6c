// Seals records again, one after the other, each by compare-and-swap. For one thread; several may
// work on one store.
#ifndef STATEWARD_CLI_REKEYER_H_
#define STATEWARD_CLI_REKEYER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "kms/key_tag.h"
#include "stateward/kms.h"
#include "stateward/result.h"
#include "stateward/storage.h"

namespace stateward {

struct RekeyCounts {
  uint64_t done = 0;     // sealed again; with dry_run: would be
  uint64_t already = 0;  // under the right key
  uint64_t failed = 0;   // could not be read or written; `report` heard why
  // So many calls in a row were not answered: it makes no sense to go on now.
  bool gave_up = false;
};

class Rekeyer {
 public:
  // Hears of each record that failed: state, version (0: the state's list of versions) and why.
  using Report = std::function<void(const StateId& id, uint64_t n, const Status& why)>;

  // `kms` opens all there is, and seals with `target`. Everything must outlive it.
  Rekeyer(Storage& storage, std::string store_id, Kms& kms, const KeyTag& target, bool dry_run,
          Report report)
      : storage_(storage),
        store_id_(std::move(store_id)),
        kms_(kms),
        target_(target),
        dry_run_(dry_run),
        report_(std::move(report)) {}

  void DoState(const StateId& id);
  // An upload that was kept; reported as version 0 of its state.
  void DoUpload(const KeptUpload& entry);
  // The store's own secret, in its identity file; reported with the empty state id.
  void DoSecret();
  const RekeyCounts& counts() const { return counts_; }

 private:
  static constexpr int kMaxUnanswered = 5;

  enum class Outcome : uint8_t { kDone, kAlready, kGone };
  Result<Outcome> DoRecord(const StateId& id, uint64_t n);
  Result<Outcome> Reseal(const KeptUpload& entry);
  Result<Outcome> ResealSecret();
  // Sealed for the same place, and opened again: what replaces the only copy is read once
  // before it does.
  Result<Bytes> SealAgain(const SealContext& where, const Opened& opened);
  void Count(const StateId& id, uint64_t n, const Result<Outcome>& outcome);
  void Fail(const StateId& id, uint64_t n, const Status& why);

  Storage& storage_;
  const std::string store_id_;
  Kms& kms_;
  const KeyTag target_;
  const bool dry_run_;
  const Report report_;
  RekeyCounts counts_;
  int unanswered_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_REKEYER_H_
