#include "lock/redis_scripts.h"

#include <string>

#include "stateward/locker.h"

namespace stateward {
namespace {

// `run` differs when another process answers than the one that last entered an epoch: it was
// restarted or took over, and may lack the newest locks.
constexpr char kPrelude[] = R"(
local s = redis.call('HMGET', KEYS[1], 'id', 'run', 'epoch', 'gates')
if not s[1] then return {'lost'} end
if s[1] ~= ARGV[2] then return {'other'} end
if s[2] ~= ARGV[1] then return {'run'} end
local epoch = s[3]
local gates = s[4] or ''
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local kept_ms, kept, repeat_ms = @KEPT_MS@, @KEPT@, @REPEAT_MS@
local writers_kept_ms = 3 * 3600 * 1000  -- twice the longest time that one may hold plans back
local gone_ms, most_plans, most_writers = @GONE_MS@, @PLANS@, @WRITERS@
local function held(first_legacy)
  if redis.call('HEXISTS', KEYS[2], 'id') == 1 then
    return {'held', redis.call('HGETALL', KEYS[2])}
  end
  if redis.call('EXISTS', KEYS[6]) == 1 then
    return {'plans', redis.call('HGETALL', KEYS[6])}
  end
  for i = first_legacy, #KEYS do
    local value = redis.call('GET', KEYS[i])
    if value then return {'legacy', KEYS[i], value} end
  end
  return false
end
local function released(digest)
  local at = redis.call('ZSCORE', KEYS[3], digest)
  return at and now - at < kept_ms
end
-- A plan: time, plan, pending, digest, token, length of the principal, then principal and Who.
local plan_form = '^(%d+) (%d) (%d) (%S+) (%S+) (%d+) ()'
local function plan_of(value)
  local time, only, pending, digest, token, size, at = string.match(value, plan_form)
  return {pending = pending == '1', digest = digest, token = token == '-' and '' or token,
          principal = string.sub(value, at, at + size - 1),
          done = time .. ' ' .. only .. ' 0 ' .. digest .. ' ' .. token .. ' ' .. size .. ' ' ..
                 string.sub(value, at)}
end
-- A waiting writer: since, last, hold, ID; the field is its principal.
local function writer_of(value)
  local since, last, hold, id = string.match(value, '^(%d+) (%d+) (%d+) (.*)$')
  local w = {since = tonumber(since), last = tonumber(last), hold = tonumber(hold), id = id}
  w.till = math.min(w.last + gone_ms, w.since + w.hold)
  w.future = w.last > now + 2000
  return w
end
local function whole(n) return string.format('%.0f', n) end
local function clear()
  redis.call('HDEL', KEYS[2], 'id', 'digest', 'info', 'principal', 'operation', 'token', 'plan',
             'base', 'time')
  redis.call('SREM', KEYS[4], KEYS[2])
end
local function drop_plan(id)
  redis.call('HDEL', KEYS[6], id)
  if redis.call('EXISTS', KEYS[6]) == 0 then redis.call('SREM', KEYS[4], KEYS[2]) end
end
local function remember_in(key, member)
  -- The order of the releases, also of many in one millisecond and when the clock was set back.
  local at = now
  local newest = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
  if newest[2] and tonumber(newest[2]) >= at then at = tonumber(newest[2]) + 1 end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - kept_ms)
  redis.call('ZADD', key, at, member)
  redis.call('ZREMRANGEBYRANK', key, 0, -kept - 1)
  redis.call('PEXPIRE', key, kept_ms)
end
local function remember(digest, token)
  remember_in(KEYS[3], digest)
  if token and token ~= '' then remember_in(KEYS[5], token) end
end
local function is_newer(flags)
  return flags and flags ~= '' and flags ~= '0'
end
-- What the head was in an epoch before says nothing: records may have been lost with the locks.
local function mark_of(mark, mark_epoch)
  return mark_epoch == epoch and mark or '0'
end
local function show_gates()
  return {'gates', string.format('%.0f', now), redis.call('HGET', KEYS[1], 'gates_text') or ''}
end
-- There is room for one name: where another one's repeats may still come, * stands for all.
local function note_repeats(principal)
  local last = redis.call('HMGET', KEYS[2], 'forced_by', 'forced_at')
  local age = last[2] and now - last[2] or -1
  local several = last[1] and last[1] ~= principal and age >= 0 and age < repeat_ms
  redis.call('HSET', KEYS[2], 'forced_by', several and '*' or principal, 'forced_at', whole(now))
end
local function burn_next()
  redis.call('HSET', KEYS[2], 'epoch', 'burn')
end
)";

