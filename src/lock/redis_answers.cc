// What the scripts of the lock in Redis answer, read.
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/json.h"
#include "lock/legacy_lock.h"
#include "lock/lock_book.h"
#include "lock/redis_lock.h"
#include "lock/redis_plan.h"

namespace stateward {
namespace {

// The original's value is base64 of the LockInfo.
Result<LockRecord> ReadLegacyValue(const std::string& value) {
  std::optional<SecretBytes> json = Base64Decode(value);
  if (!json) return ReadLegacyLock({});
  return ReadLegacyLock(*json);
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

}  // namespace stateward
