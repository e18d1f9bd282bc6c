// What running servers say of themselves, in the postgres storage: a row for each.
#include <utility>

#include "postgres/pg_schema.h"
#include "storage/postgres_storage.h"

namespace stateward {

Status PostgresStorage::Publish(const std::string& server_id, ByteView text) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{
      "INSERT INTO stateward.servers (id, text) SELECT $1, $2 WHERE " STATEWARD_PG_IS_PLACE(
          STATEWARD_PG_PLACE, "$3") " ON CONFLICT (id) DO UPDATE SET text = $2 RETURNING id",
      {}};
  statement.params.Text(server_id).Bytea(text).Text(*place);
  Result<PgRows> rows = Queries().QueryOne(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  return rows->size() > 0 ? Status()
                          : Status::Unavailable("postgres: the store's identity is gone");
}

Result<std::vector<ServerNotice>> PostgresStorage::Published() {
  Result<PgRows> rows = Ask(
      {"SELECT " STATEWARD_PG_PLACE
       ", s.id, s.text FROM (VALUES (1)) one LEFT JOIN stateward.servers s ON true ORDER BY s.id",
       {}},
      PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  std::vector<ServerNotice> notices;
  for (size_t i = 0; i < rows->size(); ++i) {
    if (!rows->IsNull(i, 1)) notices.push_back({rows->Text(i, 1), rows->Bytea(i, 2)});
  }
  return notices;
}

Status PostgresStorage::Withdraw(const std::string& server_id) {
  PgStatement statement{"DELETE FROM stateward.servers WHERE id = $1", {}};
  statement.params.Text(server_id);
  Result<PgRows> rows = Queries().QueryOne(std::move(statement), PgUse::kRepeatable);
  return rows.ok() ? Status() : std::move(rows).status();
}

}  // namespace stateward
