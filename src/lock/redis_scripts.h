// The steps of the Redis lock, one Lua script each (docs/formats.md, "Locks in Redis").
//
// Every script may be run twice: the second run finds what the first one did and answers so.
// They answer an array whose first element says what happened. Each begins by comparing the service
// and answers "lost", "other" or "run" without doing anything when it is not the one that is meant.
#ifndef STATEWARD_LOCK_REDIS_SCRIPTS_H_
#define STATEWARD_LOCK_REDIS_SCRIPTS_H_

#include "redis/redis_client.h"

namespace stateward {

// Of the service itself. KEYS: service; ARGV: run, …
struct RedisServiceScripts {
  RedisServiceScripts();

  RedisScript service;  // "id", the service's id | "none"
  RedisScript init;     // id, forgotten, epoch: "id", the service's id
  RedisScript renew;    // service id, epoch: "ok" | "other"
};

// The steps in it.
struct RedisLockScripts {
  RedisLockScripts();

  // KEYS: service, lock, released, held, tokens, plans, waiting writers, the original's…; ARGV:
  // run, service id, … All may answer "newer": a newer build wrote what this one does not
  // understand.
  RedisScript acquire;         // "taken", burn, epoch, mark | "repeated" | "released" | HELD |
                               // "waits", all plans, ID, principal, since, till |
                               // "gates", time, text | "shut", [HELD or nothing]
  RedisScript complete;        // "done" | "again"
  RedisScript abandon;         // "done"
  RedisScript release;         // "freed", record | "freed plans", plans | "free" | "was" | HELD |
                               // HELD, time
  RedisScript release_legacy;  // "done" | "again"
  RedisScript look;            // "free", mark | HELD, mark
  RedisScript burn_next;       // "done"
  RedisScript token_released;  // "yes" | "no"
  RedisScript count;           // "count", holders, plans
  RedisScript count_legacy;    // "page", where it goes on ("0": at its end), the original's on it
  RedisScript held;            // "held", the keys of all locks that are held
  RedisScript check;           // "ok"
  RedisScript gates;           // "gates", time, text
  RedisScript exchange_gates;  // "done" | "again"
  // HELD: "held", record | "plans", all plans, the one with the ID (if it was named) |
  // "legacy", key, value
};

}  // namespace stateward

#endif  // STATEWARD_LOCK_REDIS_SCRIPTS_H_
