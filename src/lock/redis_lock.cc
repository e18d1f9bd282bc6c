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

std::string DigestOf(const std::string& id) { return HexEncode(Sha256(id)); }

// Far more than a LockInfo in base64 has.
constexpr char kMostLegacyBytes[] = "65536";
// That a walk looks at in one step, so that no other client of the server waits for long.
constexpr uint64_t kLegacyKeys = 250;
// Of an answer that has many of them: half of what a connection takes (redis_connection.cc).
constexpr char kMostPageBytes[] = "524288";

// Others have keys of 64 hex digits, too.
bool IsLegacyLock(const std::string& value) {
  std::optional<SecretBytes> json = Base64Decode(value);
  return json && ReadLegacyLock(*json).ok();
}

std::vector<std::string> AcquireArguments(const LockRecord& want, const GateTicket& gates) {
  return {want.id,
          DigestOf(want.id),
          want.info,
          want.principal,
          want.operation,
          want.token_sha256,
          want.plan_only ? "1" : "0",
          want.shared ? "1" : "0",
          AsksForPlan(want) ? "1" : "0",
          std::to_string(want.shared ? 0 : want.hold_plans_ms),
          KeptPrincipal(want.principal),
          want.shared ? RedisPlanValue(want) : "",
          gates.tag,
          std::to_string(gates.shut_until_ms)};
}

std::vector<std::string> ReleaseArguments(const ReleaseRequest& request) {
  return {request.id,
          DigestOf(request.id),
          request.principal,
          request.any_principal ? "1" : "0",
          request.unnamed ? "1" : "0",
          std::to_string(request.head),
          request.own_plans ? "1" : "0",
          KeptPrincipal(request.principal),
          request.forced ? "1" : "0"};
}

}  // namespace

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

// False: before the base was stored the lock was released, the epoch changed, or a note came to
// take the next number away.
Result<bool> RedisLock::Complete(const LockKey& key, const std::string& lock_id,
                                 const Answer& taken, const BaseFn& base) {
  if (taken.rest.size() != 3) return NoAnswer();
  std::vector<std::string> keys = KeysOf(key);
  const uint64_t mark = ParseUint64(taken.rest[2].text).value_or(0);
  const bool burn = taken.rest[0].integer != 0;
  Result<uint64_t> head = base({burn, mark, nullptr});
  if (!head.ok()) {
    // Nobody was granted anything; without this the lock would stay behind when the client gives
    // up. Best effort: a LOCK with the same ID completes it otherwise.
    (void)Step(scripts_.abandon, keys, {lock_id});
    return Status::Unavailable("lock not granted: " + head.status().detail());
  }
  Result<Answer> answer =
      Step(scripts_.complete, keys,
           {lock_id, std::to_string(*head), taken.rest[1].text, burn ? "1" : "0"});
  if (!answer.ok()) return std::move(answer).status();
  return answer->word == "done";
}

Result<ReleaseOutcome> RedisLock::Release(const LockKey& key, const ReleaseRequest& request) {
  std::vector<std::string> keys = KeysOf(key);
  for (int i = 0; i < kTries; ++i) {
    Result<Answer> answer = Step(scripts_.release, keys, ReleaseArguments(request));
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
            request.id.empty() || request.unnamed ? "1" : "0", request.forced ? "1" : "0"});
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

Result<std::set<std::string>> RedisLock::HeldIds() {
  std::set<std::string> ids;
  const std::string front = prefix_ + "lock:";
  std::string at = "0";
  do {
    Result<Answer> page = Step(scripts_.held, KeysOf(StateId()), {at});
    if (!page.ok()) return std::move(page).status();
    if (page->rest.size() != 2) return NoAnswer();
    at = page->rest[0].text;
    for (const RedisReply& key : page->rest[1].items) {
      if (key.text.compare(0, front.size(), front) == 0) ids.insert(key.text.substr(front.size()));
    }
  } while (at != "0");
  return ids;
}

Status RedisLock::EachHeldAfter(const StateId& after, const EachHeldFn& each) {
  Result<std::set<std::string>> ids = HeldIds();
  if (!ids.ok()) return std::move(ids).status();
  for (const std::string& hex : *ids) {
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

Result<uint64_t> RedisLock::CountLegacy() {
  uint64_t count = 0;
  uint64_t keys = kLegacyKeys;
  std::string at = "0";
  for (;;) {
    Result<Answer> page = Step(scripts_.count_legacy, KeysOf(StateId()),
                               {at, kMostLegacyBytes, kMostPageBytes, std::to_string(keys)});
    if (!page.ok()) return std::move(page).status();
    if (page->word == "may not") {
      return Status(Code::kPermissionDenied, "redis: the user of REDIS_USER has no right to SCAN");
    }
    if (page->word == "no room") {
      if (keys == 1) return Status::Unavailable("redis: a page of large keys cannot be looked at");
      keys = std::max<uint64_t>(1, keys / 8);
      continue;
    }
    if (page->rest.size() != 3) return NoAnswer();
    keys = std::min(kLegacyKeys, keys * 2);
    at = page->rest[0].text;
    for (const RedisReply& value : page->rest[1].items) count += IsLegacyLock(value.text) ? 1 : 0;
    count += static_cast<uint64_t>(page->rest[2].integer);
    if (at == "0") return count;
  }
}

}  // namespace stateward