// ARGV: 3 id, 4 digest, 5 info, 6 principal, 7 operation, 8 token, 9 plan, 10 shared, 11 for a
// plan: may be granted again, 12 ms for which it holds plans back, 13 the principal as it is kept,
// 14 of a plan: what is kept behind its time, 15 tag of the gates that the asker knows, 16 the time
// until which these shut the state
constexpr char kAcquire[] = R"(
local h = redis.call('HMGET', KEYS[2], 'id', 'principal', 'base', 'epoch', 'flags', 'mark',
                     'mark_epoch')
if is_newer(h[5]) then return {'newer'} end
local burn = (h[4] or '') ~= epoch and 1 or 0
local mark = mark_of(h[6], h[7])
if h[1] == ARGV[3] and h[2] == ARGV[6] then
  if h[3] ~= '' then return {'repeated'} end
  return {'taken', burn, epoch, mark}
end
local plan = redis.call('HGET', KEYS[6], ARGV[3])
if plan then
  plan = plan_of(plan)
  if ARGV[11] ~= '1' or plan.principal ~= ARGV[13] then
    if gates ~= ARGV[15] then return show_gates() end
    if now < tonumber(ARGV[16]) then return {'shut', held(8)} end
    return {'plans', redis.call('HGETALL', KEYS[6]), ARGV[3]}
  end
  if plan.pending then return {'taken', burn, epoch, mark} end
  return {'repeated'}
end
if h[1] ~= ARGV[3] and released(ARGV[4]) then return {'released'} end
local by = held(8)
-- It may be the asker's own, which only he can read out of it.
if by and by[1] == 'legacy' then return by end
if gates ~= ARGV[15] then return show_gates() end
if now < tonumber(ARGV[16]) then return {'shut', by or {}} end
if ARGV[10] == '1' and not h[1] then
  local waiting = redis.call('HGETALL', KEYS[7])
  local till, principal, longest = 0, '', nil
  for i = 1, #waiting, 2 do
    local w = writer_of(waiting[i + 1])
    if now < w.till and not w.future and w.till > till then
      till, principal, longest = w.till, waiting[i], w
    end
  end
  if longest then
    return {'waits', redis.call('HGETALL', KEYS[6]), longest.id, principal, whole(longest.since),
            whole(till)}
  end
  if redis.call('HLEN', KEYS[6]) >= most_plans then return by end
end
if by and by[1] == 'plans' and ARGV[10] ~= '1' and ARGV[12] ~= '0' then
  local waiting = redis.call('HGETALL', KEYS[7])
  local known, count = nil, 0
  for i = 1, #waiting, 2 do
    local w = writer_of(waiting[i + 1])
    if now >= w.till + w.hold or w.future then
      redis.call('HDEL', KEYS[7], waiting[i])
    else
      count = count + 1
      if waiting[i] == ARGV[13] then known = w end
    end
  end
  if not known and count < most_writers then known = {since = now, hold = ARGV[12], id = ARGV[3],
                                                      till = now + 1} end
  if known and known.id == ARGV[3] and now < known.till then
    redis.call('HSET', KEYS[7], ARGV[13],
               whole(known.since) .. ' ' .. whole(now) .. ' ' .. whole(known.hold) .. ' ' ..
               ARGV[3])
    redis.call('PEXPIRE', KEYS[7], writers_kept_ms)
  end
end
if by and not (by[1] == 'plans' and ARGV[10] == '1') then return by end
if ARGV[10] == '1' then
  redis.call('HSET', KEYS[6], ARGV[3], whole(now) .. ' ' .. ARGV[9] .. ' 1 ' .. ARGV[4] .. ' ' ..
             ARGV[14])
  redis.call('SADD', KEYS[4], KEYS[2])
  return {'taken', burn, epoch, mark}
end
local waiting = redis.call('HGET', KEYS[7], ARGV[13])
if waiting and writer_of(waiting).id == ARGV[3] then redis.call('HDEL', KEYS[7], ARGV[13]) end
redis.call('HSET', KEYS[2], 'id', ARGV[3], 'digest', ARGV[4], 'info', ARGV[5],
           'principal', ARGV[6], 'operation', ARGV[7], 'token', ARGV[8], 'plan', ARGV[9],
           'base', '', 'time', string.format('%.0f', now))
redis.call('SADD', KEYS[4], KEYS[2])
return {'taken', burn, epoch, mark}
)";

