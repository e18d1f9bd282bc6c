#include "storage/read_only_storage.h"

#include <utility>

namespace stateward {
namespace {

Status Refuse() { return Status::Unavailable("this server is a read-only standby (READ_ONLY)"); }

class ReadOnlyStorage : public Storage {
 public:
  explicit ReadOnlyStorage(std::unique_ptr<Storage> inner) : s_(std::move(inner)) {}

  std::string_view Name() const override { return s_->Name(); }
  bool WritesMayArriveLate() const override { return s_->WritesMayArriveLate(); }

  uint32_t Format() override { return s_->Format(); }
  Result<StoreIdentity> ReadIdentity() override { return s_->ReadIdentity(); }
  void Expect(const StoreIdentity& identity) override { s_->Expect(identity); }
  Result<uint64_t> Head(const StateId& id) override { return s_->Head(id); }
  uint64_t SeenHead(const StateId& id) override { return s_->SeenHead(id); }
  Result<Bytes> Get(const StateId& id, uint64_t n) override { return s_->Get(id, n); }
  Result<Newest> GetNewest(const StateId& id) override { return s_->GetNewest(id); }
  Result<Newest> GetNewestChecked(const StateId& id, const FrontCheck& check) override {
    return s_->GetNewestChecked(id, check);
  }
  Result<Bytes> GetChecked(const StateId& id, uint64_t n, const FrontCheck& check) override {
    return s_->GetChecked(id, n, check);
  }
  Result<Newest> GetNewestFront(const StateId& id, size_t limit) override {
    return s_->GetNewestFront(id, limit);
  }
  Result<Bytes> GetPrefix(const StateId& id, uint64_t n, size_t limit) override {
    return s_->GetPrefix(id, n, limit);
  }
  Result<EndPage> Ends(const std::string& prefix) override { return s_->Ends(prefix); }
  bool FrontsAreRoundTrips() const override { return s_->FrontsAreRoundTrips(); }
  Result<std::vector<Front>> Fronts(const std::vector<End>& ends, size_t limit) override {
    return s_->Fronts(ends, limit);
  }
  Result<std::optional<uint64_t>> StoredBytes(const StateId& id) override {
    return s_->StoredBytes(id);
  }
  Result<std::vector<uint64_t>> Versions(const StateId& id) override { return s_->Versions(id); }
  Status ListAfter(const StateId& after, const std::function<bool(const StateId&)>& each) override {
    return s_->ListAfter(after, each);
  }
  Result<uint64_t> Count() override { return s_->Count(); }
  Result<std::vector<KeptUpload>> ListUploads() override { return s_->ListUploads(); }
  Result<std::vector<KeptUpload>> ListUploadsOf(const std::string& principal_tag) override {
    return s_->ListUploadsOf(principal_tag);
  }
  Result<Bytes> GetUpload(const KeptUpload& upload) override { return s_->GetUpload(upload); }
  Result<Bytes> GetUploadPrefix(const KeptUpload& upload, size_t limit) override {
    return s_->GetUploadPrefix(upload, limit);
  }
  Result<std::vector<Stranger>> Strangers() override { return s_->Strangers(); }
  Result<std::vector<ServerNotice>> Published() override { return s_->Published(); }
  Result<Bytes> ReadLease(const std::string& name) override { return s_->ReadLease(name); }
  Result<Bytes> ReadCache(const std::string& name) override { return s_->ReadCache(name); }
  Result<std::vector<std::string>> CacheNames() override { return s_->CacheNames(); }
  Result<Bytes> GetLegacy(const std::string& legacy_id) override {
    return s_->GetLegacy(legacy_id);
  }
  Status ListLegacy(const std::function<bool(const LegacyBlob&)>& each) override {
    return s_->ListLegacy(each);
  }
  Result<std::optional<StateId>> LegacyClaim(const std::string& legacy_id) override {
    return s_->LegacyClaim(legacy_id);
  }
  // That it can be read is what ReadIdentity shows; the storage's own check would try a write.
  Status Check() override {
    Result<StoreIdentity> identity = s_->ReadIdentity();
    return identity.ok() ? Status() : Status::Unavailable(identity.status().detail());
  }

  Status WriteIdentity(const StoreIdentity&, const StoreIdentity*) override { return Refuse(); }
  Result<AppendOutcome> Append(const StateId&, uint64_t, ByteView) override { return Refuse(); }
  Status Settle(const StateId&, uint64_t) override { return Refuse(); }
  Status Replace(const StateId&, uint64_t, const Sha256Digest&, ByteView) override {
    return Refuse();
  }
  Status Prune(const StateId&, uint64_t) override { return Refuse(); }
  Status PutUpload(const KeptUpload&, ByteView) override { return Refuse(); }
  Status SettleUpload(const KeptUpload&) override { return Refuse(); }
  Status ReplaceUpload(const KeptUpload&, ByteView) override { return Refuse(); }
  Status RemoveUpload(const KeptUpload&) override { return Refuse(); }
  Status Publish(const std::string&, ByteView) override { return Refuse(); }
  Status Withdraw(const std::string&) override { return Refuse(); }
  Result<bool> ExchangeLease(const std::string&, ByteView, ByteView) override { return Refuse(); }
  Status WriteCache(const std::string&, ByteView) override { return Refuse(); }
  Status RemoveCache(const std::string&) override { return Refuse(); }
  Result<StateId> ClaimLegacy(const std::string&, const StateId&) override { return Refuse(); }

 private:
  const std::unique_ptr<Storage> s_;
};

}  // namespace

std::unique_ptr<Storage> ReadOnly(std::unique_ptr<Storage> inner) {
  return std::make_unique<ReadOnlyStorage>(std::move(inner));
}

}  // namespace stateward
