#include "storage/postgres_storage.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/hex.h"
#include "base/json.h"
#include "postgres/pg_functions.h"
#include "postgres/pg_schema.h"
#include "storage/fs_layout.h"

namespace stateward {
namespace {

constexpr char kNoPlace[] =
    "postgres: no identity of a store, or this server is a standby (see `statewardctl init`)";
// Re-keying may exchange the bytes of a record between two pieces; it does so once.
constexpr int kReadTries = 3;
// Ids in one answer of List: 100 KB.
constexpr uint64_t kListPage = 1000;

// One row in any case: the place, and the record if there is one.
#define FROM_RECORD " FROM (VALUES (1)) one LEFT JOIN stateward.records r ON r.id = $1 AND r.n = $2"

// The loose scan: one look at the index for each state, however many versions it has.
#define STATE_IDS                                                             \
  "WITH RECURSIVE s(id) AS ("                                                 \
  "(SELECT id FROM stateward.records WHERE id > $1 ORDER BY id LIMIT 1)"      \
  " UNION ALL SELECT (SELECT r.id FROM stateward.records r WHERE r.id > s.id" \
  " ORDER BY r.id LIMIT 1) FROM s WHERE s.id IS NOT NULL) "

constexpr char kAppend[] =
    "WITH place AS MATERIALIZED (SELECT " STATEWARD_PG_PLACE " AS place, " STATEWARD_PG_SAFE
    " AS safe, (SELECT coalesce(max(n), 0) FROM stateward.records WHERE id = $1) AS head),"
    " made AS (INSERT INTO stateward.records (id, n, data) SELECT $1, $2, $3 FROM place"
    " WHERE head = $2 - 1 AND safe AND " STATEWARD_PG_IS_PLACE("place.place", "$4")
    " ON CONFLICT DO NOTHING RETURNING n)"
    " SELECT place, safe, head, EXISTS (SELECT FROM made),"
    " set_config('synchronous_commit', 'on', true) FROM place";

constexpr char kReplace[] =
    "WITH place AS MATERIALIZED (SELECT " STATEWARD_PG_PLACE " AS place, " STATEWARD_PG_SAFE
    " AS safe, EXISTS (SELECT FROM stateward.records WHERE id = $1 AND n = $2) AS there),"
    " made AS (UPDATE stateward.records r SET data = $3 FROM place WHERE r.id = $1 AND r.n = $2"
    " AND sha256(r.data) = $5 AND safe AND " STATEWARD_PG_IS_PLACE("place.place", "$4")
    " RETURNING 1)"
    " SELECT place, safe, there, EXISTS (SELECT FROM made),"
    " set_config('synchronous_commit', 'on', true) FROM place";

constexpr char kPrune[] =
    "WITH place AS MATERIALIZED (SELECT " STATEWARD_PG_PLACE
    " AS place,"
    " (SELECT coalesce(max(n), 0) FROM stateward.records WHERE id = $1) AS head),"
    " gone AS (DELETE FROM stateward.records r USING place WHERE r.id = $1 AND r.n = $2"
    " AND $2 < head AND " STATEWARD_PG_IS_PLACE("place.place", "$3") ")"
    " SELECT place, head FROM place";

// A message in the log of the server that says nothing, so that the commit, and with it everything
// before, is flushed, to synchronous standbys too.
constexpr char kSettle[] = "SELECT " STATEWARD_PG_PLACE
                           ", r.n IS NOT NULL, set_config('synchronous_commit', 'on', true),"
                           " pg_logical_emit_message(true, 'stateward', '')" FROM_RECORD;

// /ready is asked every few seconds by each of many.
constexpr int64_t kTryWriteUs = 30LL * 1000 * 1000;

}  // namespace

PostgresStorage::PostgresStorage(std::shared_ptr<PgPool> pool, const Clock& clock,
                                 PostgresStorageOptions options)
    : shared_(std::make_shared<Shared>(std::move(pool), clock, std::move(options))) {}

std::unique_ptr<Storage> PostgresStorage::Within(Transaction& transaction) {
  auto* ours = dynamic_cast<PgTransaction*>(&transaction);
  if (ours == nullptr || &ours->pool() != shared_->pool.get()) return nullptr;
  return std::unique_ptr<Storage>(new PostgresStorage(shared_, *ours));
}

PgQueries& PostgresStorage::Queries() {
  if (transaction_ != nullptr) return *transaction_;
  return *shared_->pool;
}

// As STATEWARD_PG_PLACE says it, without the timeline.
std::string PostgresStorage::PlaceOf(const StoreIdentity& identity) {
  return std::to_string(identity.format) + " " + identity.store_id + " " + identity.lock_kind +
         " " + identity.lock_id;
}

void PostgresStorage::Expect(const StoreIdentity& identity) {
  std::lock_guard<std::mutex> hold(shared_->place_mutex);
  shared_->place = PlaceOf(identity);
  shared_->expected = true;
}

Status PostgresStorage::CheckPlace(std::string_view text) {
  if (text.size() <= kPgTimeline) return Status::Unavailable(kNoPlace);
  bool expected = false;
  {
    std::lock_guard<std::mutex> hold(shared_->place_mutex);
    STATEWARD_RETURN_IF_ERROR(CheckIdentity(text.substr(kPgTimeline + 1)));
    expected = shared_->expected;
  }
  return expected ? shared_->pool->FollowTimeline(text.substr(0, kPgTimeline)) : Status();
}

// Called with the mutex of the place.
Status PostgresStorage::CheckIdentity(std::string_view place) {
  if (place == shared_->place) return Status();
  const std::string_view format = place.substr(0, place.find(' '));
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckFormat(ParseUint64(format).value_or(0)));
  const std::string_view before = shared_->place;
  if (!before.empty() && before.substr(before.find(' ')) == place.substr(format.size())) {
    shared_->place = std::string(place);
    return Status::Unavailable("postgres: the store's format has changed just now; ask again");
  }
  if (!before.empty()) {
    return Status::Unavailable(
        "postgres: another store, or one with another lock service, lies in this database now; "
        "restart when that is meant");
  }
  shared_->place = std::string(place);
  return Status();
}

