#include "moving/store_pass.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace stateward {
namespace {

// Each waits for a disk or a service most of the time; more would crowd those out who are served.
constexpr size_t kThreads = 4;
// What of a record is in clear, without the wrapped key: its random message id is among it, so two
// records with the same front are the same (docs/formats.md, "Envelope").
constexpr size_t kFront = 92;

class Pass {
 public:
  Pass(Storage& from, Storage& to, PassDepth depth, const OtherWriteFn& other)
      : from_(from), to_(to), depth_(depth), other_(other) {}

  Status Begin() {
    Result<StoreCopy*> from = CopyOf(from_);
    if (!from.ok()) return std::move(from).status();
    Result<StoreCopy*> to = CopyOf(to_);
    if (!to.ok()) return std::move(to).status();
    from_copy_ = *from;
    to_copy_ = *to;
    return Status();
  }

  Result<PassCounts> Run(const std::function<void(uint64_t, uint64_t)>& progress) {
    std::vector<StateId> ids;
    STATEWARD_RETURN_IF_ERROR(ListStates(&ids));
    std::mutex mutex;  // over `failed` and `progress`
    Status failed;
    std::atomic<size_t> next{0};
    std::atomic<bool> stop{false};
    size_t done = 0;
    const auto work = [&] {
      for (size_t i = next++; i < ids.size() && !stop; i = next++) {
        Status moved = MoveState(ids[i]);
        std::lock_guard<std::mutex> hold(mutex);
        if (!moved.ok() && failed.ok()) failed = std::move(moved).At("state " + ids[i].hex());
        stop = !failed.ok();
        if (progress) progress(++done, ids.size());
      }
    };
    std::vector<std::thread> threads;
    for (size_t i = 0; i < std::min(kThreads, ids.size()); ++i) threads.emplace_back(work);
    for (std::thread& thread : threads) thread.join();
    if (!failed.ok()) return failed;
    if (depth_ != PassDepth::kLook) STATEWARD_RETURN_IF_ERROR(MoveUploads());
    STATEWARD_RETURN_IF_ERROR(MoveClaims());
    STATEWARD_RETURN_IF_ERROR(MoveBlobs());
    return PassCounts{states_, records_, moved_, removed_, Ahead(), blobs_ahead_};
  }

 private:
  static Status List(Storage& of, std::vector<StateId>* ids) {
    return of.List([ids](const StateId& id) {
      ids->push_back(id);
      return true;
    });
  }

  // Those of the source, and where the depth asks for it those of the target.
  Status ListStates(std::vector<StateId>* ids) {
    std::vector<StateId> here;
    std::vector<StateId> there;
    if (depth_ != PassDepth::kMissing) STATEWARD_RETURN_IF_ERROR(List(to_, &there));
    if (depth_ != PassDepth::kLook) STATEWARD_RETURN_IF_ERROR(List(from_, &here));
    states_ = here.size();
    const auto below = [](const StateId& a, const StateId& b) { return a.hex() < b.hex(); };
    std::set_union(here.begin(), here.end(), there.begin(), there.end(), std::back_inserter(*ids),
                   below);
    return Status();
  }

  void NoteAhead(const StateId& id) {
    std::lock_guard<std::mutex> hold(ahead_mutex_);
    ahead_.emplace(id.hex(), id);
  }
  std::vector<StateId> Ahead() const {
    std::vector<StateId> ids;
    for (const auto& [hex, id] : ahead_) ids.push_back(id);
    return ids;
  }

  // The target is asked first: a source that works only grows.
  Status MoveState(const StateId& id) {
    Result<std::vector<uint64_t>> have = to_.Versions(id);
    if (!have.ok()) return std::move(have).status();
    Result<std::vector<uint64_t>> numbers = from_.Versions(id);
    if (!numbers.ok()) return std::move(numbers).status();
    bool ahead = !have->empty() && (numbers->empty() || have->front() > numbers->front());
    std::set<uint64_t> differ;
    if (!ahead && depth_ != PassDepth::kMissing) {
      STATEWARD_RETURN_IF_ERROR(Compare(id, *have, *numbers, &differ, &ahead));
    }
    if (ahead) NoteAhead(id);
    if (ahead || depth_ == PassDepth::kLook) return Status();
    return MoveRecords(id, *have, *numbers, differ);
  }

