// The identity file of the postgres storage, which is a row, and the tables that come with it.
#include <string>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "postgres/pg_functions.h"
#include "postgres/pg_schema.h"
#include "storage/fs_layout.h"
#include "storage/postgres_storage.h"

namespace stateward {
namespace {

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
      "CREATE TABLE stateward.leases (name text COLLATE \"C\" PRIMARY KEY, text bytea NOT NULL)",
      "CREATE TABLE stateward.cache (name text COLLATE \"C\" PRIMARY KEY, data bytea NOT NULL)",
      "ALTER TABLE stateward.cache ALTER data SET STORAGE EXTERNAL",
  };
  // NOLINTEND(bugprone-suspicious-missing-comma)
}

}  // namespace

Result<StoreIdentity> PostgresStorage::ReadIdentity() {
  Result<StoreIdentity> identity = FindIdentity();
  // A standby gets them from its primary.
  if (identity.ok() && !shared_->pool->standby()) MakePgFunctions(*shared_->pool);
  return identity;
}

Result<StoreIdentity> PostgresStorage::FindIdentity() {
  Result<bool> there = PgTableExists(Queries(), kMarkerTable);
  if (!there.ok()) return std::move(there).status();
  if (!*there) return Status::NotFound("no table " + std::string(kMarkerTable));
  Result<PgRows> rows = Queries().QueryOne(
      {"SELECT format, store_id, lock_kind, lock_id, secret FROM stateward.store_marker", {}},
      PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->size() == 0) return Status::NotFound("no identity in " + std::string(kMarkerTable));
  StoreIdentity marker;
  marker.format = static_cast<uint32_t>(rows->Int8(0, 0));
  marker.store_id = rows->Text(0, 1);
  marker.lock_kind = rows->Text(0, 2);
  marker.lock_id = rows->Text(0, 3);
  marker.sealed_secret = rows->Bytea(0, 4);
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckFormat(rows->Int8(0, 0)));
  if (marker.sealed_secret.empty() || !IsHex(marker.store_id, 32) || !IsHex(marker.lock_id, 32)) {
    return Status::Corruption("the store's identity: damaged");
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
    Result<StoreIdentity> now = FindIdentity();
    if (!now.ok()) return std::move(now).status();
    if (!(*now == *replaces)) return {Code::kConflict, "the identity was exchanged meanwhile"};
  }
  if (!there && found->front().Bool(0, 1)) {
    return {Code::kConflict,
            "the tables in schema stateward are not empty, but the identity is missing: see what "
            "happened to store_marker before you make a new one"};
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
  transaction->reset();
  MakePgFunctions(*shared_->pool);
  std::lock_guard<std::mutex> hold(shared_->place_mutex);
  shared_->place = PlaceOf(marker);
  return Status();
}

}  // namespace stateward
