#include "metrics/metered.h"

#include <utility>

namespace stateward {
namespace {

// "There is none" is an answer, not a failure of the backend.
bool IsFine(const Status& status) {
  return status.ok() || status.code() == Code::kNotFound || status.code() == Code::kConflict;
}
template <typename T>
bool IsFine(const Result<T>& result) {
  return result.ok() || IsFine(result.status());
}

class Meter {
 public:
  Meter(BackendKind kind, Observer& observer, const Clock& clock)
      : kind_(kind), observer_(observer), clock_(clock) {}
  template <typename Call>
  auto operator()(std::string_view name, Call call) const {
    int64_t start = clock_.SteadyUs();
    auto result = call();
    observer_.OnBackendCall(kind_, name, IsFine(result), clock_.SteadyUs() - start);
    return result;
  }

 private:
  const BackendKind kind_;
  Observer& observer_;
  const Clock& clock_;
};

class MeteredStorage : public Storage {
 public:
  MeteredStorage(std::unique_ptr<Storage> inner, Observer& observer, const Clock& clock)
      : s_(std::move(inner)),
        observer_(observer),
        clock_(clock),
        meter_(BackendKind::kStorage, observer, clock) {}

  std::string_view Name() const override { return s_->Name(); }
  bool WritesMayArriveLate() const override { return s_->WritesMayArriveLate(); }
  std::unique_ptr<Storage> Within(Transaction& transaction) override {
    std::unique_ptr<Storage> within = s_->Within(transaction);
    if (within == nullptr) return within;
    return std::make_unique<MeteredStorage>(std::move(within), observer_, clock_);
  }
  Result<StoreIdentity> ReadIdentity() override { return s_->ReadIdentity(); }
  void Expect(const StoreIdentity& marker) override { s_->Expect(marker); }
  uint32_t Format() override { return s_->Format(); }
  Status WriteIdentity(const StoreIdentity& marker, const StoreIdentity* replaces) override {
    return s_->WriteIdentity(marker, replaces);
  }
  Result<uint64_t> Head(const StateId& id) override {
    return meter_("head", [&] { return s_->Head(id); });
  }
  uint64_t SeenHead(const StateId& id) override { return s_->SeenHead(id); }
  Result<Bytes> Get(const StateId& id, uint64_t n) override {
    return meter_("get", [&] { return s_->Get(id, n); });
  }
  Result<Newest> GetNewest(const StateId& id) override {
    return meter_("get_newest", [&] { return s_->GetNewest(id); });
  }
  Result<Newest> GetNewestChecked(const StateId& id, const FrontCheck& check) override {
    return meter_("get_newest", [&] { return s_->GetNewestChecked(id, check); });
  }
  Result<Bytes> GetChecked(const StateId& id, uint64_t n, const FrontCheck& check) override {
    return meter_("get", [&] { return s_->GetChecked(id, n, check); });
  }
  Result<Newest> GetNewestFront(const StateId& id, size_t limit) override {
    return meter_("get_newest_front", [&] { return s_->GetNewestFront(id, limit); });
  }
  Result<std::vector<Front>> Fronts(const std::vector<End>& ends, size_t limit) override {
    return meter_("fronts", [&] { return s_->Fronts(ends, limit); });
  }
  Result<EndPage> Ends(const std::string& prefix) override {
    return meter_("ends", [&] { return s_->Ends(prefix); });
  }
  bool FrontsAreRoundTrips() const override { return s_->FrontsAreRoundTrips(); }
  Result<Bytes> ReadCache(const std::string& name) override {
    return meter_("read_cache", [&] { return s_->ReadCache(name); });
  }
  Status WriteCache(const std::string& name, ByteView sealed) override {
    return meter_("write_cache", [&] { return s_->WriteCache(name, sealed); });
  }
  Result<std::vector<std::string>> Leftovers() override { return s_->Leftovers(); }
  Result<std::vector<Stranger>> Strangers() override { return s_->Strangers(); }
  Status RemoveLeftover(const std::string& name) override { return s_->RemoveLeftover(name); }
  Result<std::vector<std::string>> CacheNames() override { return s_->CacheNames(); }
  Status RemoveCache(const std::string& name) override { return s_->RemoveCache(name); }
  Result<std::optional<uint64_t>> StoredBytes(const StateId& id) override {
    return meter_("stored_bytes", [&] { return s_->StoredBytes(id); });
  }
  Result<Bytes> GetPrefix(const StateId& id, uint64_t n, size_t limit) override {
    return meter_("get_prefix", [&] { return s_->GetPrefix(id, n, limit); });
  }
  Result<AppendOutcome> Append(const StateId& id, uint64_t expected_head,
                               ByteView sealed) override {
    return meter_("append", [&] { return s_->Append(id, expected_head, sealed); });
  }
  Status Settle(const StateId& id, uint64_t n) override {
    return meter_("settle", [&] { return s_->Settle(id, n); });
  }
  Status Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                 ByteView sealed) override {
    return meter_("replace", [&] { return s_->Replace(id, n, expected, sealed); });
  }
  Result<std::vector<uint64_t>> Versions(const StateId& id) override {
    return meter_("versions", [&] { return s_->Versions(id); });
  }
  Status ListAfter(const StateId& after, const std::function<bool(const StateId&)>& each) override {
    return s_->ListAfter(after, each);
  }
  Result<uint64_t> Count() override { return s_->Count(); }
  Status Prune(const StateId& id, uint64_t n) override {
    return meter_("prune", [&] { return s_->Prune(id, n); });
  }
  Status PutUpload(const KeptUpload& entry, ByteView sealed) override {
    return meter_("put_upload", [&] { return s_->PutUpload(entry, sealed); });
  }
  Status SettleUpload(const KeptUpload& upload) override {
    return meter_("settle_upload", [&] { return s_->SettleUpload(upload); });
  }
  Result<std::vector<KeptUpload>> ListUploads() override {
    return meter_("list_uploads", [&] { return s_->ListUploads(); });
  }
  Result<std::vector<KeptUpload>> ListUploadsOf(const std::string& principal_tag) override {
    return meter_("list_uploads_of", [&] { return s_->ListUploadsOf(principal_tag); });
  }
  Result<Bytes> GetUpload(const KeptUpload& upload) override { return s_->GetUpload(upload); }
  Result<Bytes> GetUploadPrefix(const KeptUpload& upload, size_t limit) override {
    return s_->GetUploadPrefix(upload, limit);
  }
  Status Publish(const std::string& server_id, ByteView text) override {
    return s_->Publish(server_id, text);
  }
  Result<std::vector<ServerNotice>> Published() override { return s_->Published(); }
  Status Withdraw(const std::string& server_id) override { return s_->Withdraw(server_id); }
  Result<Bytes> ReadLease(const std::string& name) override { return s_->ReadLease(name); }
  Result<bool> ExchangeLease(const std::string& name, ByteView expected, ByteView next) override {
    return s_->ExchangeLease(name, expected, next);
  }
  Status ReplaceUpload(const KeptUpload& entry, ByteView sealed) override {
    return s_->ReplaceUpload(entry, sealed);
  }
  Status RemoveUpload(const KeptUpload& entry) override { return s_->RemoveUpload(entry); }
  Result<Bytes> GetLegacy(const std::string& legacy_id) override {
    return meter_("get_legacy", [&] { return s_->GetLegacy(legacy_id); });
  }
  Status ListLegacy(const std::function<bool(const LegacyBlob&)>& each) override {
    return s_->ListLegacy(each);
  }
  Result<std::optional<StateId>> LegacyClaim(const std::string& legacy_id) override {
    return meter_("legacy_claim", [&] { return s_->LegacyClaim(legacy_id); });
  }
  Result<StateId> ClaimLegacy(const std::string& legacy_id, const StateId& id) override {
    return meter_("claim_legacy", [&] { return s_->ClaimLegacy(legacy_id, id); });
  }
  Status Check() override { return s_->Check(); }
  std::string Warning() override { return s_->Warning(); }