uint32_t PostgresStorage::Format() {
  std::lock_guard<std::mutex> hold(shared_->place_mutex);
  const std::string& place = shared_->place;
  return static_cast<uint32_t>(ParseUint64(place.substr(0, place.find(' '))).value_or(1));
}

Result<std::string> PostgresStorage::Place() {
  const auto known = [this] {
    std::lock_guard<std::mutex> hold(shared_->place_mutex);
    return shared_->place;
  };
  std::string place = known();
  if (place.empty()) {
    Result<PgRows> rows = Ask({"SELECT " STATEWARD_PG_PLACE, {}}, PgUse::kRead);
    if (!rows.ok()) return std::move(rows).status();
    place = rows->Text(0, 0).substr(kPgTimeline + 1);
  }
  return shared_->pool->NewestTimeline() + " " + place;
}

Result<PgRows> PostgresStorage::Ask(PgStatement statement, PgUse use) {
  Result<PgRows> rows = Queries().QueryOne(std::move(statement), use);
  if (!rows.ok()) return rows;
  STATEWARD_RETURN_IF_ERROR(CheckPlace(rows->Raw(0, 0).AsString()));
  return rows;
}

Result<Bytes> PostgresStorage::ReadNamed(const char* sql, const std::string& name,
                                         const char* absent) {
  PgStatement statement{sql, {}};
  statement.params.Text(name);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->IsNull(0, 1)) return Status::NotFound(absent);
  return rows->Bytea(0, 1);
}

