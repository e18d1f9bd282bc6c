// Kept uploads in the postgres storage.
#include <algorithm>
#include <utility>

#include "postgres/pg_schema.h"
#include "storage/postgres_storage.h"

namespace stateward {
namespace {

// One row in any case: the place, and the upload if there is one.
#define FROM_UPLOAD \
  " FROM (VALUES (1)) one LEFT JOIN stateward.uploads u ON u.principal = $1 AND u.content = $2"

// Of the same content of the same principal the later one stays. An update to itself makes the
// commit wait for what was committed before.
constexpr char kPut[] =
    "WITH place AS MATERIALIZED (SELECT " STATEWARD_PG_PLACE " AS place, " STATEWARD_PG_SAFE
    " AS safe), made AS (INSERT INTO stateward.uploads AS u"
    " (principal, content, id, time_ms, size, data) SELECT $1, $2, $3, $4, $5, $6 FROM place"
    " WHERE safe AND " STATEWARD_PG_IS_PLACE("place.place", "$7")
    " ON CONFLICT (principal, content)"
    " DO UPDATE SET time_ms = greatest(u.time_ms, excluded.time_ms),"
    " size = CASE WHEN excluded.time_ms > u.time_ms THEN excluded.size ELSE u.size END,"
    " data = CASE WHEN excluded.time_ms > u.time_ms THEN excluded.data ELSE u.data END RETURNING 1)"
    " SELECT place, safe, set_config('synchronous_commit', 'on', true) FROM place";

// The message gives the commit something to wait for.
constexpr char kSettle[] = "SELECT " STATEWARD_PG_PLACE
                           ", u.content IS NOT NULL, set_config('synchronous_commit', 'on', true),"
                           " pg_logical_emit_message(true, 'stateward', '')" FROM_UPLOAD;

KeptUpload EntryOf(const PgRows& rows, size_t row, size_t first) {
  KeptUpload entry;
  entry.principal_tag = rows.Text(row, first);
  entry.content_tag = rows.Text(row, first + 1);
  StateId::Parse(rows.Text(row, first + 2), &entry.id);
  entry.time_ms = static_cast<int64_t>(rows.Int8(row, first + 3));
  entry.size = rows.Int8(row, first + 4);
  return entry;
}

}  // namespace

Status PostgresStorage::PutUpload(const KeptUpload& upload, ByteView sealed) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{kPut, {}};
  statement.params.Text(upload.principal_tag)
      .Text(upload.content_tag)
      .Text(upload.id.hex())
      .Int8(static_cast<uint64_t>(upload.time_ms))
      .Int8(sealed.size())
      .Bytea(sealed)
      .Text(*place);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  return rows->Bool(0, 1) ? Status() : PgUnsafe();
}

Status PostgresStorage::SettleUpload(const KeptUpload& upload) {
  PgStatement statement{kSettle, {}};
  statement.params.Text(upload.principal_tag).Text(upload.content_tag);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  return rows->Bool(0, 1) ? Status() : Status::NotFound("no such upload");
}

Result<std::vector<KeptUpload>> PostgresStorage::ListUploads() { return ListUploadsOf(""); }

Result<std::vector<KeptUpload>> PostgresStorage::ListUploadsOf(const std::string& principal_tag) {
  PgStatement statement{
      "SELECT " STATEWARD_PG_PLACE
      ", u.principal, u.content, u.id, u.time_ms, u.size FROM (VALUES (1)) one LEFT JOIN"
      " stateward.uploads u ON $1 IN ('', u.principal) ORDER BY u.principal, u.time_ms, u.content",
      {}};
  statement.params.Text(principal_tag);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  std::vector<KeptUpload> out;
  for (size_t i = 0; i < rows->size(); ++i) {
    if (!rows->IsNull(i, 1)) out.push_back(EntryOf(*rows, i, 1));
  }
  return out;
}

Result<Bytes> PostgresStorage::GetUpload(const KeptUpload& upload) {
  return GetUploadPrefix(upload, INT32_MAX);
}

Result<Bytes> PostgresStorage::GetUploadPrefix(const KeptUpload& upload, size_t limit) {
  PgStatement statement{
      "SELECT " STATEWARD_PG_PLACE ", substring(u.data FROM 1 FOR $3::int8::int4)" FROM_UPLOAD, {}};
  statement.params.Text(upload.principal_tag)
      .Text(upload.content_tag)
      .Int8(std::min<size_t>(limit, INT32_MAX));
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->IsNull(0, 1)) return Status::NotFound("no such upload");
  return rows->Bytea(0, 1);
}

Status PostgresStorage::ReplaceUpload(const KeptUpload& upload, ByteView sealed) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{
      "UPDATE stateward.uploads SET data = $3, size = $4"
      " WHERE principal = $1 AND content = $2 AND " STATEWARD_PG_SAFE
      " AND " STATEWARD_PG_IS_PLACE(STATEWARD_PG_PLACE, "$5") " RETURNING " STATEWARD_PG_PLACE,
      {}};
  statement.params.Text(upload.principal_tag)
      .Text(upload.content_tag)
      .Bytea(sealed)
      .Int8(sealed.size())
      .Text(*place);
  Result<PgRows> rows = Queries().QueryOne(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->size() > 0) return CheckPlace(rows->Raw(0, 0).AsString());
  // Nothing was changed: no such entry, another store, or a server whose word does not last.
  Result<Bytes> there = GetUpload(upload);
  if (!there.ok()) return std::move(there).status();
  return PgUnsafe();
}

Status PostgresStorage::RemoveUpload(const KeptUpload& upload) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{
      "WITH gone AS (DELETE FROM stateward.uploads WHERE principal = $1 AND content = $2"
      " AND time_ms = $3 AND " STATEWARD_PG_IS_PLACE(STATEWARD_PG_PLACE,
                                                     "$4") ") SELECT " STATEWARD_PG_PLACE,
      {}};
  statement.params.Text(upload.principal_tag)
      .Text(upload.content_tag)
      .Int8(static_cast<uint64_t>(upload.time_ms))
      .Text(*place);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRepeatable);
  return rows.ok() ? Status() : std::move(rows).status();
}

}  // namespace stateward
