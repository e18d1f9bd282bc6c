// What the postgres storage keeps beside the versions: identity, kept uploads, the original's data.
#include <algorithm>
#include <utility>

#include "base/hex.h"
#include "postgres/pg_schema.h"
#include "storage/postgres_storage.h"

namespace stateward {
namespace {

// Nothing younger is evicted : its sender may have lost the only other copy.
constexpr int64_t kKeptMs = 7LL * 24 * 60 * 60 * 1000;

// Ids of 64 bytes: one answer stays below a megabyte.
constexpr uint64_t kLegacyPage = 10000;

constexpr char kMarkerTable[] = "stateward.store_marker";

std::vector<std::string> StoreTables() {
  // NOLINTBEGIN(bugprone-suspicious-missing-comma): commands that take more than one line
  return {
      "CREATE TABLE stateward.records (id text COLLATE \"C\" NOT NULL,"
      " n int8 NOT NULL CHECK (n > 0), data bytea NOT NULL, PRIMARY KEY (id, n))",
      // Sealed bytes do not compress, and a part of them can be read without the rest.
      "ALTER TABLE stateward.records ALTER data SET STORAGE EXTERNAL",
      "CREATE TABLE stateward.uploads (principal text COLLATE \"C\" NOT NULL,"
      " content text COLLATE \"C\" NOT NULL, id text NOT NULL, time_ms int8 NOT NULL,"
      " size int8 NOT NULL, data bytea NOT NULL, PRIMARY KEY (principal, content))",
      "ALTER TABLE stateward.uploads ALTER data SET STORAGE EXTERNAL",
      "CREATE TABLE stateward.legacy_claims (legacy_id text COLLATE \"C\" PRIMARY KEY,"
      " id text NOT NULL)",
      "CREATE TABLE stateward.store_marker (only_one bool PRIMARY KEY DEFAULT true CHECK "
      "(only_one),"
      " format int8 NOT NULL, store_id text NOT NULL, lock_kind text NOT NULL,"
      " lock_id text NOT NULL, secret bytea NOT NULL)",
      "CREATE TABLE stateward.servers (id text COLLATE \"C\" PRIMARY KEY, text bytea NOT NULL)",
  };
  // NOLINTEND(bugprone-suspicious-missing-comma)
}

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

Result<StoreIdentity> PostgresStorage::ReadIdentity() {
  Result<bool> there = PgTableExists(Queries(), kMarkerTable);
  if (!there.ok()) return std::move(there).status();
  if (!*there) return Status::NotFound("no table " + std::string(kMarkerTable));
  Result<PgRows> rows = Queries().QueryOne(
      {"SELECT format, store_id, lock_kind, lock_id, secret FROM stateward.store_marker", {}},
      PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->size() == 0) return Status::NotFound("no marker in " + std::string(kMarkerTable));
  StoreIdentity marker;
  marker.format = static_cast<uint32_t>(rows->Int8(0, 0));
  marker.store_id = rows->Text(0, 1);
  marker.lock_kind = rows->Text(0, 2);
  marker.lock_id = rows->Text(0, 3);
  marker.sealed_secret = rows->Bytea(0, 4);
  if (marker.sealed_secret.empty() || marker.format != 1 || !IsHex(marker.store_id, 32) ||
      !IsHex(marker.lock_id, 32)) {
    return Status::Corruption("store marker: damaged, or of a format that is not known");
  }
  return marker;
}

Status PostgresStorage::WriteIdentity(const StoreIdentity& marker, const StoreIdentity* replaces) {
  Result<std::unique_ptr<PgTransaction>> transaction =
      BeginSchemaChange(*shared_->pool, kMarkerTable, StoreTables());
  if (!transaction.ok()) return std::move(transaction).status();
  PgStatement look{
      "SELECT EXISTS (SELECT FROM stateward.store_marker), EXISTS (SELECT FROM"
      " stateward.records) OR EXISTS (SELECT FROM stateward.uploads) OR EXISTS"
      " (SELECT FROM stateward.legacy_claims)",
      {}};
  Result<std::vector<PgRows>> found = (*transaction)->Query({look}, PgUse::kRead);
  if (!found.ok()) return std::move(found).status();
  bool there = found->front().Bool(0, 0);
  if (there && replaces == nullptr) {
    return {Code::kConflict, "the database holds a store already"};
  }
  // No other can exchange it meanwhile: this transaction holds the lock of schema changes.
  if (there) {
    Result<StoreIdentity> now = ReadIdentity();
    if (!now.ok()) return std::move(now).status();
    if (!(*now == *replaces)) return {Code::kConflict, "the marker was exchanged meanwhile"};
  }
  if (!there && found->front().Bool(0, 1)) {
    return {Code::kConflict,
            "the tables in schema stateward are not empty, yet there is no marker: see what "
            "happened to store_marker before making a new one"};
  }
  PgStatement write{
      "INSERT INTO stateward.store_marker (format, store_id, lock_kind, lock_id, secret)"
      " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (only_one) DO UPDATE SET format = $1,"
      " store_id = $2, lock_kind = $3, lock_id = $4, secret = $5",
      {}};
  write.params.Int8(marker.format)
      .Text(marker.store_id)
      .Text(marker.lock_kind)
      .Text(marker.lock_id)
      .Bytea(marker.sealed_secret);
  STATEWARD_RETURN_IF_ERROR((*transaction)->Commit({write}));
  std::lock_guard<std::mutex> hold(shared_->place_mutex);
  shared_->place.clear();
  return Status();
}

// The principal's entries, held against others who would add to them.
Status PostgresStorage::MakeRoom(PgTransaction& transaction, const KeptUpload& entry,
                                 uint64_t size) {
  PgStatement list{
      "SELECT content, size, time_ms FROM stateward.uploads WHERE principal = $1"
      " ORDER BY time_ms, content",
      {}};
  list.params.Text(entry.principal_tag);
  Result<std::vector<PgRows>> rows = transaction.Query({list}, PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  const PgRows& old = rows->front();
  uint64_t bytes = size;
  for (size_t i = 0; i < old.size(); ++i) {
    if (old.Text(i, 0) == entry.content_tag) return Status();
    bytes += old.Int8(i, 1);
  }
  for (size_t i = 0; i < old.size() && bytes > shared_->options.uploads_max_bytes; ++i) {
    if (shared_->clock.NowMs() - static_cast<int64_t>(old.Int8(i, 2)) < kKeptMs) break;
    PgStatement evict{"DELETE FROM stateward.uploads WHERE principal = $1 AND content = $2", {}};
    std::string content = old.Text(i, 0);
    evict.params.Text(entry.principal_tag).Text(content);
    Result<std::vector<PgRows>> gone = transaction.Query({evict}, PgUse::kRepeatable);
    if (!gone.ok()) return std::move(gone).status();
    bytes -= old.Int8(i, 1);
  }
  if (bytes > shared_->options.uploads_max_bytes) {
    return Status::Unavailable(
        "kept uploads: the principal's share is full (KEPT_UPLOADS_MAX_BYTES)");
  }
  return Status();
}

Status PostgresStorage::PutUpload(const KeptUpload& entry, ByteView sealed) {
  std::vector<PgRows> rows;
  PgStatement look{"SELECT " STATEWARD_PG_PLACE ", " STATEWARD_PG_SAFE
                   ", pg_advisory_xact_lock(hashtextextended('stateward uploads ' || $1, 0))",
                   {}};
  look.params.Text(entry.principal_tag);
  Result<std::unique_ptr<PgTransaction>> transaction = shared_->pool->Begin({look}, &rows);
  if (!transaction.ok()) return std::move(transaction).status();
  STATEWARD_RETURN_IF_ERROR(CheckPlace(rows[0].Raw(0, 0).AsString()));
  if (!rows[0].Bool(0, 1)) {
    return Status::Unavailable("postgres: fsync or full_page_writes is off on the server");
  }
  STATEWARD_RETURN_IF_ERROR(MakeRoom(**transaction, entry, sealed.size()));
  PgStatement keep{
      "INSERT INTO stateward.uploads (principal, content, id, time_ms, size, data)"
      " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
      {}};
  keep.params.Text(entry.principal_tag)
      .Text(entry.content_tag)
      .Text(entry.id.hex())
      .Int8(static_cast<uint64_t>(entry.time_ms))
      .Int8(sealed.size())
      .Bytea(sealed);
  // The message makes the commit of a repeat wait for what was committed before it.
  PgStatement settle{"SELECT pg_logical_emit_message(true, 'stateward', '')", {}};
  return (*transaction)->Commit({keep, settle});
}

Result<std::vector<KeptUpload>> PostgresStorage::ListUploads() {
  Result<PgRows> rows =
      Ask({"SELECT " STATEWARD_PG_PLACE
           ", q.principal, q.content, q.id, q.time_ms, q.size FROM (VALUES (1)) one LEFT JOIN"
           " stateward.uploads q ON true ORDER BY q.principal, q.time_ms, q.content",
           {}},
          PgUse::kRead);
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
  PgStatement statement{"SELECT " STATEWARD_PG_PLACE
                        ", substring(q.data FROM 1 FOR $3::int8::int4) FROM (VALUES (1)) one"
                        " LEFT JOIN stateward.uploads q ON q.principal = $1 AND q.content = $2",
                        {}};
  statement.params.Text(upload.principal_tag)
      .Text(upload.content_tag)
      .Int8(std::min<size_t>(limit, INT32_MAX));
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->IsNull(0, 1)) return Status::NotFound("no such entry");
  return rows->Bytea(0, 1);
}

Status PostgresStorage::ReplaceUpload(const KeptUpload& entry, ByteView sealed) {
  PgStatement statement{
      "UPDATE stateward.uploads SET data = $3, size = $4"
      " WHERE principal = $1 AND content = $2 AND " STATEWARD_PG_SAFE
      " RETURNING " STATEWARD_PG_PLACE,
      {}};
  statement.params.Text(entry.principal_tag)
      .Text(entry.content_tag)
      .Bytea(sealed)
      .Int8(sealed.size());
  Result<PgRows> rows = Queries().QueryOne(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->size() > 0) return CheckPlace(rows->Raw(0, 0).AsString());
  // Nothing was changed: no such entry, or a server whose word does not last.
  Result<Bytes> there = GetUpload(entry);
  if (!there.ok()) return std::move(there).status();
  return Status::Unavailable("postgres: fsync or full_page_writes is off on the server");
}

Status PostgresStorage::RemoveUpload(const KeptUpload& entry) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{
      "WITH gone AS (DELETE FROM stateward.uploads WHERE principal = $1 AND content = $2"
      " AND " STATEWARD_PG_PLACE " = $3) SELECT " STATEWARD_PG_PLACE,
      {}};
  statement.params.Text(entry.principal_tag).Text(entry.content_tag).Text(*place);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRepeatable);
  return rows.ok() ? Status() : std::move(rows).status();
}

