// The pool of connections, without a server.
#include "redis/redis_client.h"

#include <CppUTest/TestHarness.h>

#include <atomic>

#include "doubles/pool_watch.h"

namespace stateward {
namespace {

// Each look at it takes three seconds.
class HastyClock : public Clock {
 public:
  int64_t NowMs() const override { return 0; }
  int64_t SteadyUs() const override { return us_ += 3000000; }

 private:
  mutable std::atomic<int64_t> us_{0};
};

}  // namespace

TEST_GROUP(RedisClient){};

TEST(RedisClient, AnotherHostIsRefusedAtTheStart) {
  HastyClock clock;
  RedisOptions options;
  options.cleartext = "refuse";
  const auto code = [&](const char* address) {
    options.address = address;
    Result<std::unique_ptr<RedisClient>> client = RedisClient::New(options, clock, nullptr);
    return client.ok() ? Code::kOk : client.status().code();
  };
  CHECK(code("192.0.2.1:6379") == Code::kInvalidArgument);
  CHECK(code("redis.example") == Code::kInvalidArgument);
  for (const char* good :
       {"localhost:6379", "127.0.0.1", "unix:/run/redis.sock", "sentinel:mymaster@192.0.2.1"}) {
    CHECK_TEXT(code(good) == Code::kOk, good);
  }
}

TEST(RedisClient, ACallThatWaitsForAConnectionInVainIsTold) {
  HastyClock clock;
  PoolWatch watch;
  RedisOptions options;
  options.max_connections = 0;
  Result<std::unique_ptr<RedisClient>> client = RedisClient::New(options, clock, &watch);
  CHECK(client.ok());
  STRCMP_EQUAL("redis: all connections are in use",
               (*client)->Run(RedisScript("return 1"), {}, {}).status().detail().c_str());
  LONGS_EQUAL(1, watch.Waits().size());
  STRCMP_EQUAL("redis", watch.Waits()[0].pool.c_str());
  CHECK_FALSE(watch.Waits()[0].ok);
  CHECK(watch.Waits()[0].us > 0);
}

}  // namespace stateward
