#include "state/state_service.h"

#include <utility>
#include <variant>

#include "base/hex.h"
#include "base/sha256.h"
#include "state/document_scanner.h"
#include "state/legacy.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

// 64 bytes each; more tenants only cost a look at the store again.
constexpr size_t kMaxKnownTenants = 4096;

StateAnswer Error(Status status) {
  StateAnswer answer;
  answer.status = std::move(status);
  return answer;
}

// kNotFound means "there is no state" to a client. Only a place that proved it may say so; from
// anywhere else it is an outage.
Status NeverAbsent(Status status) {
  if (status.code() != Code::kNotFound) return status;
  return Status::Unavailable(status.detail());
}

// Registers a tenant with the means of the legacy claims: a name of its own kind, never one that
// the original could have made, since that is the digest of another text.
std::string TenantTag(const std::string& tenant) {
  return HexEncode(Sha256("stateward tenant v1:" + tenant));
}

std::string ShortTag(const std::string& text) { return HexEncode(Sha256(text)).substr(0, 32); }

}  // namespace

StateService::StateService(Storage& storage, Locker& locker, Kms& kms, StoreGate& gate,
                           const Clock& clock, Observer& observer, const Log& log,
                           const StateRules& rules)
    : storage_(storage),
      locker_(locker),
      kms_(kms),
      gate_(gate),
      clock_(clock),
      observer_(observer),
      log_(log),
      rules_(rules),
      pruner_(storage, kms, clock, rules.history, log) {}

StateService::~StateService() = default;

Result<std::shared_ptr<const StoreMarker>> StateService::Open(const Grant& grant,
                                                              const StateId& id) {
  Result<std::shared_ptr<const StoreMarker>> store = gate_.Store();
  if (!store.ok()) return NeverAbsent(std::move(store).status());
  if (!rules_.new_tenants) STATEWARD_RETURN_IF_ERROR(CheckTenant(grant, id));
  return store;
}

Status StateService::CheckTenant(const Grant& grant, const StateId& id) {
  if (grant.key.tenant.empty()) return Status();
  {
    std::lock_guard<std::mutex> hold(tenants_mutex_);
    if (tenants_.count(grant.key.tenant) > 0) return Status();
  }
  Result<std::optional<StateId>> known = storage_.LegacyClaim(TenantTag(grant.key.tenant));
  if (!known.ok()) return NeverAbsent(std::move(known).status());
  if (known->has_value()) {
    std::lock_guard<std::mutex> hold(tenants_mutex_);
    if (tenants_.size() < kMaxKnownTenants) tenants_.insert(grant.key.tenant);
    return Status();
  }
  if (rules_.write.legacy_read) {
    Result<std::optional<LegacyState>> legacy = ReadLegacy(storage_, kms_, grant, id);
    if (!legacy.ok()) return NeverAbsent(std::move(legacy).status());
    if (legacy->has_value()) return Status();
  }
  return {Code::kUnauthenticated, "nothing is stored under this secret, and new ones are refused"};
}

Status StateService::RegisterTenant(const Grant& grant, const StateId& id) {
  if (grant.key.tenant.empty()) return Status();
  {
    std::lock_guard<std::mutex> hold(tenants_mutex_);
    if (tenants_.count(grant.key.tenant) > 0) return Status();
  }
  std::string tag = TenantTag(grant.key.tenant);
  Result<std::optional<StateId>> known = storage_.LegacyClaim(tag);
  if (!known.ok()) return NeverAbsent(std::move(known).status());
  if (!known->has_value()) {
    Result<StateId> claimed = storage_.ClaimLegacy(tag, id);
    if (!claimed.ok()) return NeverAbsent(std::move(claimed).status());
  }
  std::lock_guard<std::mutex> hold(tenants_mutex_);
  if (tenants_.size() < kMaxKnownTenants) tenants_.insert(grant.key.tenant);
  return Status();
}

StateAnswer StateService::Get(const Grant& grant) {
  StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreMarker>> store = Open(grant, id);
  if (!store.ok()) return Error(std::move(store).status());
  Result<SecretBytes> document = ReadNewest(grant, id, (*store)->store_id);
  if (!document.ok()) return Error(std::move(document).status());
  StateAnswer answer;
  answer.document = std::move(*document);
  return answer;
}

