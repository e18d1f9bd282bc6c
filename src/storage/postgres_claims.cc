// The original's data and claims in the postgres storage.
#include <utility>

#include "base/hex.h"
#include "postgres/pg_schema.h"
#include "storage/postgres_storage.h"

namespace stateward {
namespace {

// Ids of 64 bytes: one answer stays below a megabyte.
constexpr uint64_t kLegacyPage = 10000;

}  // namespace

Result<bool> PostgresStorage::LegacyThere() {
  const std::string& table = shared_->options.legacy_table;
  Result<std::vector<PgRows>> rows =
      Queries().Query({PgFindTable(table), {"SELECT " STATEWARD_PG_PLACE, {}}}, PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  STATEWARD_RETURN_IF_ERROR(CheckPlace(rows->back().Raw(0, 0).AsString()));
  return PgTableFound(rows->front(), table, kPgStatesSetting);
}

Result<Bytes> PostgresStorage::GetLegacy(const std::string& legacy_id) {
  // Asked first: an error would be the end of the transaction that a write has open.
  Result<bool> there = LegacyThere();
  if (!there.ok()) return std::move(there).status();
  if (!*there) return Status::NotFound("none of terraform-backend's");
  PgStatement statement{"SELECT " STATEWARD_PG_PLACE
                        ", l.state_id, l.state_data FROM (VALUES (1)) one LEFT JOIN " +
                            shared_->options.legacy_table + " l ON l.state_id = $1",
                        {}};
  statement.params.Text(legacy_id);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->IsNull(0, 1)) return Status::NotFound("none of terraform-backend's");
  return rows->Bytea(0, 2);
}

// A page is one statement, so that a blob and its claim are of one moment.
Status PostgresStorage::ListLegacy(const std::function<bool(const LegacyBlob&)>& each) {
  Result<bool> there = LegacyThere();
  if (!there.ok()) return std::move(there).status();
  if (!*there) return Status();
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
      " SELECT $1, $2 WHERE " STATEWARD_PG_IS_PLACE(
          STATEWARD_PG_PLACE, "$3") " AND " STATEWARD_PG_SAFE
                                    " ON CONFLICT (legacy_id) DO UPDATE SET id = c.id"
                                    " RETURNING " STATEWARD_PG_PLACE
                                    ", c.id, set_config('synchronous_commit', 'on', true)",
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
