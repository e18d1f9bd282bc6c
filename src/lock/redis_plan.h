// A plan lock as the lock redis keeps it (docs/formats.md, "Locks in Redis"). Pure.
#ifndef STATEWARD_LOCK_REDIS_PLAN_H_
#define STATEWARD_LOCK_REDIS_PLAN_H_

#include <string>
#include <vector>

#include "redis/redis_client.h"
#include "stateward/locker.h"

namespace stateward {

// What stands in a field's value behind the digest of the ID; a script puts the rest in front.
std::string RedisPlanValue(const LockRecord& want);
// Of a hash's fields and values; the oldest first. False: damaged.
bool ReadRedisPlans(const std::vector<RedisReply>& fields, std::vector<LockRecord>* plans);

}  // namespace stateward

#endif  // STATEWARD_LOCK_REDIS_PLAN_H_
