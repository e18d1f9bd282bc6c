#include "lock/redis_scripts.h"

namespace stateward {
namespace {

constexpr char kService[] = R"(
local id = redis.call('HGET', KEYS[1], 'id')
if id then return {'id', id} end
return {'none'}
)";

constexpr char kInit[] = R"(
local id = redis.call('HGET', KEYS[1], 'id')
if not id then
  id = ARGV[2]
  redis.call('HSET', KEYS[1], 'id', id, 'run', ARGV[1], 'epoch', '')
end
if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'run', ARGV[1], 'epoch', ARGV[4]) end
return {'id', id}
)";

// The first one that comes re-establishes the service; who was slower finds it done.
constexpr char kRenew[] = R"(
local s = redis.call('HMGET', KEYS[1], 'id', 'run')
if s[1] and s[1] ~= ARGV[2] then return {'other'} end
if not s[1] or s[2] ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'id', ARGV[2], 'run', ARGV[1], 'epoch', ARGV[3])
end
return {'ok'}
)";

}  // namespace

RedisServiceScripts::RedisServiceScripts() : service(kService), init(kInit), renew(kRenew) {}

}  // namespace stateward
