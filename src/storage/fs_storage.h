// States in files of this host (docs/formats.md, "Store layout"). Rules S2, S3, S12, S13.
#ifndef STATEWARD_STORAGE_FS_STORAGE_H_
#define STATEWARD_STORAGE_FS_STORAGE_H_

#include <mutex>
#include <string>

#include "base/files.h"
#include "base/head_hints.h"
#include "base/marked_folder.h"
#include "stateward/disk.h"
#include "stateward/storage.h"
#include "stateward/store_copy.h"

namespace stateward {

class FsStorage : public Storage, public StoreCopy {
 public:
  // For how long after record n was seen to be the newest "n is there and n+1 is not" proves that
  // it still is. What follows a record that stays is pruned at the earliest kGapMs after it was
  // made (state/pruner.h), which is far longer; later only a list of the folder tells.
  static constexpr int64_t kTrustedUs = 60 * 1000 * 1000;

  // `disk` must outlive it. Touches nothing yet.
  FsStorage(Disk& disk, std::string dir, int64_t trusted_us = kTrustedUs);

  std::string_view Name() const override { return "fs"; }
  bool WritesMayArriveLate() const override { return false; }
  Result<StoreIdentity> ReadIdentity() override;
  void Expect(const StoreIdentity& marker) override;
  uint32_t Format() override;
  Status WriteIdentity(const StoreIdentity& marker, const StoreIdentity* replaces) override;
  Result<uint64_t> Head(const StateId& id) override;
  uint64_t SeenHead(const StateId& id) override { return hints_.Get(id); }
  Result<Bytes> Get(const StateId& id, uint64_t n) override;
  Result<Newest> GetNewest(const StateId& id) override;
  Result<Newest> GetNewestChecked(const StateId& id, const FrontCheck& check) override;
  Result<Bytes> GetChecked(const StateId& id, uint64_t n, const FrontCheck& check) override;
  Result<std::vector<Front>> Fronts(const std::vector<End>& ends, size_t limit) override;
  Result<Newest> GetNewestFront(const StateId& id, size_t limit) override;
  Result<Bytes> GetPrefix(const StateId& id, uint64_t n, size_t limit) override;
  Result<AppendOutcome> Append(const StateId& id, uint64_t expected_head, ByteView sealed) override;
  Status Settle(const StateId& id, uint64_t n) override;
  Status Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                 ByteView sealed) override;
  Result<std::optional<uint64_t>> StoredBytes(const StateId& id) override;
  Result<std::vector<uint64_t>> Versions(const StateId& id) override;
  Status ListAfter(const StateId& after, const std::function<bool(const StateId&)>& each) override;
  Result<EndPage> Ends(const std::string& prefix) override;
  Result<uint64_t> Count() override;
  Status Prune(const StateId& id, uint64_t n) override;
  Status PutUpload(const KeptUpload& upload, ByteView sealed) override;
  Status SettleUpload(const KeptUpload& upload) override;
  Result<std::vector<KeptUpload>> ListUploads() override;
  Result<std::vector<KeptUpload>> ListUploadsOf(const std::string& principal_tag) override;
  Result<Bytes> GetUpload(const KeptUpload& upload) override;
  Result<Bytes> GetUploadPrefix(const KeptUpload& upload, size_t limit) override;
  Status ReplaceUpload(const KeptUpload& upload, ByteView sealed) override;
  Status Publish(const std::string& server_id, ByteView text) override;
  Result<std::vector<ServerNotice>> Published() override;
  Status Withdraw(const std::string& server_id) override;
  Result<Bytes> ReadLease(const std::string& name) override;
  Result<bool> ExchangeLease(const std::string& name, ByteView expected, ByteView next) override;
  Result<Bytes> ReadCache(const std::string& name) override;
  Status WriteCache(const std::string& name, ByteView sealed) override;
  Result<std::vector<std::string>> CacheNames() override;
  Status RemoveCache(const std::string& name) override;
  Status RemoveUpload(const KeptUpload& upload) override;
  Result<Bytes> GetLegacy(const std::string& legacy_id) override;
  Status ListLegacy(const std::function<bool(const LegacyBlob&)>& each) override;
  Result<std::optional<StateId>> LegacyClaim(const std::string& legacy_id) override;
  Result<StateId> ClaimLegacy(const std::string& legacy_id, const StateId& id) override;
  Status EachClaim(
      const std::function<bool(const std::string& name, const StateId& id)>& each) override;
  Status PutRecord(const StateId& id, uint64_t n, ByteView sealed) override;
  Status PutLegacy(const std::string& legacy_id, ByteView blob) override;
  Result<std::vector<std::string>> Leftovers() override;
  Result<std::vector<Stranger>> Strangers() override;
  Status RemoveLeftover(const std::string& name) override;
  Status Check() override;

 private:
  using Root = MarkedFolder::Root;
  // The root folder with the marker that was seen first.
  Result<Root> OpenRoot();
  Result<Root> OpenClosed();
  Status Accept(ByteView marker_text, int root);
  Status CheckStates(int root);
  // The state's folder; kNotFound when its absence is proved.
  Result<Fd> OpenState(int root, const StateId& id);
  // Its folder, which lasts, and the flock on the folder above it, under which its first record is
  // made.
  struct First {
    Fd group;
    Fd dir;
  };
  Result<First> MakeState(int root, const StateId& id);
  Result<AppendOutcome> Create(const Root& root, int dir, const StateId& id, uint64_t n,
                               ByteView sealed);
  Result<AppendOutcome> AppendFirst(const Root& root, const StateId& id, ByteView sealed);
  // What `check` says of record n, which begins with `front`.
  Status AskAbout(const StateId& id, uint64_t n, ByteView front, const FrontCheck& check);
  // Whether the store works, and this record alone may not be opened.
  bool IsShut(const StateId& id, uint64_t n);
  Result<Bytes> GetIn(int root, const StateId& id, uint64_t n, size_t limit);
  // True: no record follows record n. False: nothing is known.
  bool IsLast(int root, const StateId& id, uint64_t n);
  // True: record n is there and none follows it. False: nothing is known.
  bool IsNewest(int root, const StateId& id, uint64_t n);
  // 0: no such state.
  Result<uint64_t> HeadIn(int root, const StateId& id);
  Result<uint64_t> FindHead(int dir, const StateId& id);
  Result<uint64_t> ListHead(int dir);
  // In order; more than kEndsPage: not all of them.
  Result<std::vector<StateId>> IdsOf(int states, const std::string& prefix);
  Status NoUpload(int root, Status why);
  Result<std::optional<StateId>> ReadClaim(int root, const std::string& legacy_id);

  // The number that was seen to be the newest not long ago; 0: none.
  uint64_t Trusted(const StateId& id);

  Disk& disk_;
  const std::string dir_;
  const int64_t trusted_us_;
  MarkedFolder folder_;
  HeadHints hints_;
  std::mutex marker_mutex_;
  StoreIdentity marker_;  // as expected, else as read first; every later one must be the same
};

}  // namespace stateward

#endif  // STATEWARD_STORAGE_FS_STORAGE_H_
