// A connection of the tests' own to the Redis server that all of them share, and the lock on it;
// each fixture has a key prefix of its own.
#ifndef STATEWARD_TESTS_SERVICE_REDIS_BOX_H_
#define STATEWARD_TESTS_SERVICE_REDIS_BOX_H_

#include <CppUTest/TestHarness.h>

#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "conformance/locker_cases.h"
#include "lock/redis_lock.h"
#include "redis/redis_connection.h"
#include "service/service_env.h"

namespace stateward {

constexpr int64_t kRawPatienceUs = 10 * 1000 * 1000;

// A connection of the test's own, to look and to meddle.
class Raw {
 public:
  Raw() {
    RedisAddress address = locker_cases::Must(ParseRedisAddress(ServiceEnv("REDIS")));
    connection_ = locker_cases::Must(RedisConnection::Open(
        SystemClock(), address.host_ports[0], SystemClock().SteadyUs() + kRawPatienceUs));
    (*this)({"AUTH", ServiceEnv("REDIS_PASSWORD")});
  }
  RedisReply operator()(const std::vector<std::string>& words) {
    std::vector<std::string_view> views(words.begin(), words.end());
    RedisReply reply =
        locker_cases::Must(connection_->Call(views, SystemClock().SteadyUs() + kRawPatienceUs));
    if (reply.kind == RedisReply::Kind::kError) FAIL(reply.text.c_str());
    return reply;
  }

 private:
  std::unique_ptr<RedisConnection> connection_;
};

class RedisFixture : public LockerFixture {
 public:
  std::string prefix = "test:" + RandomHex(8) + ":";

  std::shared_ptr<Locker> Open() override {
    RedisOptions options;
    options.address = ServiceEnv("REDIS");
    options.password = SecretString(ServiceEnv("REDIS_PASSWORD"));
    options.max_connections = 16;
    return std::make_shared<RedisLock>(
        locker_cases::Must(RedisClient::New(std::move(options), SystemClock())), prefix);
  }
  std::string Key(const std::string& kind, const StateId& id = locker_cases::Id()) {
    return prefix + kind + ":" + id.hex();
  }
  // As FLUSHALL does to the keys of ours.
  void Flush() {
    Raw raw;
    for (const RedisReply& key : raw({"KEYS", prefix + "*"}).items) raw({"DEL", key.text});
  }
  size_t Kept() override { return Raw()({"KEYS", prefix + "*"}).items.size(); }
  void Advance(int64_t ms) override {
    Raw raw;
    const std::string by = std::to_string(-ms);
    for (const char* kind : {"released", "tokens"}) {
      RedisReply members = raw({"ZRANGE", Key(kind), "0", "-1"});
      for (const RedisReply& m : members.items) raw({"ZINCRBY", Key(kind), by, m.text});
    }
    for (const char* field : {"forced_at", "time"}) {
      if (raw({"HEXISTS", Key("lock"), field}).integer == 0) continue;
      raw({"HINCRBY", Key("lock"), field, by});
    }
    RedisReply writers = raw({"HGETALL", Key("writers")});
    for (size_t i = 0; i < writers.items.size(); i += 2) {
      std::istringstream value(writers.items[i + 1].text);
      int64_t since = 0;
      int64_t last = 0;
      std::string rest;
      value >> since >> last;
      std::getline(value, rest);
      raw({"HSET", Key("writers"), writers.items[i].text,
           std::to_string(since - ms) + " " + std::to_string(last - ms) + rest});
    }
  }
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_SERVICE_REDIS_BOX_H_