  // Of the numbers that both have (kLook: of the highest) those whose records differ. *ahead: one
  // of them is another write. It is looked at before anything is written over. Newest first.
  Status Compare(const StateId& id, const std::vector<uint64_t>& have,
                 const std::vector<uint64_t>& numbers, std::set<uint64_t>* differ, bool* ahead) {
    const std::set<uint64_t> there(have.begin(), have.end());
    for (uint64_t n : numbers) {
      if (there.count(n) == 0) continue;
      Result<bool> same = SameFront(id, n);
      if (!same.ok()) return std::move(same).status();
      if (!*same) {
        differ->insert(n);
        Result<bool> other = IsOther(id, n);
        if (!other.ok()) return std::move(other).status();
        *ahead = *other;
      }
      if (*ahead || depth_ == PassDepth::kLook) break;
    }
    return Status();
  }

  Result<bool> IsOther(const StateId& id, uint64_t n) {
    if (!other_) return false;
    Result<Bytes> here = from_.GetPrefix(id, n, Kms::kInfoPrefix);
    if (!here.ok() && here.status().code() == Code::kNotFound) return false;  // pruned meanwhile
    if (!here.ok()) return std::move(here).status();
    Result<Bytes> there = to_.GetPrefix(id, n, Kms::kInfoPrefix);
    if (!there.ok()) return std::move(there).status();
    return other_(id, n, *here, *there);
  }

  // `have`, `numbers`: of target and source, newest first.
  Status MoveRecords(const StateId& id, const std::vector<uint64_t>& have,
                     const std::vector<uint64_t>& numbers, const std::set<uint64_t>& differ) {
    const std::set<uint64_t> there(have.begin(), have.end());
    for (auto at = numbers.rbegin(); at != numbers.rend(); ++at) {
      const uint64_t n = *at;
      const bool same = there.count(n) > 0 && differ.count(n) == 0;
      ++records_;
      if (!same) STATEWARD_RETURN_IF_ERROR(MoveRecord(id, n));
    }
    const std::set<uint64_t> wanted(numbers.begin(), numbers.end());
    for (uint64_t n : there) {
      if (wanted.count(n) > 0) continue;
      STATEWARD_RETURN_IF_ERROR(to_.Prune(id, n));
      ++removed_;
    }
    return Status();
  }

  // What was pruned meanwhile is the same: there is nothing to move.
  Result<bool> SameFront(const StateId& id, uint64_t n) {
    Result<Bytes> here = from_.GetPrefix(id, n, kFront);
    if (!here.ok() && here.status().code() == Code::kNotFound) return true;
    if (!here.ok()) return std::move(here).status();
    Result<Bytes> there = to_.GetPrefix(id, n, kFront);
    if (!there.ok()) return std::move(there).status();
    here->resize(std::min(here->size(), kFront));
    there->resize(std::min(there->size(), kFront));
    return *here == *there;
  }

  Status MoveRecord(const StateId& id, uint64_t n) {
    Result<Bytes> sealed = from_.Get(id, n);
    if (!sealed.ok() && sealed.status().code() == Code::kNotFound) return Status();
    if (!sealed.ok()) return std::move(sealed).status();
    ++moved_;
    return to_copy_->PutRecord(id, n, *sealed);
  }

  Status MoveUploads() {
    Result<std::vector<KeptUpload>> here = from_.ListUploads();
    if (!here.ok()) return std::move(here).status();
    Result<std::vector<KeptUpload>> there = to_.ListUploads();
    if (!there.ok()) return std::move(there).status();
    std::map<std::string, KeptUpload> left;
    for (KeptUpload& upload : *there) left.emplace(NameOf(upload), std::move(upload));
    for (const KeptUpload& upload : *here) {
      auto found = left.find(NameOf(upload));
      const bool known = found != left.end();
      if (known) left.erase(found);
      if (known && depth_ == PassDepth::kMissing) continue;
      Result<Bytes> sealed = from_.GetUpload(upload);
      if (!sealed.ok() && sealed.status().code() == Code::kNotFound) continue;
      if (!sealed.ok()) return std::move(sealed).status();
      if (known) {
        Result<Bytes> copy = to_.GetUpload(upload);
        if (!copy.ok()) return std::move(copy).status();
        if (*copy == *sealed) continue;
        STATEWARD_RETURN_IF_ERROR(to_.RemoveUpload(upload));
      }
      STATEWARD_RETURN_IF_ERROR(to_.PutUpload(upload, *sealed));
      ++moved_;
    }
    for (const auto& [name, upload] : left) {
      STATEWARD_RETURN_IF_ERROR(to_.RemoveUpload(upload));
      ++removed_;
    }
    return Status();
  }

