// Locks in Postgres: one row for each state that was ever locked or written (docs/formats.md,
// "Tables in Postgres").
//
// A step is one transaction: it holds the row with FOR UPDATE, decides by lock_book.h, and commits.
// No session lock and no session state: pgbouncer may pool transactions in between.
#ifndef STATEWARD_LOCK_POSTGRES_LOCK_H_
#define STATEWARD_LOCK_POSTGRES_LOCK_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lock/lock_record.h"
#include "postgres/pg_pool.h"
#include "stateward/clock.h"
#include "stateward/locker.h"

namespace stateward {

struct PostgresLockOptions {
  std::string legacy_table;  // LOCK_POSTGRES_TABLE as PgTableName quotes it
  // The states lie in the same pool: a write and the look at its lock are one transaction.
  bool with_storage = false;
};

class PostgresLock : public Locker {
 public:
  // `clock` (for what this process remembers, not for locks) must outlive it. Touches nothing yet.
  PostgresLock(std::shared_ptr<PgPool> pool, const Clock& clock, PostgresLockOptions options);

  std::string_view Name() const override { return "postgres"; }
  Result<std::string> ServiceId() override;
  void Expect(const std::string& service_id) override;
  Result<std::string> InitService(bool forgotten) override;
  Result<AcquireOutcome> Acquire(const LockKey& key, const LockRecord& want,
                                 const LockTerms& terms) override;
  Result<ReleaseOutcome> Release(const LockKey& key, const ReleaseRequest& request) override;
  Result<LockView> Look(const LockKey& key) override;
  Result<bool> TokenReleased(const StateId& id, const std::string& token_sha256) override;
  Status BurnNext(const LockKey& key) override;
  // kUnavailable after `write` ran: what it wrote is not stored, or it is unknown whether it is.
  Status WithLock(const LockKey& key, const WriteFn& write) override;
  // Only where what `write` does is in the transaction that holds the row.
  bool HoldsStill() const override { return options_.with_storage; }
  Status EachHeldAfter(const StateId& after, const EachHeldFn& each) override;
  Status EachKnown(const std::function<bool(const StateId&)>& each) override;
  Result<HeldCount> CountHeld() override;
  Result<uint64_t> CountLegacy() override;
  Status Check() override;
  // A storage with the same pool says it.
  std::string Warning() override { return options_.with_storage ? "" : pool_->Warning(); }
  Result<GateSet> ReadGates() override;
  Result<bool> ExchangeGates(const std::string& expected, const std::vector<Gate>& next) override;

 private:
  // What each step reads of the service.
  struct Service {
    std::string epoch;     // now
    std::string gate_tag;  // of the gates that are stored
  };
  struct Row {
    bool there = false;  // false: there is no row, nobody ever locked the state
    LockBook book;       // `released`: only what was looked for
    Service service;
    int64_t now_ms = 0;
    std::string legacy_id, legacy_lock;  // terraform-backend's row; "" = none
  };
  // A state's row, held by a transaction.
  struct Held {
    std::unique_ptr<PgTransaction> transaction;
    Row row;
  };
  enum class Absent : uint8_t { kMake, kLeave };  // what becomes of a row that is not there
  // `newest_bytes`: so much of the newest record is brought along, if its number is not `known`; 0:
  // its number alone.
  // `forced`: a lock of the original that cannot be read is no error.
  Result<Held> Open(const LockKey& key, size_t newest_bytes, Absent absent, bool forced = false,
                    uint64_t known = 0);
  std::vector<PgStatement> HoldStatements(const StateId& id, size_t newest_bytes, uint64_t known,
                                          bool functions) const;
  Status EachRow(const char* page, const StateId& from,
                 const std::function<bool(const StateId&, const PgRows&, size_t)>& each);
  Status LookForService(PgTransaction* transaction);
  Result<Row> ReadRow(const PgRows& rows);
  Status MakeRow(const StateId& id, PgTransaction* transaction);
  Status AddLegacy(const PgRows& rows, bool forced, Row* row);
  Status AddReleased(const StateId& id, const std::string& lock_id, Held* held);
  Status Store(const StateId& id, Held* held);
  Status StoreRelease(const StateId& id, Held* held, size_t count);
  Status Settle(Held* held);
  Result<AcquireOutcome> TryAcquire(const LockKey& key, const LockRecord& want,
                                    const LockTerms& terms, bool* unknown);
  // The gates as a transaction, or another connection, finds them.
  Result<GateSet> GatesFrom(PgQueries* queries);
  // nullopt: the gates do not keep this lock from being given.
  Result<std::optional<AcquireOutcome>> AskGates(Held* held, const GateTicket& ticket);
  Result<ReleaseOutcome> TryRelease(const LockKey& key, const ReleaseRequest& request,
                                    bool* unknown);
  // In one round trip (postgres_at_once.cc). *lost: what the try did is unknown.
  Result<std::optional<AcquireOutcome>> AcquireAtOnce(const LockKey& key, const LockRecord& want,
                                                      const LockTerms& terms, bool* lost);
  std::optional<ReleaseOutcome> ReleaseAtOnce(const LockKey& key, const ReleaseRequest& request,
                                              bool* lost);
  Status Correct(const LockKey& key, const std::string& lock_id, const Result<uint64_t>& base);
  static std::string_view TimelineOf(std::string_view epoch);
  std::string ExpectedService();
  // Compares what a statement says of the service with what is expected. Nothing is learnt from
  // another one.
  Status CheckService(const PgRows& rows, size_t column, Service* service);
  // The statement that finds the original's lock; nothing when there is no such table.
  Result<std::vector<PgStatement>> LegacyStatement(const LockKey& key);
  Result<bool> LegacyThere(const LockKey& key);
  Result<bool> AskLegacyThere();
  // Its text; adds its parameters.
  std::string LegacySelect(const LockKey& key, PgParams* params) const;

  const std::shared_ptr<PgPool> pool_;
  const Clock& clock_;
  const PostgresLockOptions options_;
  std::atomic<int64_t> wrote_us_{0};  // the last good try of Check() to write
  std::mutex mutex_;
  std::string service_id_;       // as told by Expect, or seen first; there must be no other
  bool expected_ = false;        // it was told, and so the pool may learn the timeline
  std::string epoch_;            // as seen last; "" = none yet
  int64_t legacy_asked_us_ = 0;  // when it was asked for the original's table; 0 = never
  bool legacy_there_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_LOCK_POSTGRES_LOCK_H_