Result<Bytes> PostgresStorage::Get(const StateId& id, uint64_t n) {
  PgStatement statement{"SELECT " STATEWARD_PG_PLACE
                        ", r.n, substring(r.data FROM 1 FOR $3::int8::int4),"
                        " octet_length(r.data)::int8, r.xmin::text" FROM_RECORD,
                        {}};
  statement.params.Text(id.hex()).Int8(n).Int8(kPgPiece);
  for (int tries = 0; tries < kReadTries; ++tries) {
    Result<PgRows> rows = Ask(statement, PgUse::kRead);
    if (!rows.ok()) return std::move(rows).status();
    if (rows->IsNull(0, 1)) return Status::NotFound("no such record");
    Bytes bytes = rows->Bytea(0, 2);
    uint64_t size = rows->Int8(0, 3);
    std::string row_version = rows->Text(0, 4);
    Result<bool> whole = ReadRest(id, n, size, row_version, &bytes);
    if (!whole.ok()) return std::move(whole).status();
    if (*whole) return bytes;
  }
  return Status::Unavailable("postgres: the record changed again and again while it was read");
}

Result<bool> PostgresStorage::ReadRest(const StateId& id, uint64_t n, uint64_t size,
                                       const std::string& row_version, Bytes* bytes) {
  bytes->reserve(size);
  while (bytes->size() < size) {
    PgStatement more{"SELECT " STATEWARD_PG_PLACE
                     ", substring(r.data FROM $3::int8::int4 FOR $4::int8::int4)" FROM_RECORD
                     " AND r.xmin::text = $5",
                     {}};
    more.params.Text(id.hex()).Int8(n).Int8(bytes->size() + 1).Int8(kPgPiece).Text(row_version);
    Result<PgRows> rows = Ask(std::move(more), PgUse::kRead);
    if (!rows.ok()) return std::move(rows).status();
    ByteView piece = rows->Raw(0, 1);
    if (piece.empty()) return false;
    bytes->insert(bytes->end(), piece.begin(), piece.end());
  }
  return true;
}

Result<Records::EndPage> PostgresStorage::Ends(const std::string& prefix) {
  // "g" comes behind every hex digit. A whole id is one state, which is never too many.
  const std::string behind = prefix + "g";
  PgStatement statement{
      "SELECT " STATEWARD_PG_PLACE
      ", s.id, s.n, s.records, r.xmin::text FROM (VALUES (1)) one LEFT JOIN (SELECT id,"
      " max(n) AS n, count(*) AS records FROM stateward.records WHERE id >= $1 AND id < $2"
      " GROUP BY id ORDER BY id LIMIT $3) s ON true"
      " LEFT JOIN stateward.records r ON r.id = s.id AND r.n = s.n ORDER BY s.id",
      {}};
  statement.params.Text(prefix).Text(behind).Int8(kEndsPage + 1);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  EndPage page;
  page.whole = rows->size() <= kEndsPage;
  for (size_t i = 0; page.whole && i < rows->size(); ++i) {
    End end;
    if (rows->IsNull(i, 1) || !StateId::Parse(rows->Text(i, 1), &end.id)) continue;
    end.n = rows->Int8(i, 2);
    end.records = rows->Int8(i, 3);
    if (!rows->IsNull(i, 4)) end.stamp = rows->Text(i, 4);
    page.ends.push_back(std::move(end));
  }
  return page;
}

