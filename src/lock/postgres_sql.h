// The statements of the postgres lock.
#ifndef STATEWARD_LOCK_POSTGRES_SQL_H_
#define STATEWARD_LOCK_POSTGRES_SQL_H_

#include "postgres/pg_schema.h"

namespace stateward::pg_lock {

#define STATEWARD_PG_ROW         \
  "SELECT " STATEWARD_PG_SERVICE \
  ", (extract(epoch FROM clock_timestamp()) * 1000)::int8, l.record, l.epoch, " STATEWARD_PG_SAFE

inline constexpr char kHoldRow[] =
    STATEWARD_PG_ROW " FROM stateward.state_locks l WHERE l.id = $1 FOR UPDATE OF l";
inline constexpr char kLook[] =
    STATEWARD_PG_ROW " FROM (VALUES (1)) one LEFT JOIN stateward.state_locks l ON l.id = $1";
// At least one row, with nulls behind the service when there is no further lock.
inline constexpr char kNextHeld[] =
    "SELECT " STATEWARD_PG_SERVICE
    ", l.id, l.record FROM (VALUES (1)) one LEFT JOIN"
    " (SELECT id, record FROM stateward.state_locks"
    " WHERE (held OR plans > 0) AND id > $1 ORDER BY id LIMIT $2) l ON true"
    " ORDER BY l.id";
// As kNextHeld, of all rows, without the records.
inline constexpr char kNextKnown[] =
    "SELECT " STATEWARD_PG_SERVICE
    ", l.id FROM (VALUES (1)) one LEFT JOIN"
    " (SELECT id FROM stateward.state_locks WHERE id > $1 ORDER BY id LIMIT $2) l ON true"
    " ORDER BY l.id";
inline constexpr char kMakeRow[] =
    "INSERT INTO stateward.state_locks (id, held, plans, record, epoch)"
    " SELECT $1, false, 0, $2, s.first_epoch FROM stateward.lock_service s"
    " ON CONFLICT DO NOTHING";
inline constexpr char kStore[] =
    "UPDATE stateward.state_locks SET held = $4 > 0, plans = $5, record = $2, epoch = $3"
    " WHERE id = $1";
inline constexpr char kStoreRelease[] =
    "WITH entry AS (INSERT INTO stateward.lock_entries (id, slot, entry) VALUES ($1, $4, $5)"
    " ON CONFLICT (id, slot) DO UPDATE SET entry = $5)"
    " UPDATE stateward.state_locks SET held = false, plans = $6, record = $2, epoch = $3"
    " WHERE id = $1";
// More entries of one release.
inline constexpr char kRemember[] =
    "INSERT INTO stateward.lock_entries (id, slot, entry) VALUES ($1, $2, $3)"
    " ON CONFLICT (id, slot) DO UPDATE SET entry = $3";
inline constexpr char kFindReleased[] =
    "SELECT entry FROM stateward.lock_entries WHERE id = $1 AND slot = $2";
inline constexpr char kAllReleased[] =
    "SELECT slot, entry FROM stateward.lock_entries WHERE id = $1 AND slot < $2";
inline constexpr char kGates[] =
    "SELECT " STATEWARD_PG_SERVICE
    ", (extract(epoch FROM clock_timestamp()) * 1000)::int8, s.gates"
    " FROM (VALUES (1)) one LEFT JOIN stateward.lock_service s ON true";
// Every step reads lock_service and keeps the table's lock that it got by that until its end: this
// waits for those that are under way, and the others wait for the new gates.
inline constexpr char kLockGates[] = "LOCK TABLE stateward.lock_service IN ACCESS EXCLUSIVE MODE";
inline constexpr char kStoreGates[] = "UPDATE stateward.lock_service SET gate_tag = $1, gates = $2";
// A message in the server's log that says nothing: so the commit, and everything before it, is
// flushed.
inline constexpr char kSettle[] = "SELECT pg_logical_emit_message(true, 'stateward', '')";

}  // namespace stateward::pg_lock

#endif  // STATEWARD_LOCK_POSTGRES_SQL_H_
