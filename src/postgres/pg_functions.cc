#include "postgres/pg_functions.h"

#include <utility>
#include <vector>

#include "postgres/pg_schema.h"

namespace stateward {
namespace {

#define NOW_MS "(extract(epoch FROM clock_timestamp()) * 1000)::int8"
// A u64 of a record; `from` counts from 1.
#define LONG(from) "('x' || encode(substring(rec FROM " from " FOR 8), 'hex'))::bit(64)::int8"

#define NEWEST(more)                                                                      \
  "SELECT " STATEWARD_PG_PLACE                                                            \
  ", r.n, CASE WHEN r.n <> known THEN substring(r.data FROM 1 FOR "                       \
  "part::int4) END, octet_length(r.data) <= part AND r.n <> known" more                   \
  " FROM (VALUES (1)) one LEFT JOIN LATERAL (SELECT t.n, t.data FROM stateward.records t" \
  " WHERE t.id = state ORDER BY t.n DESC LIMIT 1) r ON true"

// The row of a lock, held, and what is said of the service with it.
#define HOLD_ROW                                                                       \
  "SELECT " STATEWARD_PG_SERVICE ", " NOW_MS ", l.record, l.epoch, " STATEWARD_PG_SAFE \
  " INTO service, at_ms, rec, row_epoch, safe"                                         \
  " FROM stateward.state_locks l WHERE l.id = state FOR UPDATE OF l"

// The head of the next field of a lock record. The fields from `kept` on stay as they are.
#define NEXT_FIELD(kept)                                                   \
  " IF pos + 3 > length(rec) THEN RETURN; END IF;"                         \
  " field := get_byte(rec, pos);"                                          \
  " size := get_byte(rec, pos + 1) * 256 + get_byte(rec, pos + 2);"        \
  " IF field <= last OR pos + 3 + size > length(rec) THEN RETURN; END IF;" \
  " IF field >= " kept " AND last < " kept                                 \
  " THEN rest := pos; END IF;"                                             \
  " last := field;"

constexpr char kNewest[] = R"(
CREATE FUNCTION stateward.newest_3(state text, known int8, part int8,
  OUT place text, OUT n int8, OUT front bytea, OUT whole bool, OUT size int8)
LANGUAGE plpgsql AS $$
BEGIN
)" NEWEST(", octet_length(r.data) INTO place, n, front, whole, size") R"(;
END $$)";

// The limits are those of PgPool::Begin.
constexpr char kHold[] = R"(
CREATE FUNCTION stateward.hold_3(state text, known int8, part int8,
  OUT service text, OUT at_ms int8, OUT rec bytea, OUT row_epoch text, OUT safe bool,
  OUT place text, OUT n int8, OUT front bytea, OUT whole bool)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('lock_timeout', '5s', true), set_config('statement_timeout', '60s', true),
    set_config('idle_in_transaction_session_timeout', '15s', true),
    set_config('synchronous_commit', 'on', true);
  )" HOLD_ROW R"(;
  IF part > 0 THEN
)" NEWEST(" INTO place, n, front, whole") R"(;
  END IF;
END $$)";

constexpr char kAppend[] = R"(
CREATE FUNCTION stateward.append_3(state text, number int8, sealed bytea, expected text,
  OUT place text, OUT safe bool, OUT head int8, OUT made bool)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'on', true);
  made := false;
  SELECT )" STATEWARD_PG_PLACE ", " STATEWARD_PG_SAFE R"(,
    coalesce((SELECT r.n FROM stateward.records r WHERE r.id = state ORDER BY r.n DESC LIMIT 1), 0)
    INTO place, safe, head;
  IF head = number - 1 AND safe AND )" STATEWARD_PG_IS_PLACE("place", "expected") R"( THEN
    INSERT INTO stateward.records (id, n, data) VALUES (state, number, sealed)
      ON CONFLICT DO NOTHING;
    made := FOUND;
  END IF;
END $$)";

