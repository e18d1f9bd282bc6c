// Functions in the schema that do a step of a lock, or a look at a state, in one round trip. The
// server keeps their plans in its session, behind pgbouncer too, where nothing can be prepared
// (PgStatement::kept).
//
// They read and write the tables that the plain statements do (docs/formats.md, "Tables in
// Postgres"), so servers that know them and servers that do not work together. Who changes one
// gives all of them a new number: another build may be using the old ones.
#ifndef STATEWARD_POSTGRES_PG_FUNCTIONS_H_
#define STATEWARD_POSTGRES_PG_FUNCTIONS_H_

#include "postgres/pg_pool.h"
#include "stateward/status.h"

namespace stateward {

// Makes the functions, under the advisory lock of the schema, where they are not there yet. Best
// effort: without them, or without the right to make them, everything works with more round trips.
void MakePgFunctions(PgPool& pool);

// Asks whether they are there, for PgPool::HasFunctions.
PgStatement FindPgFunctions();

namespace pg_function {

// Behind a step that is sent without BEGIN: no row, and nothing done, where the database's default
// is not the isolation level that it is written for. What waited must see what was committed
// meanwhile.
#define STATEWARD_PG_IF_READ_COMMITTED \
  " WHERE current_setting('transaction_isolation') = 'read committed'"

// The newest record of a state ($1): place, n (null: none), its first $3 bytes (null where n is
// $2), whether these are all, size. One row, always; so with all that follow.
inline constexpr char kNewest[] = "SELECT * FROM stateward.newest_3($1, $2, $3)";
// In a transaction: the time limits, and the row of a lock ($1), held: service, time, record (null:
// no row), epoch, safe; behind them kNewest's columns, where $3 is not 0.
inline constexpr char kHold[] = "SELECT * FROM stateward.hold_3($1, $2, $3)";
// Appends record $2 with the bytes $3 to state $1, in place $4: place, safe, head, whether it was
// appended.
inline constexpr char kAppend[] = "SELECT * FROM stateward.append_3($1, $2, $3, $4)";
// Takes the lock of state $1 in the plain case: nobody holds it or waits for it, no number has to
// be taken away first, no released ID may be this one, the service ($2: id, epoch and tag of the
// gates) is as expected, no gate is shut before $3. The new holder is $4, a lock record without
// base and time; $5: the tag of its ID; $6 and $7: as $2 and $3 of kNewest. The last argument: the
// original holds no lock. Answers: granted, place, head, front, whole, mark.
#define STATEWARD_PG_ACQUIRE "SELECT * FROM stateward.acquire_3($1, $2, $3, $4, $5, $6, $7, "
// Releases the lock of state $1 that is held with ID $3 by principal $4, where that is plain; $2:
// id and epoch of the service; $5: the first half of the ID's SHA-256; $6: the newest head that is
// known; $7: 1 = the records are in this database. Answers: released, the record as it was.
inline constexpr char kRelease[] =
    "SELECT * FROM stateward.release_3($1, $2, $3, $4, $5, $6, $7)" STATEWARD_PG_IF_READ_COMMITTED;

}  // namespace pg_function

}  // namespace stateward

#endif  // STATEWARD_POSTGRES_PG_FUNCTIONS_H_
