// What the lock in Redis does with answers that are long, refused, or of a server that changed.
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "redis/redis_client.h"
#include "service/redis_box.h"

namespace stateward {
namespace {

using locker_cases::Base7;
using locker_cases::Fresh;
using locker_cases::Id;
using locker_cases::Must;
using locker_cases::Take;
using locker_cases::Want;

std::string HexOf(int i) { return HexEncode(Sha256("redis_limits " + std::to_string(i))); }

}  // namespace

TEST_GROUP(RedisLimits) {
  RedisFixture fixture;
  Raw raw;

  std::shared_ptr<RedisClient> Client() {
    RedisOptions options;
    options.address = ServiceEnv("REDIS");
    options.password = SecretString(ServiceEnv("REDIS_PASSWORD"));
    return Must(RedisClient::New(std::move(options), SystemClock()));
  }
};

// 12,000 names of locks are more than an answer may have.
TEST(RedisLimits, AllHeldLocksAreToldHoweverManyThereAre) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  Take(*l, Want("a"));
  const std::string held = fixture.prefix + "held";
  std::vector<std::string> add = {"SADD", held};
  for (int i = 0; i < 12000; ++i) add.push_back(fixture.prefix + "lock:" + HexOf(i));
  raw(add);
  int told = 0;
  const Status status = l->EachHeld([&told](const StateId& id, const Result<LockRecord>& holder) {
    CHECK(id == Id() && holder.ok());
    ++told;
    return true;
  });
  STRCMP_EQUAL("", status.detail().c_str());
  LONGS_EQUAL(1, told);
  raw({"DEL", held});
}

// Others' keys of 64 hex digits are looked at, and there may be many large ones: of those that
// cannot be a lock none is fetched, and of those that may be so many as fit.
TEST(RedisLimits, ManyKeysOfOthersAreNoReasonNotToLook) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  const uint64_t before = Must(l->CountLegacy());
  for (const std::string& value : {std::string(10000, 'x'), "eyJ" + std::string(9997, 'x')}) {
    std::vector<std::string> set = {"MSET"};
    std::vector<std::string> del = {"DEL"};
    for (int i = 0; i < 1000; ++i) {
      set.insert(set.end(), {HexOf(i), value});
      del.push_back(HexOf(i));
    }
    raw(set);
    const Result<uint64_t> now = l->CountLegacy();
    raw(del);
    LONGS_EQUAL(before, Must(now));
  }
}

// A master that became a replica says so within a script's error (Redis 6). Each try is counted.
TEST(RedisLimits, AScriptsErrorMayHoldTheRefusalOfAReplica) {
  std::shared_ptr<RedisClient> client = Client();
  const auto tries = [&](const std::string& error) {
    const std::string key = fixture.prefix + "tries";
    raw({"DEL", key});
    const RedisScript script("redis.call('INCR', KEYS[1]) return redis.error_reply('" + error +
                             "')");
    CHECK_FALSE(client->Run(script, {key}, {}).ok());
    const std::string count = raw({"GET", key}).text;
    raw({"DEL", key});
    return count;
  };
  STRCMP_EQUAL("2", tries("ERR Error running script (call to f_0): @user_script:1: -READONLY You "
                          "can not write against a read only replica.")
                        .c_str());
  STRCMP_EQUAL("2", tries("READONLY You can not write against a read only replica.").c_str());
  STRCMP_EQUAL("1", tries("ERR the name NOTREADONLY says nothing").c_str());
}

// An administrator may change it while connections are kept.
TEST(RedisLimits, ThePolicyIsLookedAtAgain) {
  std::shared_ptr<Locker> l = Fresh(fixture);
  CHECK(l->Check().ok());
  raw({"CONFIG", "SET", "maxmemory-policy", "allkeys-random"});
  const Status checked = l->Check();
  const Result<AcquireOutcome> taken = l->Acquire(Id(), Want("a"), Base7);
  raw({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  STRCMP_CONTAINS("must be noeviction", checked.detail().c_str());
  CHECK(taken.status().code() == Code::kUnavailable);
  CHECK(l->Check().ok());
}

}  // namespace stateward
