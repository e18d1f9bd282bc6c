#include "lock/redis_lock.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/random.h"
#include "base/sha256.h"
#include "lock/gate_text.h"
#include "lock/legacy_lock.h"
#include "lock/lock_book.h"
#include "lock/plan_lock.h"
#include "lock/redis_plan.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

// A step starts again when the service entered another epoch, or the lock changed hands, under it:
// each time somebody else has got on.
constexpr int kTries = 8;
// /ready is asked every few seconds; a write goes into the server's log of commands.
constexpr int64_t kTryWriteUs = 30LL * 1000 * 1000;

Status NoAnswer() { return Status::Unavailable("redis: that is no answer of Stateward's scripts"); }
Status Busy() { return Status::Unavailable("redis: the lock changed hands again and again"); }

// Of a script that shows the gates: the time, and their text.
Result<GateSet> ReadGateReply(const std::vector<RedisReply>& rest) {
  if (rest.size() != 2) return NoAnswer();
  const auto now = ParseUint64(rest[0].text).value_or(0);
  return DecodeGates(rest[1].text, static_cast<int64_t>(now));
}

std::string DigestOf(const std::string& id) { return HexEncode(Sha256(id)); }

// The original's value is base64 of the LockInfo.
Result<LockRecord> ReadLegacyValue(const std::string& value) {
  std::optional<SecretBytes> json = Base64Decode(value);
  if (!json) return ReadLegacyLock({});
  return ReadLegacyLock(*json);
}

std::vector<std::string> AcquireArguments(const LockRecord& want, const GateTicket& gates) {
  const bool plan = want.shared || want.plan_only || want.operation == kPlanOperation;
  return {want.id,
          DigestOf(want.id),
          want.info,
          want.principal,
          want.operation,
          want.token_sha256,
          want.plan_only ? "1" : "0",
          want.shared ? "1" : "0",
          plan ? "1" : "0",
          std::to_string(want.shared ? 0 : want.hold_plans_ms),
          KeptPrincipal(want.principal),
          want.shared ? RedisPlanValue(want) : "",
          gates.tag,
          std::to_string(gates.shut_until_ms)};
}

}  // namespace

// "plans", "waits" and "freed plans".
Result<RedisLock::Held> RedisLock::ReadPlans(const Answer& answer) const {
  const Status unknown = Status::Unavailable("redis: a plan lock is damaged");
  if (answer.rest.empty()) return unknown;
  Held out;
  if (!ReadRedisPlans(answer.rest[0].items, &out.plans)) return unknown;
  const auto number = [&answer](size_t i) {
    return static_cast<int64_t>(ParseUint64(answer.rest[i].text).value_or(0));
  };
  if (answer.word == "waits") {
    if (answer.rest.size() != 5) return unknown;
    out.record.id = answer.rest[1].text;
    out.record.principal = answer.rest[2].text;
    out.record.time_ms = number(3);
    out.plans_from_ms = number(4);
    return out;
  }
  if (out.plans.empty()) return unknown;
  // Behind them: the one that was named, and when force will free it; of a look, the mark.
  const LockRecord* named = nullptr;
  if (answer.rest.size() > 1) named = FindPlan(out.plans, answer.rest[1].text);
  if (answer.rest.size() > 2) out.freed_from_ms = number(2);
  out.record = named != nullptr ? *named : out.plans.front();
  return out;
}

RedisLock::RedisLock(std::unique_ptr<RedisClient> client, std::string prefix)
    : client_(std::move(client)), prefix_(std::move(prefix)) {}

std::vector<std::string> RedisLock::KeysOf(const LockKey& key) const {
  std::vector<std::string> keys = {ServiceKey(),
                                   prefix_ + "lock:" + key.id.hex(),
                                   prefix_ + "released:" + key.id.hex(),
                                   prefix_ + "held",
                                   prefix_ + "tokens:" + key.id.hex(),
                                   prefix_ + "readers:" + key.id.hex(),
                                   prefix_ + "writers:" + key.id.hex()};
  keys.insert(keys.end(), key.legacy_ids.begin(), key.legacy_ids.end());
  return keys;
}