  static std::string NameOf(const KeptUpload& upload) {
    return upload.principal_tag + upload.content_tag + upload.id.hex() +
           std::to_string(upload.time_ms) + "-" + std::to_string(upload.size);
  }

  Status MoveClaims() {
    std::map<std::string, StateId> here;
    STATEWARD_RETURN_IF_ERROR(
        from_copy_->EachClaim([&here](const std::string& name, const StateId& id) {
          here.emplace(name, id);
          return true;
        }));
    for (const auto& [name, id] : here) claimed_.insert(name);
    STATEWARD_RETURN_IF_ERROR(to_copy_->EachClaim([&](const std::string& name, const StateId& id) {
      auto found = here.find(name);
      if (found == here.end() || !(found->second == id)) NoteAhead(id);
      if (found != here.end()) here.erase(found);
      return true;
    }));
    if (depth_ == PassDepth::kLook) return Status();
    for (const auto& [name, id] : here) {
      Result<StateId> claimant = to_.ClaimLegacy(name, id);
      if (!claimant.ok()) return std::move(claimant).status();
      if (!(*claimant == id)) return Status::Internal("claim " + name + " has another state there");
      ++moved_;
    }
    return Status();
  }

  // Of a blob that a state claimed nobody is served any more.
  Status LookAtBlobs(const std::vector<std::string>& here) {
    const std::set<std::string> known(here.begin(), here.end());
    return to_.ListLegacy([&](const NameClaims::LegacyBlob& blob) {
      const std::string& name = blob.legacy_id;
      if (known.count(name) == 0 && claimed_.count(name) == 0) blobs_ahead_.push_back(name);
      return true;
    });
  }

  Status MoveBlobs() {
    std::vector<std::string> here;
    STATEWARD_RETURN_IF_ERROR(from_.ListLegacy([&here](const NameClaims::LegacyBlob& blob) {
      here.push_back(blob.legacy_id);
      return true;
    }));
    if (depth_ != PassDepth::kMissing) STATEWARD_RETURN_IF_ERROR(LookAtBlobs(here));
    if (depth_ == PassDepth::kLook) return Status();
    for (const std::string& legacy_id : here) {
      Result<Bytes> there = to_.GetLegacy(legacy_id);
      const bool missing = !there.ok() && there.status().code() == Code::kNotFound;
      if (!there.ok() && !missing) return std::move(there).status();
      if (!missing && depth_ == PassDepth::kMissing) continue;
      Result<Bytes> blob = from_.GetLegacy(legacy_id);
      if (!blob.ok()) return std::move(blob).status();
      if (!missing && *there == *blob) continue;
      STATEWARD_RETURN_IF_ERROR(to_copy_->PutLegacy(legacy_id, *blob));
      ++moved_;
    }
    return Status();
  }

  Storage& from_;
  Storage& to_;
  StoreCopy* from_copy_ = nullptr;
  StoreCopy* to_copy_ = nullptr;
  const PassDepth depth_;
  const OtherWriteFn& other_;
  uint64_t states_ = 0;
  std::mutex ahead_mutex_;  // over ahead_
  std::map<std::string, StateId> ahead_;
  std::set<std::string> claimed_;  // names that the source claimed
  std::vector<std::string> blobs_ahead_;
  std::atomic<uint64_t> records_{0};
  std::atomic<uint64_t> moved_{0};
  std::atomic<uint64_t> removed_{0};
};

}  // namespace

Result<StoreCopy*> CopyOf(Storage& storage) {
  auto* copy = dynamic_cast<StoreCopy*>(&storage);
  if (copy == nullptr) {
    return Status(Code::kConflict,
                  "this is a read-only standby (READ_ONLY): do it at the store that it follows");
  }
  return copy;
}

Result<PassCounts> CopyPass(Storage& from, Storage& to, PassDepth depth, const OtherWriteFn& other,
                            const std::function<void(uint64_t, uint64_t)>& progress) {
  Pass pass(from, to, depth, other);
  STATEWARD_RETURN_IF_ERROR(pass.Begin());
  return pass.Run(progress);
}

}  // namespace stateward
