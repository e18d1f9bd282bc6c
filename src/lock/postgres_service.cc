// The postgres lock as a service: its tables, its id, and the locks that the original still holds.
#include <utility>

#include "base/hex.h"
#include "base/random.h"
#include "lock/postgres_lock.h"
#include "lock/postgres_sql.h"
#include "postgres/pg_functions.h"
#include "postgres/pg_schema.h"

namespace stateward {
namespace {

constexpr char kServiceTable[] = "stateward.lock_service";
// The original makes its table when it starts, and nothing ever removes it; so the answer is asked
// for again only so often.
constexpr int64_t kAskLegacyUs = 30000000;

std::vector<std::string> LockTables() {
  return {
      // Half of each page is left free, so that a step's new version of a row fits next to the old
      // one and no index changes.
      "CREATE TABLE stateward.state_locks (id text COLLATE \"C\" PRIMARY KEY, held bool NOT NULL,"
      " plans int8 NOT NULL, record bytea NOT NULL, epoch text NOT NULL) WITH (fillfactor = 50)",
      "CREATE TABLE stateward.lock_entries (id text COLLATE \"C\" NOT NULL, slot int8 NOT NULL,"
      " entry bytea NOT NULL, PRIMARY KEY (id, slot))",
      "CREATE TABLE stateward.lock_service (only_one bool PRIMARY KEY DEFAULT true CHECK"
      " (only_one), id text NOT NULL, first_epoch text NOT NULL, counter int8 NOT NULL,"
      " gate_tag text NOT NULL DEFAULT '', gates text NOT NULL DEFAULT '')",
  };
}

// Records in one answer: at most 40 KiB each, so 5 MiB of the memory of who asks.
constexpr size_t kHeldPage = 128;
// /ready is asked every few seconds by each of many.
constexpr int64_t kTryWriteUs = 30LL * 1000 * 1000;

}  // namespace

std::string_view PostgresLock::TimelineOf(std::string_view epoch) {
  return epoch.substr(0, kPgTimeline);
}

Status PostgresLock::CheckService(const PgRows& rows, size_t column, Service* service) {
  if (rows.IsNull(0, column)) {
    return Status::Unavailable(
        "postgres: no lock service, or this server is a standby (see `statewardctl init`)");
  }
  std::string text = rows.Text(0, column);
  std::string id = text.substr(0, 32);
  if (!IsHex(id, 32) || text.size() < 34) {
    return Status::Unavailable("postgres: the lock service's id is damaged");
  }
  const size_t end = text.find(' ', 33);
  if (end == std::string::npos) {
    return Status::Unavailable("postgres: the lock service's row is damaged");
  }
  service->epoch = text.substr(33, end - 33);
  service->gate_tag = text.substr(end + 1);
  std::lock_guard<std::mutex> hold(mutex_);
  if (service_id_.empty()) service_id_ = id;
  if (id != service_id_) {
    return Status::Unavailable(
        "postgres: another lock service lies in this database now; see `statewardctl init "
        "--locks`");
  }
  if (expected_) STATEWARD_RETURN_IF_ERROR(pool_->FollowTimeline(TimelineOf(service->epoch)));
  epoch_ = service->epoch;
  return Status();
}

void PostgresLock::Expect(const std::string& service_id) {
  std::lock_guard<std::mutex> hold(mutex_);
  expected_ = true;
  if (service_id == service_id_) return;
  service_id_ = service_id;
  // Said by another one.
  epoch_.clear();
  legacy_asked_us_ = 0;
}

Result<std::string> PostgresLock::ServiceId() {
  Result<bool> there = PgTableExists(*pool_, kServiceTable);
  if (!there.ok()) return std::move(there).status();
  if (!*there) return Status::NotFound("no table " + std::string(kServiceTable));
  Result<PgRows> rows =
      pool_->QueryOne({"SELECT id FROM stateward.lock_service", {}}, PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  if (rows->size() == 0) return Status::NotFound("no id in " + std::string(kServiceTable));
  std::string id = rows->Text(0, 0);
  if (!IsHex(id, 32)) return Status::Unavailable("postgres: the lock service's id is damaged");
  MakePgFunctions(*pool_);
  std::lock_guard<std::mutex> hold(mutex_);
  if (service_id_.empty()) service_id_ = id;
  return id;
}

Result<std::string> PostgresLock::InitService(bool forgotten) {
  Result<std::unique_ptr<PgTransaction>> transaction =
      BeginSchemaChange(*pool_, kServiceTable, LockTables());
  if (!transaction.ok()) return std::move(transaction).status();
  // A new epoch, if locks may have been forgotten: no state's row bears it yet.
  PgStatement make{
      "INSERT INTO stateward.lock_service AS s (id, first_epoch, counter)"
      " VALUES ($1, CASE WHEN $2 > 0 THEN 'none' ELSE " STATEWARD_PG_EPOCH("0") " END, $2)"
      " ON CONFLICT (only_one) DO UPDATE SET counter = s.counter + $2 RETURNING id",
      {}};
  std::string id = RandomHex(16);
  make.params.Text(id).Int8(forgotten ? 1 : 0);
  Result<std::vector<PgRows>> made = (*transaction)->Query({make}, PgUse::kRepeatable);
  if (!made.ok()) return std::move(made).status();
  STATEWARD_RETURN_IF_ERROR((*transaction)->Commit({}));
  transaction->reset();
  MakePgFunctions(*pool_);
  return made->front().Text(0, 0);
}

Result<bool> PostgresLock::LegacyThere(const LockKey& key) {
  if (key.legacy_ids.empty()) return false;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    const bool ask = legacy_asked_us_ == 0 || clock_.SteadyUs() - legacy_asked_us_ > kAskLegacyUs;
    if (!ask) return legacy_there_;
  }
  Result<bool> there = AskLegacyThere();
  if (!there.ok()) return there;
  std::lock_guard<std::mutex> hold(mutex_);
  legacy_asked_us_ = clock_.SteadyUs();
  legacy_there_ = *there;
  return there;
}

Result<bool> PostgresLock::AskLegacyThere() {
  Result<std::vector<PgRows>> rows = pool_->Query(
      {PgFindTable(options_.legacy_table), {"SELECT " STATEWARD_PG_SERVICE, {}}}, PgUse::kRead);
  if (!rows.ok()) return Status::Unavailable(rows.status().detail());
  Service service;
  STATEWARD_RETURN_IF_ERROR(CheckService(rows->back(), 0, &service));
  return PgTableFound(rows->front(), options_.legacy_table, "LOCK_POSTGRES_TABLE");
}

std::string PostgresLock::LegacySelect(const LockKey& key, PgParams* params) const {
  std::string sql =
      "SELECT state_id::text, lock_data FROM " + options_.legacy_table + " WHERE state_id IN (";
  for (size_t i = 0; i < key.legacy_ids.size(); ++i) {
    params->Text(key.legacy_ids[i]);
    sql += (i == 0 ? "$" : ", $") + std::to_string(params->all().size());
  }
  return sql + ") ORDER BY state_id LIMIT 1";
}

Result<std::vector<PgStatement>> PostgresLock::LegacyStatement(const LockKey& key) {
  Result<bool> there = LegacyThere(key);
  if (!there.ok()) return std::move(there).status();
  std::vector<PgStatement> statements;
  if (!*there) return statements;
  PgStatement statement;
  statement.sql = LegacySelect(key, &statement.params);
  statements.push_back(std::move(statement));
  return statements;
}

Result<bool> PostgresLock::TokenReleased(const StateId& id, const std::string& token_sha256) {
  PgStatement look{pg_lock::kLook, {}};
  look.params.Text(id.hex());
  PgStatement all{pg_lock::kAllReleased, {}};
  all.params.Text(id.hex()).Int8(kReleasedSlots);
  Result<std::vector<PgRows>> rows = pool_->Query({look, all}, PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  Result<Row> row = ReadRow(rows->front());
  if (!row.ok()) return std::move(row).status();
  LockBook& book = row->book;
  const PgRows& entries = rows->back();
  const uint64_t remembered = book.tags.size() / kReleasedTagBytes;
  for (uint64_t number = book.releases - remembered; number < book.releases; ++number) {
    size_t at = 0;
    while (at < entries.size() && entries.Int8(at, 0) != SlotOfRelease(number)) ++at;
    Result<ReleasedId> entry = at < entries.size()
                                   ? DecodeReleasedId(number, entries.Raw(at, 1))
                                   : Result<ReleasedId>(Status::Corruption("missing"));
    if (!entry.ok()) return Status::Unavailable("lock: a released ID is damaged");
    book.released.push_back(*entry);
  }
  return stateward::TokenReleased(book, token_sha256, row->now_ms);
}

// Rows in the order of their ids, a page at a time, until `each` returns false.
Status PostgresLock::EachRow(
    const char* page, const StateId& from,
    const std::function<bool(const StateId&, const PgRows&, size_t)>& each) {
  std::string after = from.hex();
  while (true) {
    PgStatement next{page, {}};
    next.params.Text(after).Int8(kHeldPage);
    Result<PgRows> rows = pool_->QueryOne(next, PgUse::kRead);
    if (!rows.ok()) return std::move(rows).status();
    Service service;
    STATEWARD_RETURN_IF_ERROR(CheckService(*rows, 0, &service));
    if (rows->IsNull(0, 1)) return Status();
    for (size_t i = 0; i < rows->size(); ++i) {
      after = rows->Text(i, 1);
      StateId id;
      if (StateId::Parse(after, &id) && !each(id, *rows, i)) return Status();
    }
    if (rows->size() < kHeldPage) return Status();
  }
}

Status PostgresLock::EachHeldAfter(const StateId& from, const EachHeldFn& each) {
  return EachRow(pg_lock::kNextHeld, from,
                 [&each](const StateId& id, const PgRows& rows, size_t i) {
                   Result<LockBook> book = DecodeLockRecord(rows.Raw(i, 2));
                   return book.ok() ? TellLocks(id, LocksOf(std::move(*book)), each)
                                    : each(id, Status::Unavailable(book.status().detail()));
                 });
}

Status PostgresLock::EachKnown(const std::function<bool(const StateId&)>& each) {
  return EachRow(pg_lock::kNextKnown, StateId(),
                 [&each](const StateId& id, const PgRows&, size_t) { return each(id); });
}

Result<HeldCount> PostgresLock::CountHeld() {
  Result<PgRows> rows =
      pool_->QueryOne({"SELECT " STATEWARD_PG_SERVICE
                       ", count(*) FILTER (WHERE held), coalesce(sum(plans), 0)::int8"
                       " FROM stateward.state_locks WHERE held OR plans > 0",
                       {}},
                      PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  Service service;
  STATEWARD_RETURN_IF_ERROR(CheckService(*rows, 0, &service));
  return HeldCount{rows->Int8(0, 1), rows->Int8(0, 2)};
}

Result<uint64_t> PostgresLock::CountLegacy() {
  Result<bool> there = AskLegacyThere();
  if (!there.ok()) return std::move(there).status();
  if (!*there) return uint64_t{0};
  Result<PgRows> rows =
      pool_->QueryOne({"SELECT count(*) FROM " + options_.legacy_table, {}}, PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  return rows->Int8(0, 0);
}

// Something is written and undone: only that shows a full disk or a server that is read-only.
Status PostgresLock::Check() {
  std::vector<PgRows> rows;
  PgStatement look{"SELECT " STATEWARD_PG_SERVICE ", " STATEWARD_PG_SAFE, {}};
  Result<std::unique_ptr<PgTransaction>> transaction = pool_->Begin({look}, &rows);
  if (!transaction.ok()) return std::move(transaction).status();
  Service service;
  STATEWARD_RETURN_IF_ERROR(CheckService(rows[0], 0, &service));
  if (!rows[0].Bool(0, 1)) {
    return Status::Unavailable("lock: fsync or full_page_writes is off on the Postgres server");
  }
  // A row that was undone has to be vacuumed, so this is tried rarely.
  const int64_t now = clock_.SteadyUs();
  if (wrote_us_ != 0 && now - wrote_us_ < kTryWriteUs) return Status();
  PgStatement probe{
      "INSERT INTO stateward.lock_entries (id, slot, entry)"
      " VALUES ('probe', $1, '')",
      {}};
  probe.params.Int8(static_cast<uint64_t>(clock_.SteadyUs()));
  Result<std::vector<PgRows>> written = (*transaction)->Query({probe}, PgUse::kRepeatable);
  if (!written.ok()) return written.status();
  wrote_us_ = now;
  return Status();
}

}  // namespace stateward