Result<std::vector<Records::Front>> PostgresStorage::Fronts(const std::vector<End>& ends,
                                                            size_t limit) {
  std::string list;
  std::map<std::string, uint64_t> seen;  // before they are asked for
  for (const End& end : ends) {
    list += (list.empty() ? "" : ",") + end.id.hex();
    seen[end.id.hex()] = shared_->hints.Get(end.id);
  }
  PgStatement statement{
      "SELECT " STATEWARD_PG_PLACE
      ", s.id, s.n, s.records, substring(r.data FROM 1 FOR $2::int8::int4)"
      " FROM (VALUES (1)) one LEFT JOIN (SELECT id, max(n) AS n, count(*) AS records"
      " FROM stateward.records WHERE id = ANY(string_to_array($1, ',')) GROUP BY id) s ON true"
      " LEFT JOIN stateward.records r ON r.id = s.id AND r.n = s.n",
      {}};
  statement.params.Text(list).Int8(std::min<size_t>(limit, INT32_MAX));
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  std::vector<Front> fronts;
  for (size_t i = 0; i < rows->size(); ++i) {
    Front front;
    if (rows->IsNull(i, 1) || !StateId::Parse(rows->Text(i, 1), &front.id)) continue;
    front.newest.n = rows->Int8(i, 2);
    front.records = rows->Int8(i, 3);
    front.newest.bytes = rows->Bytea(i, 4);
    STATEWARD_RETURN_IF_ERROR(CheckHead(seen[front.id.hex()], front.newest.n));
    fronts.push_back(std::move(front));
  }
  return fronts;
}

Result<std::optional<uint64_t>> PostgresStorage::StoredBytes(const StateId& id) {
  PgStatement statement{"SELECT " STATEWARD_PG_PLACE
                        ", (SELECT coalesce(sum(octet_length(data)), 0)::int8"
                        " FROM stateward.records WHERE id = $1)",
                        {}};
  statement.params.Text(id.hex());
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  return std::optional<uint64_t>(rows->Int8(0, 1));
}

Result<Bytes> PostgresStorage::GetPrefix(const StateId& id, uint64_t n, size_t limit) {
  Result<const PgTransaction::Newest*> brought = BroughtAlong(id);
  if (!brought.ok()) return std::move(brought).status();
  const PgTransaction::Newest* newest = *brought;
  if (newest != nullptr && newest->n == n && newest->Has(limit)) {
    return newest->prefix;
  }
  PgStatement statement{"SELECT " STATEWARD_PG_PLACE
                        ", r.n, substring(r.data FROM 1 FOR $3::int8::int4)" FROM_RECORD,
                        {}};
  statement.params.Text(id.hex()).Int8(n).Int8(std::min<size_t>(limit, INT32_MAX));
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->IsNull(0, 1)) return Status::NotFound("no such record");
  return rows->Bytea(0, 2);
}

Result<AppendOutcome> PostgresStorage::Append(const StateId& id, uint64_t expected_head,
                                              ByteView sealed) {
  STATEWARD_RETURN_IF_ERROR(fs_layout::CheckNumberLeft(expected_head));
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement plain{kAppend, {}};
  plain.params.Text(id.hex()).Int8(expected_head + 1).Bytea(sealed).Text(*place);
  Result<PgRows> rows = AskFunction(pg_function::kAppend, std::move(plain), PgUse::kChangesOnce);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->Bool(0, 3)) {
    const uint64_t n = expected_head + 1;
    if (transaction_ == nullptr || transaction_->ended()) {
      shared_->hints.Raise(id, n);
    } else {
      transaction_->when_committed = [shared = shared_, id, n] { shared->hints.Raise(id, n); };
    }
    return AppendOutcome{true, n};
  }
  if (!rows->Bool(0, 1)) return PgUnsafe();
  uint64_t head = rows->Int8(0, 2);
  if (head < expected_head) {
    return Status::Unavailable("record " + std::to_string(expected_head) + " is gone");
  }
  // With the head that was expected another one took the number in the same moment.
  return AppendOutcome{false, std::max(head, expected_head + 1)};
}

Status PostgresStorage::Settle(const StateId& id, uint64_t n) {
  PgStatement statement{kSettle, {}};
  statement.params.Text(id.hex()).Int8(n);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  return rows->Bool(0, 1) ? Status() : Status::NotFound("no such record");
}

Status PostgresStorage::Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                                ByteView sealed) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{kReplace, {}};
  statement.params.Text(id.hex()).Int8(n).Bytea(sealed).Text(*place).Bytea(expected);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kChangesOnce);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->Bool(0, 3)) return Status();
  if (!rows->Bool(0, 1)) return PgUnsafe();
  if (!rows->Bool(0, 2)) return Status::NotFound("no such record");
  return {Code::kConflict, "the record has other bytes by now"};
}