 private:
  std::unique_ptr<Storage> s_;
  Observer& observer_;
  const Clock& clock_;
  Meter meter_;
};

class MeteredLocker : public Locker {
 public:
  MeteredLocker(std::unique_ptr<Locker> inner, Observer& observer, const Clock& clock)
      : l_(std::move(inner)), meter_(BackendKind::kLock, observer, clock) {}

  std::string_view Name() const override { return l_->Name(); }
  Result<std::string> ServiceId() override { return l_->ServiceId(); }
  void Expect(const std::string& service_id) override { l_->Expect(service_id); }
  Result<std::string> InitService(bool forgotten) override { return l_->InitService(forgotten); }
  Result<AcquireOutcome> Acquire(const LockKey& key, const LockRecord& want,
                                 const LockTerms& terms) override {
    return meter_("acquire", [&] { return l_->Acquire(key, want, terms); });
  }
  Result<ReleaseOutcome> Release(const LockKey& key, const ReleaseRequest& request) override {
    return meter_("release", [&] { return l_->Release(key, request); });
  }
  Result<LockView> Look(const LockKey& key) override {
    return meter_("look", [&] { return l_->Look(key); });
  }
  Status BurnNext(const LockKey& key) override {
    return meter_("burn_next", [&] { return l_->BurnNext(key); });
  }
  Result<bool> TokenReleased(const StateId& id, const std::string& token_sha256) override {
    return meter_("token_released", [&] { return l_->TokenReleased(id, token_sha256); });
  }
  // With the time of `write`: that is how long others wait for this state.
  Status WithLock(const LockKey& key, const WriteFn& write) override {
    return meter_("with_lock", [&] { return l_->WithLock(key, write); });
  }
  bool HoldsStill() const override { return l_->HoldsStill(); }
  Status EachHeldAfter(const StateId& after, const EachHeldFn& each) override {
    return l_->EachHeldAfter(after, each);
  }
  Status EachKnown(const std::function<bool(const StateId&)>& each) override {
    return l_->EachKnown(each);
  }
  Result<HeldCount> CountHeld() override { return l_->CountHeld(); }
  Result<uint64_t> CountLegacy() override { return l_->CountLegacy(); }
  Result<std::vector<LockDamage>> Damage(const StateId& id) override { return l_->Damage(id); }
  Status RepairDamage(const StateId& id) override { return l_->RepairDamage(id); }
  Status Check() override { return l_->Check(); }
  std::string Warning() override { return l_->Warning(); }
  Result<GateSet> ReadGates() override {
    return meter_("read_gates", [&] { return l_->ReadGates(); });
  }
  Result<bool> ExchangeGates(const std::string& expected, const std::vector<Gate>& next) override {
    return l_->ExchangeGates(expected, next);
  }

