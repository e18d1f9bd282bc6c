#include "lock/postgres_lock.h"

#include <algorithm>
#include <utility>

#include "base/head_hints.h"
#include "lock/legacy_lock.h"
#include "lock/postgres_sql.h"
#include "postgres/pg_functions.h"
#include "postgres/pg_schema.h"
#include "stateward/kms.h"

namespace stateward {
namespace {

// What could not be found out, or is damaged, is an outage here.
Status Outage(Status status) {
  if (status.code() == Code::kUnavailable) return status;
  return Status::Unavailable("lock: " + status.detail());
}

Status StatementFailed(const std::string& sqlstate) {
  std::string text = "postgres: a statement of the write failed";
  if (!sqlstate.empty()) text += " (SQLSTATE " + sqlstate + ")";
  return Status::Unavailable(std::move(text));
}

// The original's lock stays where it lies.
Bytes EncodeRow(const LockBook& book, bool legacy) {
  if (!legacy) return EncodeLockRecord(book);
  LockBook row = book;
  row.holder.reset();
  return EncodeLockRecord(row);
}

}  // namespace

PostgresLock::PostgresLock(std::shared_ptr<PgPool> pool, const Clock& clock,
                           PostgresLockOptions options)
    : pool_(std::move(pool)), clock_(clock), options_(std::move(options)) {}

Result<PostgresLock::Row> PostgresLock::ReadRow(const PgRows& rows) {
  Row row;
  STATEWARD_RETURN_IF_ERROR(CheckService(rows, 0, &row.service));
  row.now_ms = static_cast<int64_t>(rows.Int8(0, 1));
  if (rows.IsNull(0, 2)) return row;  // only where the row need not be there
  Result<LockBook> book = DecodeLockRecord(rows.Raw(0, 2));
  if (!book.ok()) return Outage(std::move(book).status());
  row.book = std::move(*book);
  row.there = true;
  if (rows.Text(0, 3) != row.service.epoch) {
    // Records may have been lost with the locks: what the head was before says nothing now.
    row.book.burn = true;
    row.book.mark = 0;
  }
  return row;
}

Status PostgresLock::MakeRow(const StateId& id, PgTransaction* transaction) {
  Bytes empty = EncodeLockRecord({});
  PgStatement make{pg_lock::kMakeRow, {}};
  make.params.Text(id.hex()).Bytea(empty);
  // As if it were read: a row of a state that was never locked says nothing, and is not kept alone.
  Result<std::vector<PgRows>> made = transaction->Query({make}, PgUse::kRead);
  return made.ok() ? Status() : made.status();
}

// Row and newest record: one statement, or two.
std::vector<PgStatement> PostgresLock::HoldStatements(const StateId& id, size_t newest_bytes,
                                                      uint64_t known, bool functions) const {
  PgStatement load{functions ? pg_function::kHold : pg_lock::kHoldRow, {}, functions};
  load.params.Text(id.hex());
  if (functions) {
    const size_t part = std::max<size_t>(newest_bytes, 1);
    load.params.Int8(known).Int8(options_.with_storage ? part : 0);
    return {load};
  }
  if (!options_.with_storage) return {load};
  return {load, PgNewestStatement(id, newest_bytes, known)};
}

Result<PostgresLock::Held> PostgresLock::Open(const LockKey& key, size_t newest_bytes,
                                              Absent absent, bool forced, uint64_t known) {
  const bool functions = pool_->HasFunctions();
  std::vector<PgStatement> statements = HoldStatements(key.id, newest_bytes, known, functions);
  size_t legacy_at = statements.size();
  Result<std::vector<PgStatement>> legacy = LegacyStatement(key);
  if (!legacy.ok()) return std::move(legacy).status();
  statements.insert(statements.end(), legacy->begin(), legacy->end());
  std::vector<PgRows> rows;
  using Limits = PgPool::Limits;
  Result<std::unique_ptr<PgTransaction>> begun =
      pool_->Begin(statements, &rows, functions ? Limits::kByFunction : Limits::kSet);
  if (!begun.ok() && functions && !pool_->HasFunctions()) {
    return Open(key, newest_bytes, absent, forced, known);
  }
  if (!begun.ok()) return Outage(std::move(begun).status());
  Held held{std::move(*begun), {}};
  const bool legacy_there = legacy_at < rows.size() && rows[legacy_at].size() > 0;
  const bool there = !rows[0].IsNull(0, 2);
  if (!there && absent == Absent::kLeave && !legacy_there) {
    STATEWARD_RETURN_IF_ERROR(LookForService(held.transaction.get()));
    return held;
  }
  if (!there) {
    // What was read while there was no row was read without holding it: all of it again.
    STATEWARD_RETURN_IF_ERROR(MakeRow(key.id, held.transaction.get()));
    Result<std::vector<PgRows>> again = held.transaction->Query(statements, PgUse::kRead);
    if (!again.ok()) return Outage(std::move(again).status());
    rows = std::move(*again);
  }
  Result<Row> row = ReadRow(rows[0]);
  if (!row.ok()) return std::move(row).status();
  held.row = std::move(*row);
  if (!rows[0].Bool(0, 4)) {
    return Status::Unavailable("lock: fsync or full_page_writes is off on the Postgres server");
  }
  if (legacy_at < rows.size()) {
    STATEWARD_RETURN_IF_ERROR(AddLegacy(rows[legacy_at], forced, &held.row));
  }
  if (!options_.with_storage) return held;
  const PgRows& newest = rows[functions ? 0 : 1];
  const size_t at = functions ? 5 : 0;
  if (!newest.IsNull(0, at)) {
    held.transaction->newest =
        PgTransaction::Newest{newest.Text(0, at), key.id.hex(), newest.Int8(0, at + 1),
                              newest.Bytea(0, at + 2), newest.Bool(0, at + 3)};
  }
  return held;
}

Status PostgresLock::AddLegacy(const PgRows& rows, bool forced, Row* row) {
  // A lock in the new form is newer: nobody gets one while the original's is there.
  if (rows.size() == 0 || row->book.holder || !row->book.plans.empty()) return Status();
  row->legacy_id = rows.Text(0, 0);
  row->legacy_lock = rows.Text(0, 1);
  Result<LockRecord> holder = ReadLegacyLock(rows.Raw(0, 1));
  if (holder.ok()) {
    row->book.holder = std::move(*holder);
    return Status();
  }
  if (!forced) return std::move(holder).status();
  // Somebody holds it: force frees it, no matter for whom it was taken.
  row->book.holder = LockRecord();
  row->book.holder->id = "unreadable";
  return Status();
}

// Nobody ever locked it; but only the right service can say so.
Status PostgresLock::LookForService(PgTransaction* transaction) {
  PgStatement look{pg_lock::kLook, {}};
  look.params.Text("");
  Result<std::vector<PgRows>> rows = transaction->Query({look}, PgUse::kRead);
  if (!rows.ok()) return Outage(std::move(rows).status());
  Result<Row> row = ReadRow(rows->front());
  return row.ok() ? Status() : std::move(row).status();
}

// Fetches the entries of released IDs that this one may be.
Status PostgresLock::AddReleased(const StateId& id, const std::string& lock_id, Held* held) {
  for (uint64_t number : MayBeReleased(held->row.book, lock_id)) {
    PgStatement find{pg_lock::kFindReleased, {}};
    find.params.Text(id.hex()).Int8(SlotOfRelease(number));
    Result<std::vector<PgRows>> rows = held->transaction->Query({find}, PgUse::kRead);
    if (!rows.ok()) return Outage(std::move(rows).status());
    if (rows->front().size() == 0) return Status::Unavailable("lock: a released ID is missing");
    Result<ReleasedId> entry = DecodeReleasedId(number, rows->front().Raw(0, 0));
    if (!entry.ok()) return Outage(std::move(entry).status());
    held->row.book.released.push_back(*entry);
  }
  return Status();
}

Status PostgresLock::Store(const StateId& id, Held* held) {
  Row& row = held->row;
  Bytes record = EncodeRow(row.book, !row.legacy_id.empty());
  PgStatement store{pg_lock::kStore, {}};
  const bool held_by_ours = row.book.holder && row.legacy_id.empty();
  store.params.Text(id.hex())
      .Bytea(record)
      .Text(row.service.epoch)
      .Int8(held_by_ours ? 1 : 0)
      .Int8(row.book.plans.size());
  return held->transaction->Commit({store});
}

// `count`: so many of the book's last entries are new.
Status PostgresLock::StoreRelease(const StateId& id, Held* held, size_t count) {
  Row& row = held->row;
  std::vector<PgStatement> statements;
  std::vector<Bytes> encoded(row.book.released.size());  // until the statements have been sent
  for (size_t i = row.book.released.size() - count; i + 1 < row.book.released.size(); ++i) {
    const ReleasedId& entry = row.book.released[i];
    PgStatement remember{pg_lock::kRemember, {}};
    encoded[i] = EncodeReleasedId(entry);
    remember.params.Text(id.hex()).Int8(SlotOfRelease(entry.number)).Bytea(encoded[i]);
    statements.push_back(std::move(remember));
  }
  const ReleasedId& entry = row.book.released.back();
  Bytes record = EncodeRow(row.book, false);
  Bytes released = EncodeReleasedId(entry);
  PgStatement store{pg_lock::kStoreRelease, {}};
  store.params.Text(id.hex())
      .Bytea(record)
      .Text(row.service.epoch)
      .Int8(SlotOfRelease(entry.number))
      .Bytea(released)
      .Int8(row.book.plans.size());
  statements.push_back(std::move(store));
  if (!row.legacy_id.empty()) {
    PgStatement gone{
        "DELETE FROM " + options_.legacy_table + " WHERE state_id = $1 AND lock_data = $2", {}};
    gone.params.Text(row.legacy_id).Bytea(row.legacy_lock);
    statements.push_back(gone);
  }
  return held->transaction->Commit(statements);
}

// For repeats: with synchronous standbys a server may show, after a crash, what they have not got.
Status PostgresLock::Settle(Held* held) {
  return held->transaction->Commit({{pg_lock::kSettle, {}}});
}

Result<AcquireOutcome> PostgresLock::TryAcquire(const LockKey& key, const LockRecord& want,
                                                const LockTerms& terms, bool* unknown) {
  Result<Held> held = Open(key, Kms::kInfoPrefix, Absent::kMake, false, terms.known);
  if (!held.ok()) return std::move(held).status();
  STATEWARD_RETURN_IF_ERROR(AddReleased(key.id, want.id, &*held));
  Row& row = held->row;
  AcquireOutcome outcome = DecideAcquire(row.book, want, row.now_ms);
  const auto* granted = std::get_if<Granted>(&outcome);
  if (std::holds_alternative<WasReleased>(outcome)) return outcome;
  const bool repeated = granted != nullptr && granted->repeated;
  if (!repeated) {
    Result<std::optional<AcquireOutcome>> kept = AskGates(&*held, terms.gates);
    if (!kept.ok()) return std::move(kept).status();
    if (kept->has_value()) return std::move(**kept);
  }
  Status stored;
  if (granted == nullptr) {
    if (!NoteWaiting(&row.book, want, row.now_ms)) return outcome;
    stored = Store(key.id, &*held);
  } else if (repeated) {
    // The first try may have been refused for this, and kept the lock.
    const std::optional<PgTransaction::Newest>& newest = held->transaction->newest;
    if (newest) STATEWARD_RETURN_IF_ERROR(CheckHead(terms.seen, newest->n));
    stored = Settle(&*held);
  } else {
    LockRecord record = want;
    Result<uint64_t> head = terms.base({row.book.burn, row.book.mark, held->transaction.get()});
    if (!head.ok()) return Outage(std::move(head).status());
    record.base = *head;
    Take(&row.book, std::move(record), row.now_ms);
    stored = Store(key.id, &*held);
  }
  *unknown = held->transaction->outcome_unknown();
  if (!stored.ok()) return Outage(std::move(stored));
  return outcome;
}

Result<AcquireOutcome> PostgresLock::Acquire(const LockKey& key, const LockRecord& want,
                                             const LockTerms& terms) {
  bool lost = false;
  Result<std::optional<AcquireOutcome>> at_once = AcquireAtOnce(key, want, terms, &lost);
  if (!at_once.ok()) return std::move(at_once).status();
  if (at_once->has_value()) return std::move(**at_once);
  bool unknown = false;
  Result<AcquireOutcome> outcome = TryAcquire(key, want, terms, &unknown);
  // If the first try was stored after all, the second finds the lock held with this very ID.
  if (!outcome.ok() && unknown) outcome = TryAcquire(key, want, terms, &unknown);
  if (!lost || !outcome.ok()) return outcome;
  // The same of a try at once, which had not asked for its base.
  const auto* granted = std::get_if<Granted>(&*outcome);
  if (granted == nullptr || !granted->repeated) return outcome;
  const Result<uint64_t> base = terms.base({});
  if (!base.ok()) STATEWARD_RETURN_IF_ERROR(Correct(key, want.id, base));
  return outcome;
}

Result<ReleaseOutcome> PostgresLock::TryRelease(const LockKey& key, const ReleaseRequest& request,
                                                bool* unknown) {
  Result<Held> held = Open(key, 0, Absent::kLeave, request.id.empty());
  if (!held.ok()) return std::move(held).status();
  if (!held->row.there) return ReleaseOutcome(NotHeld{});
  STATEWARD_RETURN_IF_ERROR(AddReleased(key.id, request.id, &*held));
  // Where it came along, the newest record's number costs nothing to remember.
  const auto& newest = held->transaction->newest;
  if (newest) held->row.book.mark = std::max(held->row.book.mark, newest->n);
  ReleaseOutcome outcome = stateward::Release(&held->row.book, request, held->row.now_ms);
  if (std::holds_alternative<HeldBy>(outcome)) return outcome;
  const auto* released = std::get_if<Released>(&outcome);
  Status stored =
      released != nullptr ? StoreRelease(key.id, &*held, CountOf(*released)) : Settle(&*held);
  *unknown = held->transaction->outcome_unknown();
  if (!stored.ok()) return Outage(std::move(stored));
  return outcome;
}

Result<ReleaseOutcome> PostgresLock::Release(const LockKey& key, const ReleaseRequest& request) {
  bool unknown = false;
  if (std::optional<ReleaseOutcome> at_once = ReleaseAtOnce(key, request, &unknown)) {
    return *std::move(at_once);
  }
  Result<ReleaseOutcome> outcome = TryRelease(key, request, &unknown);
  // If the first try was stored after all, the second is its repeat.
  if (!outcome.ok() && unknown) outcome = TryRelease(key, request, &unknown);
  return outcome;
}

Result<LockView> PostgresLock::Look(const LockKey& key) {
  PgStatement look{pg_lock::kLook, {}};
  look.params.Text(key.id.hex());
  std::vector<PgStatement> statements{look};
  Result<std::vector<PgStatement>> legacy = LegacyStatement(key);
  if (!legacy.ok()) return std::move(legacy).status();
  statements.insert(statements.end(), legacy->begin(), legacy->end());
  Result<std::vector<PgRows>> rows = pool_->Query(statements, PgUse::kRead);
  if (!rows.ok()) return Outage(std::move(rows).status());
  Result<Row> row = ReadRow(rows->front());
  if (!row.ok()) return std::move(row).status();
  if (rows->size() > 1) STATEWARD_RETURN_IF_ERROR(AddLegacy(rows->back(), false, &*row));
  return ViewOf(std::move(row->book));
}

Status PostgresLock::BurnNext(const LockKey& key) {
  Result<Held> held = Open(key, 0, Absent::kMake);
  if (!held.ok()) return std::move(held).status();
  held->row.book.burn = true;
  return Store(key.id, &*held);
}

Status PostgresLock::WithLock(const LockKey& key, const WriteFn& write) {
  if (!options_.with_storage) {
    Result<LockView> view = Look(key);
    if (!view.ok()) return std::move(view).status();
    view->gates = [this] { return GatesFrom(pool_.get()); };
    write(*view);
    return Status();
  }
  Result<Held> held = Open(key, Kms::kInfoPrefix, Absent::kMake);
  if (!held.ok()) return std::move(held).status();
  PgTransaction& transaction = *held->transaction;
  LockView view = ViewOf(std::move(held->row.book));
  view.transaction = &transaction;
  view.gates = [&] { return GatesFrom(&transaction); };
  write(view);
  if (transaction.failed()) return StatementFailed(transaction.sqlstate());
  // Nothing to keep: the transaction is rolled back.
  if (transaction.ended() || !transaction.changed()) return Status();
  return transaction.Commit({});
}

}  // namespace stateward