// Both steps below walk over the fields of a lock record (docs/formats.md, "Lock record"). Whatever
// is not plain they leave to the step in the server, and say no.

constexpr char kAcquire[] = R"(
CREATE FUNCTION stateward.acquire_3(state text, expected text, shut_until int8, holder bytea,
  tag bytea, known int8, part int8, clear bool,
  OUT granted bool, OUT place text, OUT head int8, OUT front bytea, OUT whole bool, OUT mark int8)
LANGUAGE plpgsql AS $$
DECLARE
  service text; at_ms int8; rec bytea; row_epoch text; safe bool;
  pos int4 := 1; field int4; size int4; last int4 := 8;
  forced bytea := ''; tags bytea := ''; releases int8 := 0; rest int4;
BEGIN
  granted := false; mark := 0;
  PERFORM set_config('lock_timeout', '5s', true), set_config('synchronous_commit', 'on', true);
  )" HOLD_ROW R"( SKIP LOCKED;
  IF NOT FOUND OR service IS DISTINCT FROM expected OR row_epoch <> split_part(expected, ' ', 2)
     OR NOT safe OR NOT clear OR at_ms < shut_until OR get_byte(rec, 0) <> 2 THEN RETURN; END IF;
  rest := length(rec);
  WHILE pos < length(rec) LOOP
)" NEXT_FIELD("12") R"(
    IF field IN (10, 11, 12) AND size <> 8 THEN RETURN; END IF;
    IF field = 9 THEN forced := substring(rec FROM pos + 1 FOR 3 + size);
    ELSIF field = 10 THEN
      IF forced = '' THEN RETURN; END IF;
      forced := forced || substring(rec FROM pos + 1 FOR 11);
    ELSIF field = 11 THEN mark := )" LONG("pos + 4") R"(;
    ELSIF field = 12 THEN releases := )" LONG("pos + 4") R"(;
    ELSIF field = 13 THEN tags := substring(rec FROM pos + 4 FOR size);
    ELSIF field < 128 THEN RETURN;
    END IF;
    pos := pos + 3 + size;
  END LOOP;
  IF releases < 0 OR length(tags) <> 4 * least(releases, 128) OR position(tag IN tags) > 0
    THEN RETURN; END IF;
)" NEWEST(" INTO place, head, front, whole") R"(;
  head := coalesce(head, 0);
  IF place IS NULL OR mark < 0 OR head < mark THEN RETURN; END IF;
  UPDATE stateward.state_locks l SET held = true, plans = 0, record = holder
    || CASE WHEN head > 0 THEN E'\\x070008'::bytea || int8send(head) ELSE '' END
    || E'\\x080008'::bytea || int8send(at_ms) || forced
    || CASE WHEN head > 0 THEN E'\\x0b0008'::bytea || int8send(head) ELSE '' END
    || substring(rec FROM rest + 1)
    WHERE l.id = state;
  granted := true;
END $$)";

constexpr char kRelease[] = R"(
CREATE FUNCTION stateward.release_3(state text, expected text, lock_id bytea, principal bytea,
  digest bytea, known int8, with_records int8, OUT released bool, OUT rec bytea)
LANGUAGE plpgsql AS $$
DECLARE
  service text; at_ms int8; row_epoch text; safe bool;
  pos int4 := 1; field int4; size int4; last int4 := 0; named bool := false;
  token bytea := E'\\x00000000000000000000000000000000'; forced bytea := ''; mark int8 := 0;
  tags bytea := ''; releases int8 := 0; rest int4; newest int8; remembered bytea;