Result<RedisLock::Answer> RedisLock::Ask(const RedisScript& script,
                                         const std::vector<std::string>& keys,
                                         const std::vector<std::string>& arguments) {
  Result<RedisReply> reply = client_->Run(script, keys, arguments);
  if (!reply.ok()) return std::move(reply).status();
  if (reply->kind != RedisReply::Kind::kArray || reply->items.empty() ||
      reply->items[0].kind != RedisReply::Kind::kText) {
    return Status::Unavailable("redis: a script gave an answer that is not known");
  }
  Answer answer;
  answer.word = std::move(reply->items[0].text);
  reply->items.erase(reply->items.begin());
  answer.rest = std::move(reply->items);
  return answer;
}

// Runs a step in the service that is meant, re-establishing it where its memory is gone.
Result<RedisLock::Answer> RedisLock::Step(const RedisScript& script,
                                          const std::vector<std::string>& keys,
                                          std::vector<std::string> arguments) {
  std::string service_id;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    service_id = service_id_;
  }
  if (service_id.empty()) {
    Result<std::string> found = ServiceId();
    if (!found.ok()) return Status::Unavailable(found.status().detail());
    service_id = *found;
  }
  arguments.insert(arguments.begin(), service_id);
  for (int i = 0; i < kTries; ++i) {
    Result<Answer> answer = Ask(script, keys, arguments);
    if (!answer.ok()) return answer;
    if (answer->word == "other") {
      return Status::Unavailable(
          "redis: another lock service lies there now; see `statewardctl init --locks`");
    }
    if (answer->word == "newer") {
      return Status::Unavailable("redis: a newer Stateward wrote this lock");
    }
    if (answer->word != "lost" && answer->word != "run") return answer;
    // It may be our connection that is old: a new one looks again which process it leads to.
    client_->CloseIdle();
    if (i > 0 || answer->word == "lost") STATEWARD_RETURN_IF_ERROR(Renew(service_id));
  }
  return Busy();
}

Status RedisLock::Renew(const std::string& service_id) {
  Result<Answer> answer = Ask(scripts_.renew, {ServiceKey()}, {service_id, RandomHex(8)});
  return answer.ok() ? Status() : std::move(answer).status();
}

Result<std::string> RedisLock::ServiceId() {
  Result<Answer> answer = Ask(scripts_.service, {ServiceKey()}, {});
  if (!answer.ok()) return std::move(answer).status();
  if (answer->word == "none") return Status::NotFound("redis: no lock service there");
  std::string id = answer->rest.empty() ? "" : answer->rest[0].text;
  if (!IsHex(id, 32)) return Status::Unavailable("redis: the lock service's id is damaged");
  std::lock_guard<std::mutex> hold(mutex_);
  service_id_ = id;
  return id;
}

Result<std::string> RedisLock::InitService(bool forgotten) {
  Result<Answer> answer =
      Ask(scripts_.init, {ServiceKey()}, {RandomHex(16), forgotten ? "1" : "0", RandomHex(8)});
  if (!answer.ok()) return std::move(answer).status();
  return ServiceId();
}

