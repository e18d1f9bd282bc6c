// What a copy of a store needs besides, in the postgres storage.
#include <utility>

#include "base/hex.h"
#include "postgres/pg_schema.h"
#include "storage/fs_layout.h"
#include "storage/postgres_storage.h"

namespace stateward {
namespace {

// Names and ids of 64 bytes: one answer stays below two megabytes.
constexpr uint64_t kClaimPage = 10000;

#define IS_CLOSED "EXISTS (SELECT FROM stateward.store_marker WHERE lock_kind LIKE 'closed: %')"

constexpr char kPut[] =
    "WITH place AS MATERIALIZED (SELECT " STATEWARD_PG_PLACE " AS place, " STATEWARD_PG_SAFE
    " AS safe, " IS_CLOSED
    " AS closed), made AS (INSERT INTO stateward.records (id, n, data) SELECT $1, $2, $3 FROM place"
    " WHERE safe AND closed AND " STATEWARD_PG_IS_PLACE("place.place", "$4")
    " ON CONFLICT (id, n) DO UPDATE SET data = $3"
    " RETURNING n)"
    " SELECT place, safe, EXISTS (SELECT FROM made),"
    " set_config('synchronous_commit', 'on', true) FROM place";

}  // namespace

Status PostgresStorage::EachClaim(
    const std::function<bool(const std::string& name, const StateId& id)>& each) {
  std::string after;
  for (bool more = true; more;) {
    PgStatement statement{
        "SELECT " STATEWARD_PG_PLACE
        ", c.legacy_id, c.id FROM (VALUES (1)) one LEFT JOIN (SELECT legacy_id, id FROM"
        " stateward.legacy_claims WHERE legacy_id > $1 ORDER BY 1 LIMIT $2) c ON true"
        " ORDER BY c.legacy_id",
        {}};
    statement.params.Text(after).Int8(kClaimPage);
    Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
    if (!rows.ok()) return std::move(rows).status();
    more = rows->size() == kClaimPage;
    for (size_t i = 0; i < rows->size() && !rows->IsNull(i, 1); ++i) {
      after = rows->Text(i, 1);
      StateId id;
      if (!StateId::Parse(rows->Text(i, 2), &id)) return Status::Corruption("claim of " + after);
      if (!each(after, id)) return Status();
    }
  }
  return Status();
}

Status PostgresStorage::PutRecord(const StateId& id, uint64_t n, ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckNumber(n));
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{kPut, {}};
  statement.params.Text(id.hex()).Int8(n).Bytea(sealed).Text(*place);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  if (!rows->Bool(0, 1)) return PgUnsafe();
  return rows->Bool(0, 2) ? Status() : Status::Internal("the store is not closed");
}

Status PostgresStorage::PutLegacy(const std::string& legacy_id, ByteView blob) {
  const std::string& table = shared_->options.legacy_table;
  // Asked first: one that this role cannot see is no reason to make another.
  Result<bool> exists = PgTableExists(Queries(), table, kPgStatesSetting);
  if (!exists.ok()) return std::move(exists).status();
  if (!*exists) {
    Result<PgRows> made = Queries().QueryOne({"CREATE TABLE IF NOT EXISTS " + table +
                                                  " (state_id varchar(64) PRIMARY KEY, state_data"
                                                  " bytea)",
                                              {}},
                                             PgUse::kRepeatable);
    if (!made.ok()) return std::move(made).status();
  }
  // The original's table may lack a key, so a row is looked for first.
  PgStatement statement{"INSERT INTO " + table +
                            " (state_id, state_data) SELECT $1, $2 WHERE " IS_CLOSED
                            " AND NOT EXISTS (SELECT FROM " +
                            table + " WHERE state_id = $1)",
                        {}};
  statement.params.Text(legacy_id).Bytea(blob);
  Result<PgRows> rows = Queries().QueryOne(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  Result<Bytes> now = GetLegacy(legacy_id);
  if (!now.ok() && now.status().code() == Code::kNotFound) {
    return Status::Internal("the store is not closed");
  }
  if (!now.ok()) return std::move(now).status();
  return ByteView(*now) == blob ? Status() : fs_layout::OtherLegacy(legacy_id);
}

}  // namespace stateward
