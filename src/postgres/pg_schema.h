// The schema `stateward`: how it is made, and the statement that lock and storage share
// (docs/formats.md, "Tables in Postgres").
#ifndef STATEWARD_POSTGRES_PG_SCHEMA_H_
#define STATEWARD_POSTGRES_PG_SCHEMA_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/pg_pool.h"
#include "postgres/pg_statement.h"
#include "stateward/result.h"
#include "stateward/state.h"

namespace stateward {

// Begins a transaction under the advisory lock of the schema, makes the schema and, if `probe` (a
// table's full name) is not there, runs `ddl`. Many instances may do so at once. "": the schema
// alone.
Result<std::unique_ptr<PgTransaction>> BeginSchemaChange(PgPool& pool, const std::string& probe,
                                                         const std::vector<std::string>& ddl);

// Is there a table of this name (quoted as PgTableName does)? Only a primary's word counts, and
// only what this role could see is not there: kUnavailable where terraform-backend's table of that
// name lies in a schema that is not searched, or may have rows that are hidden. `setting`: where a
// name without a schema comes from.
Result<bool> PgTableExists(PgQueries& queries, const std::string& name,
                           std::string_view setting = "");
// The same in two parts, for who asks whose server it is along with it.
PgStatement PgFindTable(const std::string& name);
Result<bool> PgTableFound(const PgRows& rows, const std::string& name, std::string_view setting);

// "states" or "schema.states", read as SQL reads it (terraform-backend wrote it into its SQL as it
// stood), as a quoted SQL name. kInvalidArgument: neither, or empty.
Result<std::string> PgTableName(std::string_view setting, std::string_view text);
// One part of a name, as it is.
std::string PgQuoted(std::string_view part);

// What is not in a primary is not there; a standby may lag. Only a server that is a standby itself
// (READ_ONLY) believes one: its transactions say so.
#define STATEWARD_PG_STANDBY "SET LOCAL stateward.standby = 'on'"
#define STATEWARD_PG_BELIEVED \
  "(NOT pg_is_in_recovery() OR coalesce(current_setting('stateward.standby', true), '') = 'on')"

// The server's timeline: 8 hex digits, in capitals. A failover or a restore to a point in time
// begins a larger one. "00000000" on a standby, whose word never counts as the newest.
#define STATEWARD_PG_TIMELINE                          \
  "CASE WHEN pg_is_in_recovery() THEN '00000000' ELSE" \
  " substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END"
inline constexpr size_t kPgTimeline = 8;  // bytes of it

// One text that names the timeline, store and lock service; null without marker, and on a standby
// that is not believed.
#define STATEWARD_PG_PLACE                                                             \
  "(SELECT " STATEWARD_PG_TIMELINE                                                     \
  " || ' ' || m.format || ' ' || m.store_id || ' ' || m.lock_kind || ' ' || m.lock_id" \
  " FROM stateward.store_marker m WHERE " STATEWARD_PG_BELIEVED ")"
// A place is the one that is expected, on its timeline or on one that followed it. Both are the
// names of values.
#define STATEWARD_PG_IS_PLACE(place, expected) \
  "(substr(" place ", 9) = substr(" expected ", 9) AND " place " >= " expected " COLLATE \"C\")"
// The epoch. It begins with the timeline: an asynchronous standby may not have got every lock. It
// ends with the table's oid: a copy that is put back (pg_restore, psql) makes a new table.
#define STATEWARD_PG_EPOCH(counter)           \
  STATEWARD_PG_TIMELINE " || '.' || " counter \
                        " || '.' || "         \
                        "to_regclass('stateward.state_locks')::oid"
// The service's id, its epoch and the tag of its gates; null without service, and on a standby.
#define STATEWARD_PG_SERVICE \
  "(SELECT s.id || ' ' || " STATEWARD_PG_EPOCH("s.counter") \
  " || ' ' || s.gate_tag FROM stateward.lock_service s WHERE NOT pg_is_in_recovery())"

// A write that a server with such settings calls done may be gone after a crash.
#define STATEWARD_PG_SAFE \
  "(current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on')"
inline Status PgUnsafe() {
  return Status::Unavailable(
      "postgres: fsync or full_page_writes is off on the server: nothing that it calls stored is "
      "sure to be there after a crash");
}

// The newest record of a state: place, number (null: none), the first `limit` bytes (null where its
// number is `known`), whether those are all, and its size. One row, always. `id` must outlive the
// statement.
PgStatement PgNewestStatement(const StateId& id, size_t limit, uint64_t known = 0);

}  // namespace stateward

#endif  // STATEWARD_POSTGRES_PG_SCHEMA_H_