// ARGV: 3 id, 4 base, 5 epoch, 6 whether a number was taken away. Only in the epoch in which that
// was decided, and when no note to take one away came since then.
constexpr char kComplete[] = R"(
local h = redis.call('HMGET', KEYS[2], 'id', 'base', 'epoch')
local plan = redis.call('HGET', KEYS[6], ARGV[3])
if (h[1] ~= ARGV[3] and not plan) or epoch ~= ARGV[5] then return {'again'} end
local pending = h[2] == ''
if plan then pending = plan_of(plan).pending end
if pending and ARGV[6] == '0' and (h[3] or '') ~= epoch then return {'again'} end
if plan then
  redis.call('HSET', KEYS[6], ARGV[3], plan_of(plan).done)
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'mark', ARGV[4], 'mark_epoch', epoch)
elseif h[2] == '' then
  redis.call('HSET', KEYS[2], 'base', ARGV[4], 'epoch', epoch, 'mark', ARGV[4],
             'mark_epoch', epoch)
end
return {'done'}
)";

// ARGV: 3 id. The head could not be read: nobody was granted anything.
constexpr char kAbandon[] = R"(
local h = redis.call('HMGET', KEYS[2], 'id', 'base')
if h[1] == ARGV[3] and h[2] == '' then clear() end
local plan = redis.call('HGET', KEYS[6], ARGV[3])
if plan and plan_of(plan).pending then drop_plan(ARGV[3]) end
return {'done'}
)";

// ARGV: 3 id ('' = whatever is held), 4 digest, 5 principal, 6 any principal, 7 unnamed, 8 head,
// 9 own plans, 10 the principal as it is kept, 11 forced
constexpr char kRelease[] = R"(
local any = ARGV[3] == ''
local unnamed = any or ARGV[7] == '1'
local h = redis.call('HMGET', KEYS[2], 'id', 'principal', 'digest', 'token', 'forced_by',
                     'forced_at', 'flags', 'mark', 'mark_epoch')
if is_newer(h[7]) then return {'newer'} end
local plans = redis.call('HGETALL', KEYS[6])
local freed, own_all = {}, true
for i = 1, #plans, 2 do
  local plan = plan_of(plans[i + 1])
  local own = plan.principal == ARGV[10]
  if (any and (own or ARGV[9] ~= '1')) or plans[i] == ARGV[3] then
    table.insert(freed, plans[i])
    table.insert(freed, plans[i + 1])
    own_all = own_all and own
  end
end
if unnamed and (h[5] == ARGV[5] or h[5] == '*') then
  local age = now - h[6]
  if age >= 0 and age < repeat_ms then
    local by = held(8)
    if not by or (by[1] == 'plans' and #freed == 0) then return {'free'} end
    if by[1] == 'plans' then table.insert(by, freed[1]) end
    table.insert(by, string.format('%.0f', h[6] + repeat_ms))
    return by
  end
end
if #freed > 0 then
  if not any and not own_all and ARGV[6] ~= '1' then return {'plans', plans, ARGV[3]} end
  for i = 1, #freed, 2 do
    local plan = plan_of(freed[i + 1])
    drop_plan(freed[i])
    remember(plan.digest, plan.token)
  end
  if unnamed then
    note_repeats(ARGV[5])
  end
  if tonumber(ARGV[8]) > tonumber(mark_of(h[8], h[9])) then
    redis.call('HSET', KEYS[2], 'mark', ARGV[8], 'mark_epoch', epoch)
  end
  return {'freed plans', freed}
end
if not (h[1] and ((any and ARGV[9] ~= '1') or h[1] == ARGV[3])) then
  if not any and released(ARGV[4]) then return {'was'} end
  return held(8) or {'free'}
end
local own = h[2] == ARGV[5]
if not any and not own and ARGV[6] ~= '1' then return held(#KEYS + 1) end
local record = redis.call('HGETALL', KEYS[2])
clear()
remember(h[3], h[4])
local counts = unnamed or not own
if counts then note_repeats(ARGV[5]) end
if counts or ARGV[11] == '1' then burn_next() end
if tonumber(ARGV[8]) > tonumber(mark_of(h[8], h[9])) then
  redis.call('HSET', KEYS[2], 'mark', ARGV[8], 'mark_epoch', epoch)
end
return {'freed', record}
)";

// KEYS: 8 the original's; ARGV: 3 its value, 4 digest of its ID ('' = unknown), 5 principal, 6
// unnamed, 7 forced
constexpr char kReleaseLegacy[] = R"(
if redis.call('GET', KEYS[8]) ~= ARGV[3] then return {'again'} end
redis.call('DEL', KEYS[8])
if ARGV[4] ~= '' then remember(ARGV[4]) end
if ARGV[6] == '1' then note_repeats(ARGV[5]) end
if ARGV[6] == '1' or ARGV[7] == '1' then burn_next() end
return {'done'}
)";

