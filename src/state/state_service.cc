#include "state/state_service.h"

#include <utility>
#include <variant>

#include "base/hex.h"
#include "base/sha256.h"
#include "base/state_name.h"
#include "document/document_scanner.h"
#include "document/outputs.h"
#include "history/forwarding.h"
#include "state/lock_info.h"
#include "state/lock_rights.h"
#include "state/never_absent.h"
#include "state/plan_info.h"

namespace stateward {
namespace {

// REQUIRES: it was scanned.
WriteRequest RequestOf(const Grant& grant, const std::string& lock_id,
                       const SentDocument& document) {
  WriteRequest request;
  request.grant = &grant;
  request.lock_id = lock_id;
  request.document = document.bytes;
  request.info.serial = document.scanned->serial;
  request.info.lineage = document.scanned->lineage;
  request.info.terraform_version = document.scanned->terraform_version;
  request.info.size = document.bytes.size();
  request.info.sha256 = document.sha256;
  return request;
}

// Of a name that is another's: to look at it is refused as well.
constexpr char kAskForHeldName[] =
    "ask the administrator; nothing that exists has to be created again";

LockRecord WantedLock(const Grant& grant, const ParsedLockInfo& info, ByteView body) {
  LockRecord want;
  want.id = info.id;
  want.info = NoteTokenEnd(body, grant.token_ends_s);
  want.principal = grant.principal;
  want.operation = info.operation.substr(0, 128);
  want.token_sha256 = grant.token_sha256;
  want.plan_only = !grant.rights.Has(Right::kWrite);
  return want;
}

}  // namespace

StateService::StateService(Storage& storage, Locker& locker, Kms& kms, StoreGate& gate,
                           const Clock& clock, Observer& observer, const Log& log,
                           const StateRules& rules, SecretGuard* secrets, Untouched* untouched)
    : storage_(storage),
      locker_(locker),
      kms_(kms),
      gate_(gate),
      clock_(clock),
      observer_(observer),
      log_(log),
      rules_(rules),
      keeper_(storage, clock, rules.uploads),
      tenants_(storage, kms, log, {rules.new_tenants, rules.write.legacy_read}, secrets),
      held_(tenants_, storage, kms, untouched, rules.write.legacy_read) {}

StateService::~StateService() = default;

Result<std::shared_ptr<const StoreIdentity>> StateService::Open(const Grant& grant,
                                                                const StateId& id) {
  Result<std::shared_ptr<const StoreIdentity>> store = gate_.Store();
  if (!store.ok()) return NeverAbsent(std::move(store).status());
  STATEWARD_RETURN_IF_ERROR(tenants_.Check(grant, id));
  return store;
}

Status StateService::Admit(const Grant& grant) {
  Result<std::shared_ptr<const StoreIdentity>> store = Open(grant, StateId::Of(grant.key));
  return store.ok() ? Status() : std::move(store).status();
}

Status StateService::CheckGrace(const Grant& grant, Verb verb) {
  StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreIdentity>> store = Open(grant, id);
  if (!store.ok()) return std::move(store).status();
  return NeverAbsent(
      stateward::CheckGrace(locker_, LockKeyOf(grant, rules_.write.legacy_read), grant, verb));
}

StateAnswer StateService::Get(const Grant& grant) {
  StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreIdentity>> store = Open(grant, id);
  if (!store.ok()) return ErrorAnswer(std::move(store).status());
  bool deleted = false;
  std::string moved_to;
  StateAnswer answer;
  Result<SecretBytes> document =
      ReadNewest(grant, id, (*store)->store_id, &deleted, &moved_to, &answer);
  if (!moved_to.empty()) {
    return RefusalAnswer(ForwardedRefusal(grant.key, moved_to), moved_to);
  }
  if (!document.ok() && document.status().code() == Code::kConflict) {
    return RefusalAnswer(WhyNotOfThisName(storage_, grant), "");
  }
  if (!document.ok()) {
    return Absent(grant.key, (*store)->store_id, deleted, std::move(document).status());
  }
  answer.document = std::move(*document);
  return answer;
}

// What `take` makes of the newest document; its flag: the sensitive outputs, too.
StateAnswer StateService::FromNewest(
    const Grant& grant, const std::function<Result<SecretBytes>(ByteView, bool)>& take) {
  StateAnswer answer = Get(grant);
  if (!answer.status.ok()) return answer;
  // Who may read the whole state has them all.
  const bool sensitive = grant.sensitive_outputs || grant.rights.Has(Right::kRead);
  Result<SecretBytes> taken = take(answer.document, sensitive);
  answer.document.clear();
  if (!taken.ok()) {
    answer.status = std::move(taken).status();
    answer.hint = answer.status.detail();
    return MayLag(std::move(answer));
  }
  answer.document = std::move(*taken);
  return answer;
}

StateAnswer StateService::Outputs(const Grant& grant, const std::optional<std::string>& name) {
  return FromNewest(grant, [&name](ByteView document, bool sensitive) {
    return ExtractOutputs(document, name, sensitive);
  });
}

StateAnswer StateService::OutputsState(const Grant& grant) {
  StateAnswer answer = FromNewest(grant, OutputsDocument);
  if (!answer.status.ok()) return answer;
  answer.tag = HexEncode(Sha256(WithoutSerial(answer.document))).substr(0, 32);
  return answer;
}

StateAnswer StateService::Absent(const StateKey& key, const std::string& store_id, bool deleted,
                                 Status status) {
  if (status.code() != Code::kNotFound) return ErrorAnswer(std::move(status));
  StateAnswer answer = ErrorAnswer(std::move(status));
  if (rules_.read_only) return MayLag(std::move(answer));
  if (!deleted) (void)IsHeld(held_.OfAbsent(key, store_id), &answer);
  return answer;
}

// True: *answer says why nothing is read or written under this name.
bool StateService::IsHeld(const HeldName& held, StateAnswer* answer) const {
  if (!held.status.ok()) {
    answer->status = held.status;
    answer->hint = held.hint;
    return true;
  }
  if (held.why.empty()) return false;
  answer->status = Status(Code::kConflict, held.why);
  answer->hint = held.why;
  answer->action = kAskForHeldName;
  return true;
}

Result<SecretBytes> StateService::ReadNewest(const Grant& grant, const StateId& id,
                                             const std::string& store_id, bool* deleted,
                                             std::string* moved_to, StateAnswer* answer) {
  Result<std::optional<Opened>> newest = History(storage_, kms_, store_id).OpenNewest(id);
  if (!newest.ok()) return NeverAbsent(std::move(newest).status());
  if (newest->has_value()) {
    *deleted = (*newest)->info.version.kind == RecordKind::kTombstone;
    if (*deleted) return Status::NotFound("deleted");
    *moved_to = (*newest)->info.version.moved_to;
    answer->audit.before = answer->audit.after = {(*newest)->n, (*newest)->info.version.serial};
    return std::move((*newest)->document);
  }
  if (rules_.write.legacy_read) {
    Result<std::optional<LegacyState>> legacy = tenants_.OpenLegacy(grant, id);
    if (!legacy.ok()) return std::move(legacy).status();
    if (legacy->has_value()) return std::move((**legacy).document);
  }
  return Status::NotFound("no version");
}

Result<std::string> StateService::KeepAlone(const Grant& grant, const std::string& lock_id,
                                            const SentDocument& document) {
  if (!document.scanned.ok()) return document.scanned.status();
  if (rules_.read_only) return Status::Unavailable("this server is read-only");
  Result<std::shared_ptr<const StoreIdentity>> store = gate_.Store();
  if (!store.ok()) return std::move(store).status();
  return Keep(RequestOf(grant, lock_id, document), (*store)->store_id);
}

StateAnswer StateService::Put(const Grant& grant, const std::string& lock_id,
                              const SentDocument& document, const std::string& note, LockFor whom) {
  const Result<DocumentInfo>& scanned = document.scanned;
  if (!scanned.ok()) return ErrorAnswer(scanned.status());
  WriteRequest request = RequestOf(grant, lock_id, document);
  request.claim_name = [&](Storage& storage) {
    return tenants_.BeforeWrite(storage, grant, StateId::Of(grant.key));
  };
  request.info.note = note;
  request.by_client = whom == LockFor::kClient;
  StateAnswer answer = Write(request);
  answer.audit.resources = scanned->resources;
  return answer;
}

Status StateService::CheckName(const Grant& grant) {
  const StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreIdentity>> store = Open(grant, id);
  if (!store.ok()) return std::move(store).status();
  StateAnswer held;
  if (rules_.hold_names && IsHeld(held_.BeforeWrite(grant, id, (*store)->store_id), &held)) {
    return {held.status.code(), held.hint};
  }
  return Status();
}

Status StateService::ClaimName(const Grant& grant) {
  STATEWARD_RETURN_IF_ERROR(CheckName(grant));
  return NeverAbsent(tenants_.BeforeWrite(storage_, grant, StateId::Of(grant.key)));
}

StateAnswer StateService::Delete(const Grant& grant, const std::string& lock_id,
                                 const std::string& note, LockFor whom) {
  WriteRequest request;
  request.by_client = whom == LockFor::kClient;
  request.grant = &grant;
  request.lock_id = lock_id;
  request.kind = RecordKind::kTombstone;
  request.info.note = note;
  return Write(request);
}

StateAnswer StateService::GiveToIdentified(const Grant& grant, const std::string& lock_id) {
  WriteRequest request;
  request.grant = &grant;
  request.lock_id = lock_id;
  request.kind = RecordKind::kMoved;
  request.info.moved_to = StateText(grant.key);
  return Write(request);
}

StateAnswer StateService::Lock(const Grant& grant, ByteView body, LockFor whom) {
  StateAnswer answer;
  Result<ParsedLockInfo> info = ParseLockInfo(body);
  if (!info.ok()) return ErrorAnswer(std::move(info).status());
  if (info->id.empty()) return ErrorAnswer(Status::InvalidArgument("lock info: no ID"));
  if (NamesTokenEnd(body)) {
    return ErrorAnswer(Status::InvalidArgument("lock info: stateward_token_exp is the server's"));
  }
  // Who knows a state's history can compute an operation's ID, and would be taken for its run.
  if (whom == LockFor::kClient && IsOperationLockId(info->id)) {
    return ErrorAnswer(Status::InvalidArgument("lock info: an ID that begins with \"" +
                                               std::string(kOperationLockStart) +
                                               "\" is one of the server's own operations"));
  }
  answer.lock_id = info->id;
  if (rules_.read_only) {
    answer.locked = true;
    answer.holder = RenderNotice(Standby(), grant.key, clock_.NowMs());
    return answer;
  }
  StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreIdentity>> store = Open(grant, id);
  if (!store.ok()) {
    answer.status = std::move(store).status();
    return answer;
  }
  if (rules_.hold_names && IsHeld(held_.BeforeLock(grant, id, (*store)->store_id), &answer)) {
    // A client that finds a lock shows who holds it and why, and takes nothing for absent.
    answer.locked = answer.status.code() == Code::kConflict;
    if (answer.locked) answer.holder = RenderNotice(answer.hint, grant.key, clock_.NowMs());
    return answer;
  }
  LockRecord want = WantedLock(grant, *info, body);
  AskForPlan(grant.plan_locks.value_or(rules_.plan_locks), &want);
  std::string moved_to;
  BaseFn base = [&](const BaseAsk& ask) {
    return BaseOfLock(grant, id, (*store)->store_id, want.id, ask, &moved_to);
  };
  Gate shut;
  Result<AcquireOutcome> outcome = Acquire(grant, want, base, &shut);
  if (!moved_to.empty()) {
    answer = RefusalAnswer(ForwardedRefusal(grant.key, moved_to), moved_to);
    // Clients show the ID of what they take for a lock, and no other text.
    answer.holder = RenderNotice(answer.hint, grant.key, clock_.NowMs());
    answer.lock_id = info->id;
    return answer;
  }
  if (!outcome.ok()) {
    answer.status = NeverAbsent(std::move(outcome).status());
    return answer;
  }
  if (const auto* held = std::get_if<HeldBy>(&*outcome)) {
    answer.locked = true;
    const bool plans = !held->plans.empty() || held->plans_from_ms != 0;
    const bool may_force = rules_.force_unlock_enabled && MayForce(grant, held->holder);
    const Freeing freeing = may_force ? Freeing::kByForce : Freeing::kAskOthers;
    answer.holder = plans ? RenderPlans(*held, grant.key, clock_.NowMs(), freeing)
                          : RenderHolder(held->holder, grant.key, clock_.NowMs(), freeing);
  } else if (const auto* kept = std::get_if<Shut>(&*outcome)) {
    answer.locked = true;
    answer.holder = RenderGate(shut, kept->holder, grant.key, clock_.NowMs());
  } else if (std::holds_alternative<WasReleased>(*outcome)) {
    answer = RefusalAnswer(Refusal::kReleasedLock);
    answer.lock_id = info->id;
  } else if (const auto* granted = std::get_if<Granted>(&*outcome)) {
    answer.repeated = granted->repeated;
  }
  return answer;
}

}  // namespace stateward