Result<Bytes> PostgresStorage::GetLegacy(const std::string& legacy_id) {
  // Asked first: an error would be the end of the transaction that a write has open.
  Result<bool> there = PgTableExists(Queries(), shared_->options.legacy_table);
  if (!there.ok()) return std::move(there).status();
  std::string sql = "SELECT " STATEWARD_PG_PLACE;
  if (*there) {
    sql += ", l.state_id, l.state_data FROM (VALUES (1)) one LEFT JOIN " +
           shared_->options.legacy_table + " l ON l.state_id = $1";
  } else {
    sql += ", NULL::text, NULL::bytea, $1::text";
  }
  PgStatement statement{std::move(sql), {}};
  statement.params.Text(legacy_id);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->IsNull(0, 1)) return Status::NotFound("none of the original's");
  return rows->Bytea(0, 2);
}

// A page is one statement, so that a blob and its claim are of one moment.
Status PostgresStorage::ListLegacy(const std::function<bool(const LegacyBlob&)>& each) {
  Result<bool> there = PgTableExists(Queries(), shared_->options.legacy_table);
  if (!there.ok()) return std::move(there).status();
  if (!*there) {
    Result<PgRows> place = Ask({"SELECT " STATEWARD_PG_PLACE, {}}, PgUse::kRead);
    return place.ok() ? Status() : std::move(place).status();
  }
  const std::string sql =
      "SELECT " STATEWARD_PG_PLACE
      ", l.state_id, c.legacy_id IS NOT NULL FROM (VALUES (1)) one LEFT JOIN (SELECT"
      " state_id::text COLLATE \"C\" AS state_id FROM " +
      shared_->options.legacy_table +
      " WHERE state_id::text COLLATE \"C\" > $1 ORDER BY 1 LIMIT $2) l ON true LEFT JOIN"
      " stateward.legacy_claims c ON c.legacy_id = l.state_id ORDER BY l.state_id";
  std::string after;
  for (bool more = true; more;) {
    PgStatement statement{sql, {}};
    statement.params.Text(after).Int8(kLegacyPage);
    Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
    if (!rows.ok()) {
      return std::move(rows).status().At("listing needs SELECT on " +
                                         shared_->options.legacy_table);
    }
    more = rows->size() == kLegacyPage;
    for (size_t i = 0; i < rows->size() && !rows->IsNull(i, 1); ++i) {
      after = rows->Text(i, 1);
      if (IsHex(after, 2 * sizeof(Sha256Digest)) && !each({after, rows->Bool(i, 2)})) {
        return Status();
      }
    }
  }
  return Status();
}

