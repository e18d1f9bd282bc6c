// Leases in the postgres storage: a row for each.
#include <utility>

#include "postgres/pg_schema.h"
#include "storage/postgres_storage.h"

namespace stateward {

Result<Bytes> PostgresStorage::ReadLease(const std::string& name) {
  return ReadNamed("SELECT " STATEWARD_PG_PLACE
                   ", l.text FROM (VALUES (1)) one LEFT JOIN stateward.leases l ON l.name = $1",
                   name, "no such lease");
}

Result<bool> PostgresStorage::ExchangeLease(const std::string& name, ByteView expected,
                                            ByteView next) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{
      expected.empty()
          ? "INSERT INTO stateward.leases (name, text) SELECT $1, $2 WHERE " STATEWARD_PG_IS_PLACE(
                STATEWARD_PG_PLACE, "$3") " ON CONFLICT DO NOTHING RETURNING name"
          : "UPDATE stateward.leases SET text = $2 WHERE name = $1 AND text = $4"
            " AND " STATEWARD_PG_IS_PLACE(STATEWARD_PG_PLACE, "$3") " RETURNING name",
      {}};
  statement.params.Text(name).Bytea(next).Text(*place);
  if (!expected.empty()) statement.params.Bytea(expected);
  Result<PgRows> rows = Queries().QueryOne(std::move(statement), PgUse::kChangesOnce);
  if (!rows.ok()) return std::move(rows).status();
  return rows->size() > 0;
}

}  // namespace stateward
