#include "history/upload_keeper.h"

#include <algorithm>
#include <utility>

namespace stateward {
namespace {

constexpr int64_t kDayMs = 24LL * 60 * 60 * 1000;

uint64_t CountedBytes(uint64_t size) { return std::max(size, kLeastUpload); }

uint64_t Sum(const std::vector<KeptUpload>& uploads) {
  uint64_t sum = 0;
  for (const KeptUpload& each : uploads) sum += CountedBytes(each.size);
  return sum;
}

bool IsOlder(const KeptUpload& a, const KeptUpload& b) { return a.time_ms < b.time_ms; }

Status Full(std::string_view whose, std::string_view setting) {
  return Status::Unavailable("kept uploads: " + std::string(whose) + " is full (" +
                             std::string(setting) + ")");
}

}  // namespace

// What one call is storing, told to the calls that look meanwhile.
class UploadKeeper::UnderWay {
 public:
  UnderWay(UploadKeeper& keeper, const std::string& principal, uint64_t bytes)
      : keeper_(keeper), principal_(principal), bytes_(bytes) {
    std::lock_guard<std::mutex> hold(keeper_.mutex_);
    uint64_t& theirs = keeper_.under_way_[principal_];
    others_ = theirs;
    theirs += bytes_;
    keeper_.all_under_way_ += bytes_;
  }
  ~UnderWay() {
    std::lock_guard<std::mutex> hold(keeper_.mutex_);
    auto theirs = keeper_.under_way_.find(principal_);
    theirs->second -= bytes_;
    if (theirs->second == 0) keeper_.under_way_.erase(theirs);
    keeper_.all_under_way_ -= bytes_;
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

  // What was under way before this call looks: a list that it then gets may lack that.
  uint64_t others() const { return others_; }

 private:
  UploadKeeper& keeper_;
  const std::string& principal_;
  const uint64_t bytes_;
  uint64_t others_ = 0;
};

Status UploadKeeper::Keep(const KeptUpload& upload, ByteView sealed) {
  const uint64_t need = CountedBytes(sealed.size());
  const UnderWay under_way(*this, upload.principal_tag, need);
  Result<Uploads> theirs = uploads_.ListUploadsOf(upload.principal_tag);
  if (!theirs.ok()) return std::move(theirs).status();
  Result<bool> there = Settle(*theirs, upload, sealed);
  if (!there.ok()) return std::move(there).status();
  if (*there) return Status();
  const uint64_t used = Sum(*theirs) + under_way.others();
  uint64_t left = 0;
  STATEWARD_RETURN_IF_ERROR(MakeRoom(*std::move(theirs), used, need, rules_.max_bytes, &left));
  if (left < need) return Full("the principal's share", "KEPT_UPLOADS_MAX_BYTES");
  STATEWARD_RETURN_IF_ERROR(TakeOfAll(need));
  return uploads_.PutUpload(upload, sealed);
}

// True: it is kept already, and lasts.
Result<bool> UploadKeeper::Settle(const Uploads& theirs, const KeptUpload& upload,
                                  ByteView sealed) {
  for (const KeptUpload& each : theirs) {
    if (each.content_tag != upload.content_tag) continue;
    // Else who was told today that it is kept could lose it tomorrow. The room is the old one's.
    if (upload.time_ms - each.time_ms > kDayMs) {
      STATEWARD_RETURN_IF_ERROR(uploads_.PutUpload(upload, sealed));
      // What stays has no effect but on the room, until it is pruned.
      (void)uploads_.RemoveUpload(each);
      return true;
    }
    Status settled = uploads_.SettleUpload(each);
    if (settled.ok()) return true;
    if (settled.code() != Code::kNotFound) return settled;  // else it was removed meanwhile
  }
  return false;
}

Status UploadKeeper::MakeRoom(Uploads uploads, uint64_t used, uint64_t need, uint64_t limit,
                              uint64_t* left) {
  auto room = [&] { return limit > used ? limit - used : 0; };
  *left = room();
  if (*left >= need) return Status();
  std::stable_sort(uploads.begin(), uploads.end(), IsOlder);
  const int64_t now = clock_.NowMs();
  int evicted = 0;
  for (const KeptUpload& old : uploads) {
    if (room() >= need || evicted == kMaxEvicted) break;
    if (now - old.time_ms < kUploadKeptMs) break;
    STATEWARD_RETURN_IF_ERROR(uploads_.RemoveUpload(old));
    used -= CountedBytes(old.size);
    ++evicted;
  }
  *left = room();
  return Status();
}

bool UploadKeeper::TakeOfShare(uint64_t need) {
  std::lock_guard<std::mutex> hold(mutex_);
  if (share_ < need) return false;
  share_ -= need;
  return true;
}

// `need` bytes are under way already.
Status UploadKeeper::TakeOfAll(uint64_t need) {
  if (TakeOfShare(need)) return Status();
  std::lock_guard<std::mutex> counting(count_mutex_);
  if (TakeOfShare(need)) return Status();
  const int64_t start_us = clock_.SteadyUs();
  if (start_us < count_again_us_) {
    return Status::Unavailable(
        "kept uploads: little room is left of KEPT_UPLOADS_TOTAL_BYTES, and it is counted again in "
        "a moment");
  }
  uint64_t others = 0;
  {
    // From now on nobody takes of the old share: what the list may lack is known.
    std::lock_guard<std::mutex> hold(mutex_);
    share_ = 0;
    others = all_under_way_ - need;
  }
  Result<Uploads> all = uploads_.ListUploads();
  const int64_t took_us = clock_.SteadyUs() - start_us;
  count_again_us_ = start_us + took_us + kRest * took_us;
  if (!all.ok()) return std::move(all).status();
  const uint64_t used = Sum(*all) + others;
  uint64_t left = 0;
  STATEWARD_RETURN_IF_ERROR(MakeRoom(*std::move(all), used, need, rules_.total_bytes, &left));
  if (left < need) return Full("the room for all", "KEPT_UPLOADS_TOTAL_BYTES");
  std::lock_guard<std::mutex> hold(mutex_);
  share_ = (left - need) / kShare;
  return Status();
}

Result<PrunedUploads> PruneUploads(KeptUploads& uploads, const Clock& clock,
                                   const UploadRules& rules, PruneHow how) {
  Result<std::vector<KeptUpload>> all = uploads.ListUploads();
  if (!all.ok()) return std::move(all).status();
  std::stable_sort(all->begin(), all->end(), IsOlder);
  std::map<std::string, uint64_t> bytes;  // by principal
  for (const KeptUpload& each : *all) bytes[each.principal_tag] += CountedBytes(each.size);
  uint64_t total = Sum(*all);
  PrunedUploads out;
  const int64_t now = clock.NowMs();
  const int64_t kept_ms = std::max(static_cast<int64_t>(rules.days) * kDayMs, kUploadKeptMs);
  for (const KeptUpload& each : *all) {
    const int64_t age = now - each.time_ms;
    uint64_t& theirs = bytes[each.principal_tag];
    const bool fits = theirs <= rules.max_bytes && total <= rules.total_bytes;
    if (age < kUploadKeptMs || (age < kept_ms && fits)) continue;
    if (how == PruneHow::kRemove) STATEWARD_RETURN_IF_ERROR(uploads.RemoveUpload(each));
    theirs -= CountedBytes(each.size);
    total -= CountedBytes(each.size);
    ++out.removed;
    out.bytes += each.size;
  }
  return out;
}

}  // namespace stateward
