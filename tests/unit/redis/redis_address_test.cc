#include "redis/redis_address.h"

#include <CppUTest/TestHarness.h>

namespace stateward {

TEST_GROUP(RedisAddress){};

TEST(RedisAddress, OneServer) {
  Result<RedisAddress> a = ParseRedisAddress("localhost:6380");
  CHECK(a.ok());
  STRCMP_EQUAL("localhost", a->host_ports[0].host.c_str());
  LONGS_EQUAL(6380, a->host_ports[0].port);
  a = ParseRedisAddress("redis.example");
  LONGS_EQUAL(6379, a->host_ports[0].port);
  a = ParseRedisAddress("[::1]:7");
  STRCMP_EQUAL("::1", a->host_ports[0].host.c_str());
  LONGS_EQUAL(7, a->host_ports[0].port);
  a = ParseRedisAddress("unix:/run/redis/redis.sock");
  STRCMP_EQUAL("/run/redis/redis.sock", a->unix_path.c_str());
}

TEST(RedisAddress, Sentinels) {
  Result<RedisAddress> a = ParseRedisAddress("sentinel:mymaster@a:1,b,[::2]:3");
  CHECK(a.ok());
  STRCMP_EQUAL("mymaster", a->sentinel_group.c_str());
  LONGS_EQUAL(3, a->host_ports.size());
  LONGS_EQUAL(26379, a->host_ports[1].port);
  STRCMP_EQUAL("::2", a->host_ports[2].host.c_str());
}

TEST(RedisAddress, Refused) {
  for (const char* text : {"",
                           ":1",
                           "a:",
                           "a:0",
                           "a:65536",
                           "a:1x",
                           "a,b",
                           "a:1,",
                           "::1",
                           "[::1",
                           "[::1]x",
                           "unix:",
                           "unix:redis.sock",
                           "sentinel:a:1",
                           "sentinel:@a:1",
                           "sentinel:m@",
                           "sentinel:m@a,,b",
                           "redis://a:1",
                           "user@a:1",
                           "a b:1"}) {
    CHECK_TEXT(!ParseRedisAddress(text).ok(), text);
  }
  std::string many = "sentinel:m@a";
  for (int i = 0; i < 16; ++i) many += ",a";
  CHECK(!ParseRedisAddress(many).ok());
}

}  // namespace stateward