BEGIN
  released := false;
  PERFORM set_config('lock_timeout', '5s', true), set_config('synchronous_commit', 'on', true);
  )" HOLD_ROW R"( SKIP LOCKED;
  IF NOT FOUND OR service IS NULL OR left(service, length(expected) + 1) <> expected || ' '
     OR row_epoch <> split_part(expected, ' ', 2) OR NOT safe OR get_byte(rec, 0) <> 2
    THEN RETURN; END IF;
  rest := length(rec);
  WHILE pos < length(rec) LOOP
)" NEXT_FIELD("14") R"(
    IF field IN (1, 7, 8, 10, 11, 12) AND size <> 8 THEN RETURN; END IF;
    IF field = 1 THEN IF )" LONG("pos + 4") R"( <> 1 THEN RETURN; END IF;
    ELSIF field = 2 THEN
      IF substring(rec FROM pos + 4 FOR size) <> lock_id THEN RETURN; END IF;
      named := true;
    ELSIF field = 4 THEN
      IF substring(rec FROM pos + 4 FOR size) <> principal THEN RETURN; END IF;
    ELSIF field = 6 THEN
      IF size <> 32 THEN RETURN; END IF;
      token := substring(rec FROM pos + 4 FOR 16);
    ELSIF field = 9 THEN forced := substring(rec FROM pos + 1 FOR 3 + size);
    ELSIF field = 10 THEN
      IF forced = '' THEN RETURN; END IF;
      forced := forced || substring(rec FROM pos + 1 FOR 11);
    ELSIF field = 11 THEN mark := )" LONG("pos + 4") R"(;
    ELSIF field = 12 THEN releases := )" LONG("pos + 4") R"(;
    ELSIF field = 13 THEN tags := substring(rec FROM pos + 4 FOR size);
    ELSIF field IN (3, 5, 7, 8, 15) OR field >= 128 THEN NULL;
    ELSE RETURN;
    END IF;
    pos := pos + 3 + size;
  END LOOP;
  IF NOT named OR releases < 0 OR mark < 0 OR length(tags) <> 4 * least(releases, 128)
    THEN RETURN; END IF;
  IF with_records > 0 THEN
    SELECT r.n INTO newest FROM stateward.records r WHERE r.id = state ORDER BY r.n DESC LIMIT 1;
  END IF;
  mark := greatest(mark, known, newest);
  tags := tags || substring(digest FOR 4);
  tags := substring(tags FROM greatest(length(tags) - 511, 1));
  remembered := digest || token || int8send(at_ms) || E'\\x00000000'::bytea;
  remembered := remembered || substring(sha256(int8send(releases) || remembered) FOR 4);
  INSERT INTO stateward.lock_entries AS e (id, slot, entry)
    VALUES (state, releases % 129, remembered)
    ON CONFLICT (id, slot) DO UPDATE SET entry = remembered;
  UPDATE stateward.state_locks l SET held = false, plans = 0, record = E'\\x02'::bytea || forced
    || CASE WHEN mark > 0 THEN E'\\x0b0008'::bytea || int8send(mark) ELSE '' END
    || E'\\x0c0008'::bytea || int8send(releases + 1)
    || E'\\x0d'::bytea || int2send(length(tags)::int2) || tags || substring(rec FROM rest + 1)
    WHERE l.id = state;
  released := true;
END $$)";

Status TryMake(PgPool& pool) {
  Result<std::unique_ptr<PgTransaction>> begun = BeginSchemaChange(pool, "", {});
  if (!begun.ok()) return std::move(begun).status();
  // Another one may have been faster.
  Result<PgRows> there = (*begun)->QueryOne(FindPgFunctions(), PgUse::kRead);
  if (!there.ok()) return std::move(there).status();
  if (there->Bool(0, 0)) return Status();
  return (*begun)->Commit(
      {{kNewest, {}}, {kHold, {}}, {kAppend, {}}, {kAcquire, {}}, {kRelease, {}}});
}

}  // namespace

PgStatement FindPgFunctions() {
  return {"SELECT to_regprocedure('stateward.newest_3(text,int8,int8)') IS NOT NULL", {}};
}

void MakePgFunctions(PgPool& pool) {
  if (pool.HasFunctions()) return;
  if (TryMake(pool).ok()) pool.LearnFunctions(true);
}

}  // namespace stateward
