// The newest record of a state in the postgres storage: asked for, or brought along by the step
// that the storage is a part of.
#include <algorithm>
#include <utility>

#include "postgres/pg_functions.h"
#include "postgres/pg_schema.h"
#include "storage/postgres_storage.h"

namespace stateward {

Result<PgRows> PostgresStorage::AskFunction(const char* function, PgStatement plain, PgUse use) {
  PgPool& pool = *shared_->pool;
  const bool there = transaction_ != nullptr ? pool.KnowsFunctions() : pool.HasFunctions();
  if (!there) return Ask(std::move(plain), use);
  PgStatement call{function, plain.params, true};
  std::string sqlstate;
  Result<PgRows> rows = Queries().QueryOne(std::move(call), use, &sqlstate);
  if (!rows.ok() && PgPool::IsNoFunction(sqlstate)) {
    pool.LearnFunctions(false);
    return Ask(std::move(plain), use);  // in a transaction: the error, and the next one is without
  }
  if (!rows.ok()) return rows;
  STATEWARD_RETURN_IF_ERROR(CheckPlace(rows->Raw(0, 0).AsString()));
  return rows;
}

Result<const PgTransaction::Newest*> PostgresStorage::BroughtAlong(const StateId& id) {
  if (transaction_ == nullptr || !transaction_->newest || transaction_->newest->id != id.hex()) {
    return nullptr;
  }
  const PgTransaction::Newest& newest = *transaction_->newest;
  STATEWARD_RETURN_IF_ERROR(CheckPlace(newest.place));
  // While a transaction holds the lock nobody appends.
  const uint64_t hint = transaction_->ended() ? newest.seen : shared_->hints.Get(id);
  STATEWARD_RETURN_IF_ERROR(CheckHead(hint, newest.n));
  shared_->hints.Raise(id, newest.n);
  return &newest;
}

Result<uint64_t> PostgresStorage::Head(const StateId& id) {
  Result<const PgTransaction::Newest*> brought = BroughtAlong(id);
  if (!brought.ok()) return std::move(brought).status();
  if (*brought != nullptr) return (*brought)->n;
  const uint64_t hint = shared_->hints.Get(id);
  PgStatement statement{"SELECT " STATEWARD_PG_PLACE
                        ", (SELECT coalesce(max(n), 0) FROM stateward.records WHERE id = $1)",
                        {}};
  statement.params.Text(id.hex());
  Result<PgRows> rows = Ask(std::move(statement), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  return Found(id, hint, rows->Int8(0, 1));
}

// What a transaction sees of itself may be undone.
Result<uint64_t> PostgresStorage::Found(const StateId& id, uint64_t hint, uint64_t head) {
  STATEWARD_RETURN_IF_ERROR(CheckHead(hint, head));
  if (transaction_ == nullptr) shared_->hints.Raise(id, head);
  return head;
}

Result<Records::Newest> PostgresStorage::AskNewest(const StateId& id, size_t limit, bool* whole) {
  const uint64_t hint = shared_->hints.Get(id);
  PgStatement plain = PgNewestStatement(id, limit);
  Result<PgRows> rows = AskFunction(pg_function::kNewest, std::move(plain), PgUse::kRead);
  if (!rows.ok()) return std::move(rows).status();
  const bool none = rows->IsNull(0, 1);
  Result<uint64_t> found = Found(id, hint, none ? 0 : rows->Int8(0, 1));
  if (!found.ok()) return std::move(found).status();
  if (none) return Newest{};
  *whole = rows->Bool(0, 3);
  return Newest{*found, rows->Bytea(0, 2)};
}

Result<Records::Newest> PostgresStorage::GetNewestFront(const StateId& id, size_t limit) {
  Result<const PgTransaction::Newest*> brought = BroughtAlong(id);
  if (!brought.ok()) return std::move(brought).status();
  const PgTransaction::Newest* newest = *brought;
  if (newest != nullptr && (newest->n == 0 || newest->Has(limit))) {
    return Newest{newest->n, newest->prefix};
  }
  bool whole = false;
  return AskNewest(id, std::min(limit, kPgPiece), &whole);
}

Result<Records::Newest> PostgresStorage::GetNewest(const StateId& id) {
  bool whole = false;
  Result<Newest> newest = AskNewest(id, kPgPiece, &whole);
  if (!newest.ok() || whole || newest->n == 0) return newest;
  // A large one: in pieces, under its number, which stays its own.
  const uint64_t n = newest->n;
  Result<Bytes> bytes = Get(id, n);
  if (!bytes.ok() && bytes.status().code() == Code::kNotFound) {
    return Status::Unavailable("postgres: the newest record was pruned while it was read");
  }
  if (!bytes.ok()) return std::move(bytes).status();
  return Newest{n, std::move(*bytes)};
}

}  // namespace stateward