Result<SecretBytes> StateService::ReadNewest(const Grant& grant, const StateId& id,
                                             const std::string& store_id) {
  Result<Storage::Newest> newest = storage_.GetNewest(id);
  if (!newest.ok()) return NeverAbsent(std::move(newest).status());
  uint64_t n = newest->n;
  Bytes bytes = std::move(newest->bytes);
  for (int steps = 0; n > 0 && steps < kMaxBurntInARow; ++steps) {
    Result<Opened> opened = kms_.Open({store_id, id, n}, bytes);
    if (!opened.ok()) return NeverAbsent(std::move(opened).status());
    if (opened->info.version.kind == RecordKind::kState) return std::move(opened->document);
    if (opened->info.version.kind == RecordKind::kTombstone) return Status::NotFound("deleted");
    if (--n == 0) break;
    Result<Bytes> below = storage_.Get(id, n);
    if (!below.ok() && below.status().code() == Code::kNotFound) break;  // pruned
    if (!below.ok()) return std::move(below).status();
    bytes = std::move(*below);
  }
  if (rules_.write.legacy_read) {
    Result<std::optional<LegacyState>> legacy = ReadLegacy(storage_, kms_, grant, id);
    if (!legacy.ok()) return NeverAbsent(std::move(legacy).status());
    if (legacy->has_value()) return std::move((**legacy).document);
  }
  return Status::NotFound("no version");
}

StateAnswer StateService::Put(const Grant& grant, const std::string& lock_id,
                              const SecretBytes& body) {
  Result<DocumentInfo> scanned = ScanDocument(body);
  if (!scanned.ok()) return Error(std::move(scanned).status());
  WriteRequest request;
  request.grant = &grant;
  request.lock_id = lock_id;
  request.document = body;
  request.info.serial = scanned->serial;
  request.info.lineage = scanned->lineage;
  request.info.terraform_version = scanned->terraform_version;
  request.info.size = body.size();
  request.info.sha256 = Sha256(body);
  return Write(request);
}

StateAnswer StateService::Delete(const Grant& grant, const std::string& lock_id) {
  WriteRequest request;
  request.grant = &grant;
  request.lock_id = lock_id;
  request.kind = RecordKind::kTombstone;
  return Write(request);
}

StateAnswer StateService::Write(const WriteRequest& request) {
  StateId id = StateId::Of(request.grant->key);
  Result<std::shared_ptr<const StoreMarker>> store = Open(*request.grant, id);
  if (!store.ok()) return Error(std::move(store).status());
  const std::string& store_id = (*store)->store_id;
  GuardedWrite write(storage_, kms_, clock_, rules_.write, store_id);
  WriteOutcome outcome;
  StateAnswer answer;
  answer.lock_id = request.lock_id;
  answer.status = locker_.WithLock(LockKeyOf(*request.grant, id), [&](const LockView& view) {
    outcome = write.Run(request, view);
    if (view.holder && outcome.kind == WriteOutcome::Kind::kRefused) {
      answer.holder = RenderHolder(*view.holder, request.grant->key, clock_.NowMs());
    }
  });
  if (!answer.status.ok()) {
    answer.status = NeverAbsent(std::move(answer.status));
    return answer;
  }
  switch (outcome.kind) {
    case WriteOutcome::Kind::kDone:
      if (request.kind == RecordKind::kState) answer.status = RegisterTenant(*request.grant, id);
      if (outcome.n > rules_.history.keep) pruner_.Enqueue(store_id, id);
      return answer;
    case WriteOutcome::Kind::kFailed:
      if (outcome.may_arrive_late) {
        // Best effort: without it the base still refuses what would interleave.
        Status noted = locker_.BurnNext(id);
        if (!noted.ok()) log_.Warning("a late write is not provided for: " + noted.detail());
      }
      answer.status = NeverAbsent(std::move(outcome.status));
      return answer;
    case WriteOutcome::Kind::kRefused:
      answer.status = Status(Code::kConflict, outcome.reason);
      break;
  }
  if (request.kind == RecordKind::kState) {
    Status kept = Keep(request, id, store_id);
    if (!kept.ok()) {
      answer.holder.clear();
      answer.status =
          Status::Unavailable("refused (" + outcome.reason + "), and not kept: " + kept.detail());
    }
  }
  return answer;
}

Status StateService::Keep(const WriteRequest& request, const StateId& id,
                          const std::string& store_id) {
  SealedInfo info;
  info.key = request.grant->key;
  info.version = request.info;
  info.version.writer = request.grant->principal;
  info.version.lock_id = request.lock_id;
  info.version.time_ms = clock_.NowMs();
  Result<Bytes> sealed = kms_.Seal({store_id, id, 0}, info, request.document);
  if (!sealed.ok()) return std::move(sealed).status();
  QuarantineEntry entry;
  entry.principal_tag = ShortTag("principal:" + request.grant->principal);
  entry.content_tag = ShortTag("content:" + store_id + id.hex() + HexEncode(request.info.sha256));
  entry.id = id;
  entry.time_ms = info.version.time_ms;
  entry.size = sealed->size();
  STATEWARD_RETURN_IF_ERROR(storage_.Quarantine(entry, *sealed));
  observer_.OnQuarantined();
  return Status();
}

