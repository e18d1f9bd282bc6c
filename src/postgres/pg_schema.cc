#include "postgres/pg_schema.h"

#include <algorithm>
#include <utility>

namespace stateward {
namespace {

// Any number will do that nobody else in the database takes: "stwd" and "mk".
constexpr char kSchemaLock[] = "SELECT pg_advisory_xact_lock(1937012580, 28011)";

// $1: a table's name. Is it there; does this server's word not count; may rows of it be hidden from
// this role; and, for a name without a schema that is not there, in which schemas a table of
// terraform-backend (told by its columns) has this name. to_regclass looks only along the search
// path, and skips schemas that the role may not use; the catalogue shows all of them.
constexpr char kFindTable[] =
    "SELECT to_regclass($1) IS NOT NULL, NOT " STATEWARD_PG_BELIEVED
    ", coalesce(row_security_active(to_regclass($1)), false),"
    " CASE WHEN to_regclass($1) IS NULL AND cardinality(parse_ident($1)) = 1 THEN"
    " (SELECT string_agg(quote_ident(n.nspname) || CASE WHEN has_schema_privilege(n.oid, 'USAGE')"
    " THEN '' ELSE ' (which this role may not use)' END, ', ' ORDER BY n.nspname)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relname = (parse_ident($1))[1] AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
    " AND c.relpersistence <> 't' AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid ="
    " c.oid AND a.attname IN ('state_id', 'state_data', 'lock_data') AND NOT a.attisdropped) = 2)"
    " END";

Status NotSeen(const std::string& name, const std::string& schemas, std::string_view setting) {
  return Status::Unavailable(
      "postgres: a table " + name + " of terraform-backend is not on this role's search path: it " +
      "lies in schema " + schemas + ". Write the schema into " + std::string(setting) +
      " (schema.table), and give the role USAGE on the schema and SELECT on the table. If that "
      "table is another installation's, name the schema where yours is, or would be "
      "(public.table)");
}

// Take one part of a name off the front, as SQL reads it. False: there is none.
bool TakePlain(std::string_view* text, std::string* part) {
  const size_t end = std::min(text->find_first_of(".\""), text->size());
  for (char c : text->substr(0, end)) {
    *part += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  text->remove_prefix(end);
  return !part->empty();
}

bool TakeQuoted(std::string_view* text, std::string* part) {
  for (size_t at = 1; at < text->size(); ++at) {
    if ((*text)[at] == '"') {
      ++at;
      if (at == text->size() || (*text)[at] != '"') {
        text->remove_prefix(at);
        return !part->empty();
      }
    }
    *part += (*text)[at];
  }
  return false;
}

bool TakePart(std::string_view* text, std::string* part) {
  part->clear();
  return !text->empty() && text->front() == '"' ? TakeQuoted(text, part) : TakePlain(text, part);
}

}  // namespace

std::string PgQuoted(std::string_view part) {
  std::string out = "\"";
  for (char c : part) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

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

PgStatement PgFindTable(const std::string& name) {
  PgStatement find{kFindTable, {}};
  find.params.Text(name);
  return find;
}

Result<bool> PgTableExists(PgQueries& queries, const std::string& name, std::string_view setting) {
  Result<PgRows> rows = queries.QueryOne(PgFindTable(name), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  return PgTableFound(*rows, name, setting);
}

Result<bool> PgTableFound(const PgRows& rows, const std::string& name, std::string_view setting) {
  if (rows.Bool(0, 1)) return Status::Unavailable("postgres: this server is a standby");
  if (rows.Bool(0, 2)) {
    return Status::Unavailable("postgres: row security is on for " + name +
                               ", so this role may not see all its rows: give the role BYPASSRLS");
  }
  if (!rows.IsNull(0, 3)) return NotSeen(name, rows.Text(0, 3), setting);
  return rows.Bool(0, 0);
}

Result<std::string> PgTableName(std::string_view setting, std::string_view text) {
  std::string out;
  std::string part;
  std::string_view rest = text;
  bool good = text.find('\0') == std::string_view::npos && TakePart(&rest, &part);
  if (good) out = PgQuoted(part);
  if (good && !rest.empty()) {
    good = rest.front() == '.';
    rest.remove_prefix(1);
    good = good && TakePart(&rest, &part) && rest.empty();
    out += "." + PgQuoted(part);
  }
  if (good) return out;
  return Status(Code::kInvalidArgument,
                std::string(setting) + " must be a table's name, or schema.table");
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
