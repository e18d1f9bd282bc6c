// Cache entries in the postgres storage: a row for each.
#include <utility>

#include "postgres/pg_schema.h"
#include "storage/postgres_storage.h"

namespace stateward {

Result<Bytes> PostgresStorage::ReadCache(const std::string& name) {
  return ReadNamed("SELECT " STATEWARD_PG_PLACE
                   ", c.data FROM (VALUES (1)) one LEFT JOIN stateward.cache c ON c.name = $1",
                   name, "no such cache entry");
}

Status PostgresStorage::WriteCache(const std::string& name, ByteView sealed) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{
      "INSERT INTO stateward.cache (name, data) SELECT $1, $2 WHERE " STATEWARD_PG_IS_PLACE(
          STATEWARD_PG_PLACE, "$3") " ON CONFLICT (name) DO UPDATE SET data = $2 RETURNING name",
      {}};
  statement.params.Text(name).Bytea(sealed).Text(*place);
  Result<PgRows> rows = Queries().QueryOne(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  return rows->size() > 0 ? Status() : Status::Unavailable("postgres: the store's marker is gone");
}

Result<std::vector<std::string>> PostgresStorage::CacheNames() {
  Result<PgRows> rows = Ask({"SELECT " STATEWARD_PG_PLACE
                             ", c.name FROM (VALUES (1)) one LEFT JOIN stateward.cache c ON true"
                             " ORDER BY c.name",
                             {}},
                            PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  std::vector<std::string> names;
  for (size_t i = 0; i < rows->size(); ++i) {
    if (!rows->IsNull(i, 1)) names.push_back(rows->Text(i, 1));
  }
  return names;
}

Status PostgresStorage::RemoveCache(const std::string& name) {
  PgStatement statement{"DELETE FROM stateward.cache WHERE name = $1", {}};
  statement.params.Text(name);
  Result<PgRows> rows = Queries().QueryOne(std::move(statement), PgUse::kRepeatable);
  return rows.ok() ? Status() : std::move(rows).status();
}

}  // namespace stateward