Result<RedisLock::Held> RedisLock::ReadHeld(const Answer& answer) const {
  Held out;
  if (answer.word == "plans" || answer.word == "waits" || answer.word == "freed plans") {
    return ReadPlans(answer);
  }
  if (answer.word == "legacy" && answer.rest.size() >= 2) {
    out.legacy_key = answer.rest[0].text;
    out.legacy_value = answer.rest[1].text;
    Result<LockRecord> record = ReadLegacyValue(out.legacy_value);
    if (record.ok()) {
      out.record = std::move(*record);
    } else {
      out.unreadable = std::move(record).status();
    }
    return out;
  }
  if (answer.rest.empty() || answer.rest[0].items.size() % 2 != 0) {
    return Status::Unavailable("redis: " + answer.word + " is no answer that is known");
  }
  const std::vector<RedisReply>& fields = answer.rest[0].items;
  for (size_t i = 0; i < fields.size(); i += 2) {
    const std::string& name = fields[i].text;
    const std::string& value = fields[i + 1].text;
    LockRecord& r = out.record;
    if (name == "id") r.id = value;
    if (name == "info") r.info = value;
    if (name == "principal") r.principal = value;
    if (name == "operation") r.operation = value;
    if (name == "token") r.token_sha256 = value;
    if (name == "plan") r.plan_only = value == "1";
    if (name == "base") {
      r.unconfirmed = value.empty();
      r.base = ParseUint64(value).value_or(0);
    }
    if (name == "time") r.time_ms = static_cast<int64_t>(ParseUint64(value).value_or(0));
  }
  if (out.record.id.empty()) return Status::Unavailable("redis: a lock without an ID");
  return out;
}

Result<AcquireOutcome> RedisLock::Acquire(const LockKey& key, const LockRecord& want,
                                          const LockTerms& terms) {
  std::vector<std::string> keys = KeysOf(key);
  bool taken_here = false;
  for (int i = 0; i < kTries; ++i) {
    Result<Answer> answer = Step(scripts_.acquire, keys, AcquireArguments(want, terms.gates));
    if (!answer.ok()) return std::move(answer).status();
    if (answer->word == "repeated") return AcquireOutcome(Granted{true});
    // It was ours for a moment, until somebody forced it. To say so as if it had never been would
    // not be the truth: the client asks again, and is told what became of its ID.
    const bool kept_out = answer->word == "gates" || answer->word == "shut";
    if ((answer->word == "released" || kept_out) && taken_here) {
      return Status::Unavailable("the lock was released by force while it was being taken");
    }
    if (answer->word == "released") return AcquireOutcome(WasReleased{});
    if (kept_out) return ReadKept(*std::move(answer));
    if (answer->word == "taken") {
      taken_here = true;
      Result<bool> done = Complete(key, want.id, *answer, terms.base);
      if (!done.ok()) return std::move(done).status();
      if (*done) return AcquireOutcome(Granted{false});
      continue;
    }
    Result<Held> held = ReadHeld(*answer);
    if (!held.ok()) return std::move(held).status();
    if (!held->unreadable.ok()) return held->unreadable;
    bool ours = !held->legacy_key.empty() && held->record.id == want.id;
    if (ours) return AcquireOutcome(Granted{true});
    return AcquireOutcome(
        HeldBy{std::move(held->record), 0, std::move(held->plans), held->plans_from_ms});
  }
  return Busy();
}

Result<AcquireOutcome> RedisLock::ReadKept(Answer answer) const {
  if (answer.word == "gates") {
    Result<GateSet> now = ReadGateReply(answer.rest);
    if (!now.ok()) return std::move(now).status();
    return AcquireOutcome(GatesChanged{*std::move(now)});
  }
  if (answer.rest.size() != 1) return NoAnswer();
  std::vector<RedisReply>& by = answer.rest[0].items;
  if (by.empty()) return AcquireOutcome(Shut{});
  Answer inner;
  inner.word = std::move(by[0].text);
  by.erase(by.begin());
  inner.rest = std::move(by);
  Result<Held> held = ReadHeld(inner);
  if (!held.ok()) return std::move(held).status();
  return AcquireOutcome(Shut{std::move(held->record)});
}

