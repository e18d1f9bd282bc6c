#include "postgres/pg_schema.h"

namespace stateward {
namespace {

// Any number will do that nobody else in the database takes: "stwd" and "mk".
constexpr char kSchemaLock[] = "SELECT pg_advisory_xact_lock(1937012580, 28011)";

std::string Quoted(std::string_view part) {
  std::string out = "\"";
  for (char c : part) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace

Result<std::unique_ptr<PgTransaction>> BeginSchemaChange(PgPool& pool, const std::string& probe,
                                                         const std::vector<std::string>& ddl) {
  std::vector<PgRows> rows;
  Result<std::unique_ptr<PgTransaction>> begun = pool.Begin({{kSchemaLock, {}}}, &rows);
  if (!begun.ok()) return begun;
  PgTransaction& transaction = **begun;
  PgStatement look{"SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'stateward')", {}};
  Result<std::vector<PgRows>> schema = transaction.Query({look}, PgUse::kRead);
  if (!schema.ok()) return std::move(schema).status();
  // Asked only when there is none: "IF NOT EXISTS" would want the right to make one all the same.
  if (!schema->front().Bool(0, 0)) {
    Result<std::vector<PgRows>> made =
        transaction.Query({{"CREATE SCHEMA stateward", {}}}, PgUse::kRepeatable);
    if (!made.ok()) return std::move(made).status();
  }
  if (probe.empty()) return begun;
  PgStatement find{"SELECT to_regclass($1) IS NOT NULL", {}};
  find.params.Text(probe);
  Result<std::vector<PgRows>> there = transaction.Query({find}, PgUse::kRead);
  if (!there.ok()) return std::move(there).status();
  if (there->front().Bool(0, 0)) return begun;
  std::vector<PgStatement> statements;
  statements.reserve(ddl.size());
  for (const std::string& sql : ddl) statements.push_back({sql, {}});
  Result<std::vector<PgRows>> made = transaction.Query(statements, PgUse::kRepeatable);
  if (!made.ok()) return std::move(made).status();
  return begun;
}

Result<bool> PgTableExists(PgQueries& queries, const std::string& name) {
  PgStatement find{"SELECT to_regclass($1) IS NOT NULL, NOT " STATEWARD_PG_BELIEVED, {}};
  find.params.Text(name);
  Result<PgRows> rows = queries.QueryOne(find, PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->Bool(0, 1)) return Status::Unavailable("postgres: this server is a standby");
  return rows->Bool(0, 0);
}

Result<std::string> PgTableName(std::string_view setting, std::string_view text) {
  size_t dot = text.find('.');
  std::string_view schema = dot == std::string_view::npos ? "" : text.substr(0, dot);
  std::string_view table = dot == std::string_view::npos ? text : text.substr(dot + 1);
  bool bad = table.empty() || (dot != std::string_view::npos && schema.empty()) ||
             table.find('.') != std::string_view::npos || text.find('\0') != std::string_view::npos;
  if (bad) {
    return Status(Code::kInvalidArgument,
                  std::string(setting) + " must be a table's name, or schema.table");
  }
  return (schema.empty() ? "" : Quoted(schema) + ".") + Quoted(table);
}

PgStatement PgNewestStatement(const StateId& id, size_t limit, uint64_t known) {
  PgStatement statement{
      "SELECT " STATEWARD_PG_PLACE
      ", r.n, CASE WHEN r.n <> $2 THEN substring(r.data FROM 1 FOR $3::int8::int4) END,"
      " octet_length(r.data) <= $3 AND r.n <> $2,"
      " octet_length(r.data)::int8 FROM (VALUES (1)) one LEFT JOIN LATERAL"
      " (SELECT n, data FROM stateward.records WHERE id = $1 ORDER BY n DESC LIMIT 1) r ON true",
      {}};
  statement.params.Text(id.hex()).Int8(known).Int8(limit);
  return statement;
}

}  // namespace stateward