StateAnswer StateService::Lock(const Grant& grant, const SecretBytes& body) {
  StateAnswer answer;
  Result<ParsedLockInfo> info = ParseLockInfo(body);
  if (!info.ok()) return Error(std::move(info).status());
  if (info->id.empty()) return Error(Status::InvalidArgument("lock info: no ID"));
  answer.lock_id = info->id;
  StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreMarker>> store = Open(grant, id);
  if (!store.ok()) {
    answer.status = std::move(store).status();
    return answer;
  }
  LockRecord want;
  want.id = info->id;
  want.info = std::string(ByteView(body).AsString());
  want.principal = grant.principal;
  want.operation = info->operation.substr(0, 128);
  want.token_sha256 = grant.token_sha256;
  BaseFn base = [&](bool burn) { return BaseOfLock(grant, id, (*store)->store_id, want.id, burn); };
  Result<AcquireOutcome> outcome = locker_.Acquire(LockKeyOf(grant, id), want, base);
  if (!outcome.ok()) {
    answer.status = NeverAbsent(std::move(outcome).status());
    return answer;
  }
  if (const auto* held = std::get_if<HeldBy>(&*outcome)) {
    answer.locked = true;
    answer.holder = RenderHolder(held->holder, grant.key, clock_.NowMs());
  } else if (std::holds_alternative<WasReleased>(*outcome)) {
    answer.status = Status(Code::kGone, "this lock ID was released already");
  }
  return answer;
}

LockKey StateService::LockKeyOf(const Grant& grant, const StateId& id) const {
  if (!rules_.write.legacy_read) return id;
  return {id, grant.legacy_ids};
}

Result<uint64_t> StateService::BaseOfLock(const Grant& grant, const StateId& id,
                                          const std::string& store_id, const std::string& lock_id,
                                          bool burn) {
  // Under a lock that holds still no write is between its look and its append, and what such an
  // append did it has done.
  if (!burn || (locker_.HoldsStill() && !storage_.WritesMayArriveLate())) return storage_.Head(id);
  VersionInfo info;
  info.writer = grant.principal;
  info.operation = "lock";
  info.lock_id = lock_id;
  info.time_ms = clock_.NowMs();
  Result<uint64_t> base = BurnNumber(storage_, kms_, store_id, grant.key, id, std::move(info));
  if (base.ok()) {
    log_.Warning("state " + id.hex() + ": number " + std::to_string(*base) +
                 " was taken away before a lock was granted; an earlier holder was released by "
                 "force, a write of unknown outcome may still arrive, or the lock service may have "
                 "forgotten a lock");
  }
  return base;
}

StateAnswer StateService::Unlock(const Grant& grant, const SecretBytes& body,
                                 const std::string& query_id) {
  std::string lock_id = query_id;
  if (!body.empty()) {
    Result<ParsedLockInfo> info = ParseLockInfo(body);
    if (!info.ok()) return Error(std::move(info).status());
    if (info->id.empty() || (!query_id.empty() && query_id != info->id)) {
      return Error(Status::InvalidArgument("lock info: no ID, or another than the query's"));
    }
    lock_id = info->id;
  }
  StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreMarker>> store = Open(grant, id);
  if (!store.ok()) return Error(std::move(store).status());
  if (lock_id.empty() && !rules_.force_unlock_enabled) {
    return Error(Status(Code::kPermissionDenied, "forced unlock is switched off"));
  }
  // An empty ID is a forced release. A write of the old holder may still be on its way then: the
  // locker remembers it, and the next LOCK burns a number before it is granted.
  StateAnswer answer =
      AfterRelease(grant, locker_.Release(LockKeyOf(grant, id), {lock_id, grant.principal, false}));
  if (!lock_id.empty()) answer.lock_id = lock_id;
  return answer;
}

StateAnswer StateService::AfterRelease(const Grant& grant, Result<ReleaseOutcome> outcome) {
  StateAnswer answer;
  if (!outcome.ok()) {
    answer.status = NeverAbsent(std::move(outcome).status());
  } else if (const auto* held = std::get_if<HeldBy>(&*outcome)) {
    answer.status = Status(Code::kConflict, "another lock is held");
    answer.holder = RenderHolder(held->holder, grant.key, clock_.NowMs());
  } else if (const auto* released = std::get_if<Released>(&*outcome)) {
    answer.lock_id = released->record.id;
  }
  return answer;
}

}  // namespace stateward