 private:
  std::unique_ptr<Locker> l_;
  Meter meter_;
};

class MeteredKms : public Kms {
 public:
  MeteredKms(std::unique_ptr<Kms> inner, Observer& observer, const Clock& clock)
      : k_(std::move(inner)), observer_(observer), meter_(BackendKind::kKms, observer, clock) {}

  std::string_view Name() const override { return k_->Name(); }
  Result<Bytes> Seal(const SealContext& where, const SealedInfo& info, ByteView document) override {
    if (info.version.kind == RecordKind::kNoOp) observer_.OnNoOpRecord();
    return meter_("seal", [&] { return k_->Seal(where, info, document); });
  }
  Result<Opened> Open(const SealContext& where, ByteView record) override {
    return meter_("open", [&] { return k_->Open(where, record); });
  }
  Result<SealedInfo> OpenInfo(const SealContext& where, ByteView prefix) override {
    return meter_("open_info", [&] { return k_->OpenInfo(where, prefix); });
  }
  Result<SecretBytes> OpenLegacy(ByteView blob) override {
    return meter_("open_legacy", [&] { return k_->OpenLegacy(blob); });
  }
  Status Check() override { return k_->Check(); }
  std::string Warning() override { return k_->Warning(); }
  Result<std::vector<std::string>> KeyIds() override { return k_->KeyIds(); }
  int64_t CredentialEndsMs() override { return k_->CredentialEndsMs(); }

 private:
  std::unique_ptr<Kms> k_;
  Observer& observer_;
  Meter meter_;
};

}  // namespace

std::unique_ptr<Storage> MeterStorage(std::unique_ptr<Storage> inner, Observer& observer,
                                      const Clock& clock) {
  return std::make_unique<MeteredStorage>(std::move(inner), observer, clock);
}

std::unique_ptr<Locker> MeterLocker(std::unique_ptr<Locker> inner, Observer& observer,
                                    const Clock& clock) {
  return std::make_unique<MeteredLocker>(std::move(inner), observer, clock);
}

std::unique_ptr<Kms> MeterKms(std::unique_ptr<Kms> inner, Observer& observer, const Clock& clock) {
  return std::make_unique<MeteredKms>(std::move(inner), observer, clock);
}

}  // namespace stateward
