// One connection to a Redis server or a sentinel, by hiredis. Used by one thread at a time.
//
// Every wait ends at a deadline (Clock::SteadyUs), also when the other side sends a byte now and
// then. After an error the connection is of no use any more.
#ifndef STATEWARD_REDIS_REDIS_CONNECTION_H_
#define STATEWARD_REDIS_REDIS_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "redis/redis_address.h"
#include "stateward/clock.h"
#include "stateward/result.h"

struct redisContext;

namespace stateward {

// A server's answer. An error answer is a value too: its text begins with a word in capitals.
struct RedisReply {
  enum class Kind : uint8_t { kNil, kInteger, kText, kArray, kError };
  Kind kind = Kind::kNil;
  int64_t integer = 0;
  std::string text;  // of a text, a status or an error
  std::vector<RedisReply> items;

  bool IsError(std::string_view word) const;
};

class RedisConnection {
 public:
  // kUnavailable: not connected. A host name is looked up by the system in its own time.
  static Result<std::unique_ptr<RedisConnection>> Open(const Clock& clock, const HostPort& to,
                                                       int64_t deadline_us);
  static Result<std::unique_ptr<RedisConnection>> OpenUnix(const Clock& clock,
                                                           const std::string& path,
                                                           int64_t deadline_us);

  // kUnavailable: no whole answer came; whether the command took effect is unknown.
  Result<RedisReply> Call(const std::vector<std::string_view>& words, int64_t deadline_us);
  // False when the other side has closed it, or said something that nobody asked for.
  bool IsQuiet() const;

 private:
  struct Free {
    void operator()(redisContext* context) const;
  };
  RedisConnection(const Clock& clock, redisContext* context) : clock_(clock), context_(context) {}
  static Result<std::unique_ptr<RedisConnection>> Checked(const Clock& clock, redisContext* context,
                                                          const std::string& where);
  Status Wait(short events, int64_t deadline_us);
  Status Read(size_t* got);

  const Clock& clock_;
  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace stateward

#endif  // STATEWARD_REDIS_REDIS_CONNECTION_H_