constexpr char kLook[] = R"(
local h = redis.call('HMGET', KEYS[2], 'flags', 'mark', 'mark_epoch')
if is_newer(h[1]) then return {'newer'} end
local mark = mark_of(h[2], h[3])
local by = held(8)
if by then
  table.insert(by, mark)
  return by
end
return {'free', mark}
)";

constexpr char kBurnNext[] = R"(
burn_next()
return {'done'}
)";

// ARGV: 3 token
constexpr char kTokenReleased[] = R"(
local at = redis.call('ZSCORE', KEYS[5], ARGV[3])
if at and now - at < kept_ms then return {'yes'} end
return {'no'}
)";

// ARGV: 3 what a lock's key begins with, 4 what its plans' does
constexpr char kCount[] = R"(
local states, plans, planned = redis.call('SMEMBERS', KEYS[4]), 0, 0
for _, key in ipairs(states) do
  local count = redis.call('HLEN', ARGV[4] .. string.sub(key, #ARGV[3] + 1))
  plans = plans + count
  if count > 0 then planned = planned + 1 end
end
return {'count', #states - planned, plans}
)";

// ARGV: 3 where the walk goes on, 4 bytes that a lock has at most, 5 bytes of all values of a page,
// 6 keys to look at. The values that may be locks of terraform-backend, whose keys are its ids
// alone, and which are base64 of a text that begins with a brace; and how many more keys may not be
// looked at. 'no room': ask for fewer keys. 'may not': the user has no right to SCAN, in the words
// of Redis 6 and 7.0, or of 7.2.
constexpr char kCountLegacy[] = R"(
local page = redis.pcall('SCAN', ARGV[3], 'MATCH', string.rep('?', 64), 'COUNT', ARGV[6])
if page.err then
  if string.find(page.err, "can't run this command", 1, true) or
     string.find(page.err, 'no permissions', 1, true) then
    return {'may not'}
  end
  return page
end
local values, unseen, room = {}, 0, tonumber(ARGV[5])
for _, key in ipairs(page[2]) do
  if string.find(key, '^[0-9a-f]+$') then
    local value = redis.pcall('GET', key)
    if type(value) == 'table' then
      if not string.find(value.err, 'WRONGTYPE', 1, true) then unseen = unseen + 1 end
    elseif value and #value <= tonumber(ARGV[4]) and string.sub(value, 1, 1) == 'e' then
      room = room - #value
      if room < 0 then return {'no room'} end
      table.insert(values, value)
    end
  end
end
return {'page', page[1], values, unseen}
)";

// ARGV: 3 where the walk goes on. A lock may be told twice.
constexpr char kHeld[] = R"(
local page = redis.call('SSCAN', KEYS[4], ARGV[3], 'COUNT', 1000)
return {'held', page[1], page[2]}
)";

// A write, so that a full or read-only server shows, if ARGV[3] is 1.
constexpr char kCheck[] = R"(
if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'run', s[2]) end
return {'ok'}
)";

constexpr char kGates[] = R"(
return show_gates()
)";

// ARGV: 3 the tag that is expected, 4 the new one, 5 its text
constexpr char kExchangeGates[] = R"(
if gates == ARGV[4] then return {'done'} end
if gates ~= ARGV[3] then return {'again'} end
redis.call('HSET', KEYS[1], 'gates', ARGV[4], 'gates_text', ARGV[5])
return {'done'}
)";

std::string Step(const char* body) {
  std::string text = kPrelude;
  const struct {
    const char* name;
    int64_t value;
  } kValues[] = {{"@KEPT_MS@", kReleasedIdsKeptMs},
                 {"@KEPT@", static_cast<int64_t>(kReleasedIdsKept)},
                 {"@REPEAT_MS@", kForceRepeatMs},
                 {"@GONE_MS@", kWriterGoneMs},
                 {"@PLANS@", static_cast<int64_t>(kMaxPlanLocks)},
                 {"@WRITERS@", static_cast<int64_t>(kMaxWaitingWriters)}};
  for (const auto& [name, value] : kValues) {
    text.replace(text.find(name), std::string(name).size(), std::to_string(value));
  }
  return text + body;
}

}  // namespace

RedisLockScripts::RedisLockScripts()
    : acquire(Step(kAcquire)),
      complete(Step(kComplete)),
      abandon(Step(kAbandon)),
      release(Step(kRelease)),
      release_legacy(Step(kReleaseLegacy)),
      look(Step(kLook)),
      burn_next(Step(kBurnNext)),
      token_released(Step(kTokenReleased)),
      count(Step(kCount)),
      count_legacy(Step(kCountLegacy)),
      held(Step(kHeld)),
      check(Step(kCheck)),
      gates(Step(kGates)),
      exchange_gates(Step(kExchangeGates)) {}

}  // namespace stateward