Result<std::vector<uint64_t>> PostgresStorage::Versions(const StateId& id) {
  PgStatement statement{"SELECT " STATEWARD_PG_PLACE
                        ", r.n FROM (VALUES (1)) one LEFT JOIN stateward.records r ON r.id = $1"
                        " ORDER BY r.n DESC",
                        {}};
  statement.params.Text(id.hex());
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  std::vector<uint64_t> versions;
  for (size_t i = 0; i < rows->size(); ++i) {
    if (!rows->IsNull(i, 1)) versions.push_back(rows->Int8(i, 1));
  }
  return versions;
}

Status PostgresStorage::ListAfter(const StateId& from,
                                  const std::function<bool(const StateId&)>& each) {
  std::string after = from.hex();
  for (bool more = true; more;) {
    PgStatement statement{STATE_IDS "SELECT " STATEWARD_PG_PLACE
                                    ", s.id FROM (VALUES (1)) one LEFT JOIN (SELECT id FROM s WHERE"
                                    " id IS NOT NULL LIMIT $2) s ON true ORDER BY s.id",
                          {}};
    statement.params.Text(after).Int8(kListPage);
    Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
    if (!rows.ok()) return std::move(rows).status();
    more = rows->size() == kListPage;
    for (size_t i = 0; i < rows->size(); ++i) {
      StateId id;
      if (rows->IsNull(i, 1)) break;
      after = rows->Text(i, 1);
      if (StateId::Parse(after, &id) && !each(id)) return Status();
    }
  }
  return Status();
}

Result<uint64_t> PostgresStorage::Count() {
  PgStatement statement{
      STATE_IDS "SELECT " STATEWARD_PG_PLACE ", (SELECT count(*) FROM s WHERE id IS NOT NULL)", {}};
  statement.params.Text("");
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  return rows->Int8(0, 1);
}

Status PostgresStorage::Prune(const StateId& id, uint64_t n) {
  Result<std::string> place = Place();
  if (!place.ok()) return std::move(place).status();
  PgStatement statement{kPrune, {}};
  statement.params.Text(id.hex()).Int8(n).Text(*place);
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRepeatable);
  if (!rows.ok()) return std::move(rows).status();
  if (n >= rows->Int8(0, 1)) {
    return Status::InvalidArgument("the newest record is never removed");
  }
  return Status();
}

// Something is written and undone: only that shows a full disk or a server that is read-only.
Status PostgresStorage::Check() {
  std::vector<PgRows> rows;
  PgStatement look{"SELECT " STATEWARD_PG_PLACE ", " STATEWARD_PG_SAFE, {}};
  Result<std::unique_ptr<PgTransaction>> transaction = shared_->pool->Begin({look}, &rows);
  if (!transaction.ok()) return std::move(transaction).status();
  STATEWARD_RETURN_IF_ERROR(CheckPlace(rows[0].Raw(0, 0).AsString()));
  if (!rows[0].Bool(0, 1)) return PgUnsafe();
  // A row that was undone has to be vacuumed, so this is tried rarely.
  const int64_t now = shared_->clock.SteadyUs();
  if (shared_->wrote_us != 0 && now - shared_->wrote_us < kTryWriteUs) return Status();
  PgStatement probe{"INSERT INTO stateward.records (id, n, data) VALUES ('probe-' || $1, 1, $2)",
                    {}};
  std::string unique = std::to_string(shared_->clock.SteadyUs());
  probe.params.Text(unique).Bytea(std::string_view("probe"));
  Result<std::vector<PgRows>> written = (*transaction)->Query({probe}, PgUse::kRepeatable);
  if (!written.ok()) return written.status();
  shared_->wrote_us = now;
  return Status();
}

}  // namespace stateward