// False: the lock was released, or the epoch changed, before the base was stored.
Result<bool> RedisLock::Complete(const LockKey& key, const std::string& lock_id,
                                 const Answer& taken, const BaseFn& base) {
  if (taken.rest.size() != 3) return NoAnswer();
  std::vector<std::string> keys = KeysOf(key);
  const uint64_t mark = ParseUint64(taken.rest[2].text).value_or(0);
  Result<uint64_t> head = base({taken.rest[0].integer != 0, mark, nullptr});
  if (!head.ok()) {
    // Nobody was granted anything; without this the lock would stay behind when the client gives
    // up. Best effort: a LOCK with the same ID completes it otherwise.
    (void)Step(scripts_.abandon, keys, {lock_id});
    return Status::Unavailable("lock not granted: " + head.status().detail());
  }
  Result<Answer> answer =
      Step(scripts_.complete, keys, {lock_id, std::to_string(*head), taken.rest[1].text});
  if (!answer.ok()) return std::move(answer).status();
  return answer->word == "done";
}

Result<ReleaseOutcome> RedisLock::Release(const LockKey& key, const ReleaseRequest& request) {
  std::vector<std::string> keys = KeysOf(key);
  for (int i = 0; i < kTries; ++i) {
    Result<Answer> answer = Step(
        scripts_.release, keys,
        {request.id, DigestOf(request.id), request.principal, request.any_principal ? "1" : "0",
         request.unnamed ? "1" : "0", std::to_string(request.head), request.own_plans ? "1" : "0",
         KeptPrincipal(request.principal)});
    if (!answer.ok()) return std::move(answer).status();
    if (answer->word == "free") return ReleaseOutcome(NotHeld{});
    if (answer->word == "was") return ReleaseOutcome(WasReleased{});
    Result<Held> held = ReadHeld(*answer);
    if (!held.ok()) return std::move(held).status();
    if (answer->word == "freed") return ReleaseOutcome(Released{std::move(held->record)});
    if (answer->word == "freed plans") {
      Released released{std::move(held->record)};
      if (request.id.empty()) released.plans = std::move(held->plans);
      return ReleaseOutcome(std::move(released));
    }
    if (!held->plans.empty()) {
      return ReleaseOutcome(
          HeldBy{std::move(held->record), held->freed_from_ms, std::move(held->plans)});
    }
    const size_t parts = answer->word == "legacy" ? 2 : 1;  // behind them: when force will free it
    if (answer->rest.size() > parts) {
      const auto from = ParseUint64(answer->rest[parts].text).value_or(0);
      return ReleaseOutcome(HeldBy{std::move(held->record), static_cast<int64_t>(from)});
    }
    bool matches = request.id.empty() || held->record.id == request.id;
    if (!held->legacy_key.empty() && matches) {
      bool again = false;
      Result<ReleaseOutcome> outcome = ReleaseLegacy(key, request, *held, &again);
      if (again) continue;
      return outcome;
    }
    if (!held->unreadable.ok()) return held->unreadable;
    return ReleaseOutcome(HeldBy{std::move(held->record)});
  }
  return Busy();
}

Result<ReleaseOutcome> RedisLock::ReleaseLegacy(const LockKey& key, const ReleaseRequest& request,
                                                const Held& held, bool* again) {
  std::vector<std::string> keys = KeysOf(LockKey(key.id));
  keys.push_back(held.legacy_key);
  const std::string& id = held.record.id;
  Result<Answer> answer =
      Step(scripts_.release_legacy, keys,
           {held.legacy_value, id.empty() ? "" : DigestOf(id), request.principal,
            request.id.empty() || request.unnamed ? "1" : "0"});
  if (!answer.ok()) return std::move(answer).status();
  *again = answer->word == "again";
  return ReleaseOutcome(Released{held.record});
}

Result<LockView> RedisLock::Look(const LockKey& key) {
  Result<Answer> answer = Step(scripts_.look, KeysOf(key), {});
  if (!answer.ok()) return std::move(answer).status();
  if (answer->rest.empty()) return NoAnswer();
  LockView view;
  view.mark = ParseUint64(answer->rest.back().text).value_or(0);
  if (answer->word == "free") return view;
  Result<Held> held = ReadHeld(*answer);
  if (!held.ok()) return std::move(held).status();
  if (!held->unreadable.ok()) return held->unreadable;
  if (!held->plans.empty()) {
    view.plans = std::move(held->plans);
    return view;
  }
  if (held->record.unconfirmed) {
    return Status::Unavailable("redis: the lock is being taken; repeat its LOCK");
  }
  view.holder = std::move(held->record);
  return view;
}

