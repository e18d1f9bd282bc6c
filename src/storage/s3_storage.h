// States in a bucket (docs/formats.md, "Objects in S3"; docs/storage.md, "s3").
//
// The newest record is the one that a listing shows last: S3 lists what was acknowledged before the
// listing began, and the newest is never removed. The hint only lets the record be fetched at the
// same time as the listing that proves it; a listing from the hint on is one short answer.
#ifndef STATEWARD_STORAGE_S3_STORAGE_H_
#define STATEWARD_STORAGE_S3_STORAGE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/head_hints.h"
#include "s3/s3_client.h"
#include "s3/s3_landmark.h"
#include "stateward/clock.h"
#include "stateward/storage.h"
#include "stateward/store_copy.h"

namespace stateward {

class S3Storage : public Storage, public StoreCopy {
 public:
  // `clock` must outlive it. lock_prefix: of a lock s3 in the same bucket, which a new store may
  // find; "" = none. Asks nobody yet.
  S3Storage(std::unique_ptr<S3Client> client, const Clock& clock, std::string lock_prefix);

  std::string_view Name() const override { return "s3"; }
  bool WritesMayArriveLate() const override { return true; }
  Result<StoreIdentity> ReadIdentity() override;
  uint32_t Format() override;
  Status WriteIdentity(const StoreIdentity& marker, const StoreIdentity* replaces) override;
  Result<uint64_t> Head(const StateId& id) override;
  uint64_t SeenHead(const StateId& id) override { return hints_.Get(id); }
  Result<Bytes> Get(const StateId& id, uint64_t n) override;
  Result<Newest> GetNewest(const StateId& id) override;
  Result<Newest> GetNewestFront(const StateId& id, size_t limit) override;
  Result<Bytes> GetPrefix(const StateId& id, uint64_t n, size_t limit) override;
  Result<AppendOutcome> Append(const StateId& id, uint64_t expected_head, ByteView sealed) override;
  Status Settle(const StateId& id, uint64_t n) override;
  Status Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                 ByteView sealed) override;
  Result<std::vector<uint64_t>> Versions(const StateId& id) override;
  Status ListAfter(const StateId& after, const std::function<bool(const StateId&)>& each) override;
  Result<EndPage> Ends(const std::string& prefix) override;
  bool FrontsAreRoundTrips() const override { return true; }
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
  Status Check() override;

 private:
  // The service honours conditions, and the marker was there a moment ago.
  Status Begin();
  Status BeginClosed();
  // For what was found to be absent: that is proved only by an identity file that is still there.
  Status Absent(Status not_found);
  std::string Key(const StateId& id, uint64_t n) const;
  // The numbers that exist from `from` on, ascending.
  Result<std::vector<uint64_t>> Numbers(const StateId& id, uint64_t from);
  // When each of them was written, in the service's words.
  Result<std::map<uint64_t, std::string>> Times(const StateId& id, uint64_t from);
  // The last of them, given the hint that `from` came from; 0 only when absence is proved.
  Result<uint64_t> Last(const StateId& id, const std::vector<uint64_t>& numbers, uint64_t hint,
                        int64_t start_us);
  Result<uint64_t> FindHead(const StateId& id);
  Result<Bytes> Read(const StateId& id, uint64_t n, size_t limit, bool front);
  Result<Newest> ReadNewest(const StateId& id, size_t limit, bool front);
  Status CheckNewPlace();
  Result<AppendOutcome> Appended(const StateId& id, uint64_t n, int64_t seen_us, int64_t put_us);
  Result<std::vector<KeptUpload>> Uploads(const std::string& prefix);
  std::string UploadKey(const KeptUpload& upload) const;
  Result<Bytes> UploadOf(Result<S3Object> object);

  const std::unique_ptr<S3Client> client_;
  const Clock& clock_;
  const std::string lock_prefix_;
  const std::string prefix_;
  HeadHints hints_;
  S3Landmark marker_;
  std::atomic<int64_t> wrote_us_{0};  // the last good try of Check() to write
};

}  // namespace stateward

#endif  // STATEWARD_STORAGE_S3_STORAGE_H_
