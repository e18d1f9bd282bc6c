#include "moving/pg_source.h"

#include <utility>

#include "postgres/pg_schema.h"

namespace stateward {

Result<std::unique_ptr<Source>> PgSource::Open(const SecretString& connection,
                                               const std::string& schema, const Clock& clock) {
  Result<std::string> table = PgTableName("--pg", PgQuoted(schema) + ".states");
  if (!table.ok()) return std::move(table).status();
  Result<PgTarget> target = PgTarget::Parse(connection);
  if (!target.ok()) {
    return Status::InvalidArgument("PG_CONN_STR is neither a postgres:// URL nor key=value text");
  }
  Result<std::unique_ptr<PgConnection>> opened = PgConnection::Open(*target, clock);
  if (!opened.ok()) return std::move(opened).status();
  return std::unique_ptr<Source>(
      std::make_unique<PgSource>(*std::move(opened), schema, *std::move(table)));
}

Result<PgRows> PgSource::Ask(const std::string& sql, const std::string* workspace) {
  std::lock_guard<std::mutex> hold(mutex_);
  PgStatement statement;
  statement.sql = sql;
  if (workspace != nullptr) statement.params.Text(*workspace);
  Result<std::vector<PgRows>> rows = connection_->Run({std::move(statement)});
  if (!rows.ok()) return std::move(rows).status();
  return std::move(rows->front());
}

Result<std::vector<SourceState>> PgSource::List() {
  Result<PgRows> rows = Ask("SELECT to_regclass($1) IS NULL", &table_);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->Bool(0, 0)) {
    return Status::InvalidArgument("the database has no table " + table_ +
                                   ": --pg is the backend's schema_name, terraform_remote_state "
                                   "where it says none");
  }
  rows = Ask("SELECT name FROM " + table_ + " WHERE data <> '' ORDER BY name", nullptr);
  if (!rows.ok()) return std::move(rows).status();
  std::vector<SourceState> states;
  for (size_t row = 0; row < rows->size(); ++row) {
    const std::string name = rows->Text(row, 0);
    states.push_back({name, "postgres " + schema_ + ".states " + name});
  }
  return states;
}

Result<std::vector<SourceVersion>> PgSource::Versions(const SourceState&) {
  return std::vector<SourceVersion>{{"the only one", 0}};
}

Result<SecretBytes> PgSource::Read(const SourceState& state, const SourceVersion&) {
  Result<PgRows> rows = Ask("SELECT data FROM " + table_ + " WHERE name = $1", &state.workspace);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->size() == 0 || rows->IsNull(0, 0)) return Status::NotFound(state.place + ": no row");
  const ByteView data = rows->Raw(0, 0);
  return SecretBytes(data.begin(), data.end());
}

Result<SourceLock> PgSource::Lock(const SourceState& state) {
  Result<PgRows> rows =
      Ask("SELECT pg_try_advisory_lock(id) FROM " + table_ + " WHERE name = $1", &state.workspace);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->size() == 0) return Status::NotFound(state.place + ": no row");
  if (rows->Bool(0, 0)) return SourceLock::kHeld;
  return Status(Code::kLocked, state.place + ": a client holds its lock");
}

Status PgSource::Unlock(const SourceState& state) {
  Result<PgRows> rows =
      Ask("SELECT pg_advisory_unlock(id) FROM " + table_ + " WHERE name = $1", &state.workspace);
  return rows.ok() ? Status() : std::move(rows).status();
}

}  // namespace stateward