Result<std::optional<StateId>> PostgresStorage::LegacyClaim(const std::string& legacy_id) {
  PgStatement statement{"SELECT " STATEWARD_PG_PLACE
                        ", (SELECT id FROM stateward.legacy_claims WHERE legacy_id = $1)",
                        {}};
  statement.params.Text(legacy_id);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->IsNull(0, 1)) return std::optional<StateId>();
  StateId id;
  if (!StateId::Parse(rows->Text(0, 1), &id)) return Status::Corruption("claim of " + legacy_id);
  return std::optional<StateId>(id);
}

Result<StateId> PostgresStorage::ClaimLegacy(const std::string& legacy_id, const StateId& id) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  // An update to itself gives back whose the claim is, and its commit is as durable as a new one's.
  PgStatement statement{
      "INSERT INTO stateward.legacy_claims AS c (legacy_id, id)"
      " SELECT $1, $2 WHERE " STATEWARD_PG_PLACE " = $3 AND " STATEWARD_PG_SAFE
      " ON CONFLICT (legacy_id) DO UPDATE SET id = c.id"
      " RETURNING " STATEWARD_PG_PLACE ", c.id, set_config('synchronous_commit', 'on', true)",
      {}};
  statement.params.Text(legacy_id).Text(id.hex()).Text(*place);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  StateId claimant;
  if (!StateId::Parse(rows->Text(0, 1), &claimant)) {
    return Status::Corruption("claim of " + legacy_id);
  }
  return claimant;
}

}  // namespace stateward
