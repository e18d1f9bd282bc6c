// The gates of the postgres lock: two columns of the service's row, which every step reads anyway.
#include <optional>
#include <utility>
#include <vector>

#include "lock/gate_text.h"
#include "lock/postgres_lock.h"
#include "lock/postgres_sql.h"

namespace stateward {

Result<GateSet> PostgresLock::GatesFrom(PgQueries* queries) {
  Result<PgRows> rows = queries->QueryOne({pg_lock::kGates, {}}, PgUse::kRead);
  if (!rows.ok()) return Status::Unavailable(rows.status().detail());
  Service service;
  STATEWARD_RETURN_IF_ERROR(CheckService(*rows, 0, &service));
  return DecodeGates(rows->Text(0, 2), static_cast<int64_t>(rows->Int8(0, 1)));
}

Result<std::optional<AcquireOutcome>> PostgresLock::AskGates(Held* held, const GateTicket& ticket) {
  using Kept = std::optional<AcquireOutcome>;
  switch (JudgeGates(ticket, held->row.service.gate_tag, held->row.now_ms)) {
    case GateVerdict::kOpen:
      return Kept();
    case GateVerdict::kShut:
      return Kept(Shut{HolderOf(held->row.book)});
    case GateVerdict::kChanged:
      break;
  }
  Result<GateSet> now = GatesFrom(held->transaction.get());
  if (!now.ok()) return std::move(now).status();
  return Kept(GatesChanged{*std::move(now)});
}

Result<GateSet> PostgresLock::ReadGates() { return GatesFrom(pool_.get()); }

Result<bool> PostgresLock::ExchangeGates(const std::string& expected,
                                         const std::vector<Gate>& next) {
  std::vector<PgRows> rows;
  Result<std::unique_ptr<PgTransaction>> begun = pool_->Begin({{pg_lock::kLockGates, {}}}, &rows);
  if (!begun.ok()) return Status::Unavailable(begun.status().detail());
  PgTransaction& transaction = **begun;
  Result<GateSet> now = GatesFrom(&transaction);
  if (!now.ok()) return std::move(now).status();
  const std::string text = EncodeGates(next);
  const std::string tag = GateTag(text);
  if (now->tag != expected && now->tag != tag) return false;
  PgStatement store{pg_lock::kStoreGates, {}};
  store.params.Text(tag).Text(text);
  Status stored = transaction.Commit({store});
  if (!stored.ok()) return Status::Unavailable(stored.detail());
  return true;
}

}  // namespace stateward
