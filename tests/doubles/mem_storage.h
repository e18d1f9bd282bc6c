// A Storage in memory, with switches for what real ones do on bad days.
#ifndef STATEWARD_TESTS_DOUBLES_MEM_STORAGE_H_
#define STATEWARD_TESTS_DOUBLES_MEM_STORAGE_H_

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "base/store_format.h"
#include "stateward/closed_store.h"
#include "stateward/storage.h"
#include "stateward/store_copy.h"

namespace stateward {

class MemStorage : public Storage, public StoreCopy {
 public:
  enum class NextAppend : uint8_t {
    kWorks,
    kFails,         // nothing is stored, and it says so
    kDoneButFails,  // stored, but the answer is lost
    kArrivesLate,   // not stored yet: Arrive() lets it in
    kLateAndDown,   // the same, and then the store is down
  };

  // The switches. Set them before threads use the storage.
  std::atomic<NextAppend> next_append{NextAppend::kWorks};  // kWorks again after one Append
  mutable bool down = false;                                // everything is kUnavailable
  mutable int calls_left = 0;                               // then it is down; 0: it is not
  mutable std::function<void()> at_last_call;               // comes in place of that
  bool no_claims = false;                                   // ClaimLegacy fails
  bool unlistable = false;                                  // ListLegacy lacks a right
  int listings = 0;                                         // of the original's blobs
  bool late = false;                                        // WritesMayArriveLate()
  std::atomic<int> settles{0};
  std::atomic<int> lease_writes{0};
  std::atomic<int> gets{0};              // records that were read
  std::function<void()> after_late_get;  // once, after the Get that follows a late Append
  std::function<void()> before_append;   // once, before the next Append
  std::function<void(uint64_t n)> after_get;
  std::atomic<int> upload_listings{0};  // of all principals
  std::atomic<int> upload_settles{0};
  std::function<void()> before_list_uploads;  // of all principals
  std::function<void()> after_list_uploads;   // once, after the next listing of all principals

  std::string_view Name() const override { return "mem"; }
  bool WritesMayArriveLate() const override { return late; }

