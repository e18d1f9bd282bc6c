#include "lock/redis_plan.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "lock/plan_lock.h"

namespace stateward {

std::string RedisPlanValue(const LockRecord& want) {
  const LockRecord plan = KeptPlan(want);
  const std::string& token = plan.token_sha256;
  return (token.empty() ? "-" : token) + " " + std::to_string(plan.principal.size()) + " " +
         plan.principal + WhoOfPlan(plan);
}

namespace {

bool ReadRedisPlan(const std::string& id, const std::string& value, LockRecord* plan) {
  std::vector<std::string> words;
  size_t at = 0;
  while (words.size() < 6) {
    const size_t end = value.find(' ', at);
    if (end == std::string::npos) return false;
    words.push_back(value.substr(at, end - at));
    at = end + 1;
  }
  const uint64_t size = ParseUint64(words[5]).value_or(value.size() + 1);
  if (size > value.size() - at) return false;
  plan->id = id;
  plan->time_ms = static_cast<int64_t>(ParseUint64(words[0]).value_or(0));
  plan->plan_only = words[1] == "1";
  if (words[4] != "-") plan->token_sha256 = words[4];
  plan->principal = value.substr(at, size);
  plan->info = PlanInfo(id, value.substr(at + size));
  plan->operation = std::string(kPlanOperation);
  plan->shared = true;
  return true;
}

}  // namespace

bool ReadRedisPlans(const std::vector<RedisReply>& fields, std::vector<LockRecord>* plans) {
  if (fields.size() % 2 != 0) return false;
  for (size_t i = 0; i < fields.size(); i += 2) {
    LockRecord plan;
    if (!ReadRedisPlan(fields[i].text, fields[i + 1].text, &plan)) return false;
    plans->push_back(std::move(plan));
  }
  std::sort(plans->begin(), plans->end(), [](const LockRecord& a, const LockRecord& b) {
    return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : a.id < b.id;
  });
  return true;
}

}  // namespace stateward