Result<bool> RedisLock::TokenReleased(const StateId& id, const std::string& token_sha256) {
  Result<Answer> answer = Step(scripts_.token_released, KeysOf(id), {token_sha256});
  if (!answer.ok()) return std::move(answer).status();
  return answer->word == "yes";
}

Status RedisLock::BurnNext(const LockKey& key) {
  Result<Answer> answer = Step(scripts_.burn_next, KeysOf(key), {});
  return answer.ok() ? Status() : std::move(answer).status();
}

Status RedisLock::WithLock(const LockKey& key, const WriteFn& write) {
  Result<LockView> view = Look(key);
  if (!view.ok()) return std::move(view).status();
  view->gates = [this] { return ReadGates(); };
  write(*view);
  return Status();
}

Result<GateSet> RedisLock::ReadGates() {
  Result<Answer> answer = Step(scripts_.gates, KeysOf(StateId()), {});
  if (!answer.ok()) return std::move(answer).status();
  return ReadGateReply(answer->rest);
}

Result<bool> RedisLock::ExchangeGates(const std::string& expected, const std::vector<Gate>& next) {
  const std::string text = EncodeGates(next);
  const std::string tag = GateTag(text);
  Result<Answer> answer = Step(scripts_.exchange_gates, KeysOf(StateId()), {expected, tag, text});
  if (!answer.ok()) return std::move(answer).status();
  return answer->word == "done";
}

Status RedisLock::EachHeldAfter(const StateId& after, const EachHeldFn& each) {
  Result<Answer> answer = Step(scripts_.held, KeysOf(StateId()), {});
  if (!answer.ok()) return std::move(answer).status();
  if (answer->rest.size() != 1) return NoAnswer();
  std::vector<std::string> ids;
  const std::string front = prefix_ + "lock:";
  for (const RedisReply& key : answer->rest[0].items) {
    if (key.text.compare(0, front.size(), front) == 0) ids.push_back(key.text.substr(front.size()));
  }
  std::sort(ids.begin(), ids.end());
  for (const std::string& hex : ids) {
    StateId id;
    if (hex <= after.hex() || !StateId::Parse(hex, &id)) continue;
    Result<Answer> look = Step(scripts_.look, KeysOf(id), {});
    if (!look.ok()) return std::move(look).status();
    if (look->word == "free") continue;
    Result<Held> held = ReadHeld(*look);
    if (held.ok() && held->plans.empty()) held->plans.push_back(std::move(held->record));
    const bool more =
        held.ok() ? TellLocks(id, std::move(held->plans), each) : each(id, held.status());
    if (!more) break;
  }
  return Status();
}

Result<HeldCount> RedisLock::CountHeld() {
  Result<Answer> answer =
      Step(scripts_.count, KeysOf(StateId()), {prefix_ + "lock:", prefix_ + "readers:"});
  if (!answer.ok()) return std::move(answer).status();
  if (answer->rest.size() != 2) return NoAnswer();
  return HeldCount{static_cast<uint64_t>(answer->rest[0].integer),
                   static_cast<uint64_t>(answer->rest[1].integer)};
}

Status RedisLock::Check() {
  const int64_t now = SystemClock().SteadyUs();
  const bool write = wrote_us_ == 0 || now - wrote_us_ >= kTryWriteUs;
  Result<Answer> answer = Step(scripts_.check, KeysOf(StateId()), {write ? "1" : "0"});
  if (!answer.ok()) return std::move(answer).status();
  if (write) wrote_us_ = now;
  return Status();
}

}  // namespace stateward