  Result<StoreIdentity> ReadIdentity() override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (down) return Down();
    if (!marker_) return Status::NotFound("no marker");
    if (marker_->format > NewestStoreFormat()) return Status::Unavailable("a newer one is needed");
    return *marker_;
  }
  uint32_t Format() override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    return marker_ ? marker_->format : 1;
  }
  Status WriteIdentity(const StoreIdentity& marker, const StoreIdentity* replaces) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (down) return Down();
    if (marker_ && marker_->format > NewestStoreFormat()) {
      return Status::Unavailable("a newer one is needed");
    }
    if (marker_ && (replaces == nullptr || !(*marker_ == *replaces))) {
      return {Code::kConflict, "there is one"};
    }
    if (!marker_ && !states_.empty()) return {Code::kConflict, "records without a marker"};
    marker_ = marker;
    return Status();
  }
  Result<uint64_t> Head(const StateId& id) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto& versions = states_[id.hex()];
    return versions.empty() ? uint64_t{0} : versions.rbegin()->first;
  }
  Result<Bytes> Get(const StateId& id, uint64_t n) override {
    std::unique_lock<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    ++gets;
    auto& versions = states_[id.hex()];
    auto it = versions.find(n);
    Result<Bytes> out = it == versions.end() ? Result<Bytes>(Status::NotFound("no such record"))
                                             : Result<Bytes>(it->second);
    const bool late_one = std::exchange(was_late_, false);
    const auto follow = after_get;  // a copy: it may take itself away
    hold.unlock();
    if (follow) follow(n);
    if (!late_one) return out;
    if (auto step = std::exchange(after_late_get, nullptr)) step();
    return out;
  }
  Result<Newest> GetNewest(const StateId& id) override {
    Result<uint64_t> head = Head(id);
    if (!head.ok()) return std::move(head).status();
    if (*head == 0) return Newest{};
    Result<Bytes> bytes = Get(id, *head);
    if (!bytes.ok()) return std::move(bytes).status();
    return Newest{*head, std::move(*bytes)};
  }
  Result<Bytes> GetPrefix(const StateId& id, uint64_t n, size_t limit) override {
    Result<Bytes> bytes = Get(id, n);
    if (bytes.ok() && bytes->size() > limit) bytes->resize(limit);
    return bytes;
  }
  Result<AppendOutcome> Append(const StateId& id, uint64_t expected_head,
                               ByteView sealed) override {
    if (expected_head >= kLastRecord) return Status::Unavailable("no number is left");
    std::unique_lock<std::recursive_mutex> hold(mutex_);
    auto step = std::exchange(before_append, nullptr);
    hold.unlock();
    if (step) step();
    NextAppend how = next_append.exchange(NextAppend::kWorks);
    if (Out() || how == NextAppend::kFails) return Down();
    if (how == NextAppend::kArrivesLate || how == NextAppend::kLateAndDown) {
      down = how == NextAppend::kLateAndDown;
      was_late_ = true;
      late_ = {id, expected_head, Bytes(sealed.begin(), sealed.end())};
      return Status::Unavailable("timed out");
    }
    AppendOutcome outcome = AppendNow(id, expected_head, sealed);
    if (how == NextAppend::kDoneButFails) return Status::Unavailable("the answer was lost");
    return outcome;
  }
  // The late write reaches the store now, where its number alone counts: it is taken, or free.
  AppendOutcome Arrive() {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    auto& versions = states_[late_.id.hex()];
    return {versions.emplace(late_.expected + 1, late_.bytes).second, late_.expected + 1};
  }

  Status Settle(const StateId& id, uint64_t n) override {
    ++settles;
    Result<Bytes> bytes = Get(id, n);
    return bytes.ok() ? Status() : bytes.status();
  }
  Status Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                 ByteView sealed) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto& versions = states_[id.hex()];
    auto it = versions.find(n);
    if (it == versions.end()) return Status::NotFound("no such record");
    if (Sha256(it->second) != expected) return {Code::kConflict, "others by now"};
    it->second.assign(sealed.begin(), sealed.end());
    return Status();
  }
  Result<std::vector<uint64_t>> Versions(const StateId& id) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    std::vector<uint64_t> out;
    auto& versions = states_[id.hex()];
    for (auto it = versions.rbegin(); it != versions.rend(); ++it) out.push_back(it->first);
    return out;
  }
  Status ListAfter(const StateId& after, const std::function<bool(const StateId&)>& each) override {
    if (Out()) return Down();
    for (const auto& [hex, versions] : states_) {
      StateId id;
      if (versions.empty() || hex <= after.hex() || !StateId::Parse(hex, &id)) continue;
      if (!each(id)) break;
    }
    return Status();
  }
  Result<EndPage> Ends(const std::string& prefix) override {
    EndPage page;
    STATEWARD_RETURN_IF_ERROR(List([&](const StateId& id) {
      const auto& versions = states_[id.hex()];
      if (id.hex().compare(0, prefix.size(), prefix) != 0) return true;
      page.ends.push_back({id, versions.size(), versions.rbegin()->first,
                           HexEncode(Sha256(versions.rbegin()->second))});
      return true;
    }));
    page.whole = page.ends.size() <= ends_page || prefix.size() == 64;
    if (!page.whole) page.ends.clear();
    return page;
  }
  bool FrontsAreRoundTrips() const override { return round_trips; }
  Result<Bytes> ReadCache(const std::string& name) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto it = caches.find(name);
    return it == caches.end() ? Result<Bytes>(Status::NotFound("no such entry"))
                              : Result<Bytes>(it->second);
  }
  Status WriteCache(const std::string& name, ByteView sealed) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out() || no_caches) return Down();
    ++cache_writes;
    caches[name].assign(sealed.begin(), sealed.end());
    return Status();
  }
  Result<std::vector<std::string>> CacheNames() override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    std::vector<std::string> names;
    for (const auto& [name, bytes] : caches) names.push_back(name);
    return names;
  }
  Status RemoveCache(const std::string& name) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    caches.erase(name);
    return Status();
  }
  Result<uint64_t> Count() override {
    uint64_t count = 0;
    STATEWARD_RETURN_IF_ERROR(List([&](const StateId&) {
      ++count;
      return true;
    }));
    return count;
  }
  Status Prune(const StateId& id, uint64_t n) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto& versions = states_[id.hex()];
    if (versions.empty() || n >= versions.rbegin()->first) {
      return Status::InvalidArgument("the newest record is never removed");
    }
    versions.erase(n);
    return Status();
  }
  Status PutUpload(const KeptUpload& entry, ByteView sealed) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto it = Find(entry);
    const bool fresh = it == uploads_.end();
    if (fresh) it = uploads_.emplace(it);
    if (fresh || it->first.time_ms < entry.time_ms) {
      *it = {entry, Bytes(sealed.begin(), sealed.end())};
    }
    return Status();
  }
  Status SettleUpload(const KeptUpload& entry) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    ++upload_settles;
    return Find(entry) != uploads_.end() ? Status() : Status::NotFound("no such upload");
  }
  Result<std::vector<KeptUpload>> ListUploads() override {
    if (before_list_uploads) before_list_uploads();
    ++upload_listings;
    Result<std::vector<KeptUpload>> listed = Uploads("");
    if (auto step = std::exchange(after_list_uploads, nullptr)) step();
    return listed;
  }
  Result<std::vector<KeptUpload>> ListUploadsOf(const std::string& principal_tag) override {
    return Uploads(principal_tag);
  }
  Result<Bytes> GetUpload(const KeptUpload& entry) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto it = Find(entry);
    return it == uploads_.end() ? Result<Bytes>(Status::NotFound("no such upload"))
                                : Result<Bytes>(it->second);
  }
  Result<Bytes> GetUploadPrefix(const KeptUpload& entry, size_t limit) override {
    Result<Bytes> bytes = GetUpload(entry);
    if (bytes.ok() && bytes->size() > limit) bytes->resize(limit);
    return bytes;
  }
  Status Publish(const std::string& server_id, ByteView text) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    notices_[server_id].assign(text.begin(), text.end());
    return Status();
  }
  Result<std::vector<ServerNotice>> Published() override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    std::vector<ServerNotice> out;
    for (const auto& [id, text] : notices_) out.push_back({id, text});
    return out;
  }
  Status Withdraw(const std::string& server_id) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    notices_.erase(server_id);
    return Status();
  }
  Result<Bytes> ReadLease(const std::string& name) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto it = leases_.find(name);
    return it == leases_.end() ? Result<Bytes>(Status::NotFound("no lease"))
                               : Result<Bytes>(it->second);
  }
  Result<bool> ExchangeLease(const std::string& name, ByteView expected, ByteView next) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    ++lease_writes;
    auto it = leases_.find(name);
    if ((it == leases_.end() ? ByteView() : ByteView(it->second)) != expected) return false;
    leases_[name].assign(next.begin(), next.end());
    return true;
  }
  Status ReplaceUpload(const KeptUpload& entry, ByteView sealed) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto it = Find(entry);
    if (it == uploads_.end()) return Status::NotFound("no such upload");
    it->second.assign(sealed.begin(), sealed.end());
    it->first.size = sealed.size();
    return Status();
  }
  Status RemoveUpload(const KeptUpload& entry) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto it = Find(entry);
    if (it != uploads_.end() && it->first.time_ms == entry.time_ms) uploads_.erase(it);
    return Status();
  }
  Result<Bytes> GetLegacy(const std::string& legacy_id) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto it = legacy.find(legacy_id);
    if (it == legacy.end()) return Status::NotFound("none");
    return it->second;
  }
  Status ListLegacy(const std::function<bool(const LegacyBlob&)>& each) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    if (unlistable) return Status::Unavailable("listing needs a right");
    ++listings;
    for (const auto& [legacy_id, blob] : legacy) {
      if (legacy_id.size() == 64 && !each({legacy_id, claims_.count(legacy_id) > 0})) break;
    }
    return Status();
  }
  Result<std::optional<StateId>> LegacyClaim(const std::string& legacy_id) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    auto it = claims_.find(legacy_id);
    return it == claims_.end() ? std::optional<StateId>() : std::optional<StateId>(it->second);
  }
  Result<StateId> ClaimLegacy(const std::string& legacy_id, const StateId& id) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out() || no_claims) return Down();
    return claims_.emplace(legacy_id, id).first->second;
  }
  Status EachClaim(
      const std::function<bool(const std::string& name, const StateId& id)>& each) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    for (const auto& [name, id] : claims_) {
      if (!each(name, id)) break;
    }
    return Status();
  }
  Status PutRecord(const StateId& id, uint64_t n, ByteView sealed) override {
    if (n == 0 || n > kLastRecord) return Status::InvalidArgument("no record's number");
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    if (!marker_ || !IsClosed(*marker_)) return Status::Internal("the store is not closed");
    states_[id.hex()][n].assign(sealed.begin(), sealed.end());
    return Status();
  }
  Status PutLegacy(const std::string& legacy_id, ByteView blob) override {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    if (!marker_ || !IsClosed(*marker_)) return Status::Internal("the store is not closed");
    const auto [it, made] = legacy.try_emplace(legacy_id, blob.begin(), blob.end());
    return made || ByteView(it->second) == blob ? Status() : Status(Code::kConflict, "another one");
  }
  Result<std::vector<std::string>> Leftovers() override { return leftovers; }
  Result<std::vector<Stranger>> Strangers() override { return strangers; }
  Status RemoveLeftover(const std::string& name) override {
    leftovers.erase(std::remove(leftovers.begin(), leftovers.end(), name), leftovers.end());
    return Status();
  }
  Status Check() override { return Out() ? Down() : Status(); }

  void RemoveMarker() { marker_.reset(); }
  // What a transaction that was rolled back does to a record.
  void Undo(const StateId& id, uint64_t n) { states_[id.hex()].erase(n); }
  // What a disk may do to a record.
  void Damage(const StateId& id, uint64_t n) { states_[id.hex()][n].back() ^= 1; }
  void DamageFront(const StateId& id, uint64_t n) { DamageAt(id, n, 40); }
  void DamageAt(const StateId& id, uint64_t n, size_t at) { states_[id.hex()][n][at] ^= 1; }

  std::map<std::string, Bytes> legacy;
  std::map<std::string, Bytes> caches;
  std::vector<std::string> leftovers;
  std::vector<Stranger> strangers;
  size_t ends_page = kEndsPage;  // states that one step of Ends gives
  bool round_trips = false;      // FrontsAreRoundTrips()
  bool no_caches = false;        // WriteCache fails
  int cache_writes = 0;

 private:
  struct Late {
    StateId id;
    uint64_t expected = 0;
    Bytes bytes;
  };
  bool Out() const {
    if (calls_left > 0 && --calls_left == 0) {
      if (at_last_call) {
        std::exchange(at_last_call, nullptr)();
      } else {
        down = true;
      }
    }
    return down || !marker_ || marker_->format > NewestStoreFormat();
  }
  static Status Down() { return Status::Unavailable("the store is down"); }
  // "": of all principals.
  Result<std::vector<KeptUpload>> Uploads(const std::string& principal_tag) {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    if (Out()) return Down();
    std::vector<KeptUpload> out;
    for (const auto& [upload, bytes] : uploads_) {
      if (principal_tag.empty() || upload.principal_tag == principal_tag) out.push_back(upload);
    }
    std::stable_sort(out.begin(), out.end(), [](const KeptUpload& a, const KeptUpload& b) {
      return a.time_ms < b.time_ms;
    });
    return out;
  }
  std::vector<std::pair<KeptUpload, Bytes>>::iterator Find(const KeptUpload& upload) {
    return std::find_if(uploads_.begin(), uploads_.end(), [&upload](const auto& each) {
      return each.first.principal_tag == upload.principal_tag &&
             each.first.content_tag == upload.content_tag;
    });
  }
  AppendOutcome AppendNow(const StateId& id, uint64_t expected_head, ByteView sealed) {
    std::lock_guard<std::recursive_mutex> hold(mutex_);
    auto& versions = states_[id.hex()];
    uint64_t head = versions.empty() ? 0 : versions.rbegin()->first;
    if (head != expected_head) return {false, head};
    versions[head + 1].assign(sealed.begin(), sealed.end());
    return {true, head + 1};
  }

  bool was_late_ = false;
  std::recursive_mutex mutex_;  // at_last_call may use the store
  std::optional<StoreIdentity> marker_;
  std::map<std::string, std::map<uint64_t, Bytes>> states_;
  std::map<std::string, StateId> claims_;
  std::map<std::string, Bytes> notices_;
  std::map<std::string, Bytes> leases_;
  std::vector<std::pair<KeptUpload, Bytes>> uploads_;
  Late late_;
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_MEM_STORAGE_H_
