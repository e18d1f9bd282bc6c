// The connections of one process to one Postgres, and transactions on them.
//
// Thread-safe. A transaction is a value that is handed on (stateward/transaction.h): so the lock,
// the guard and the append of a write become one transaction although lock and storage know nothing
// of each other.
#ifndef STATEWARD_POSTGRES_PG_POOL_H_
#define STATEWARD_POSTGRES_PG_POOL_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/pg_connection.h"
#include "postgres/pg_settings.h"
#include "stateward/clock.h"
#include "stateward/observer.h"
#include "stateward/result.h"
#include "stateward/transaction.h"

namespace stateward {

enum class PgUse : uint8_t {
  kRead,         // changes nothing
  kRepeatable,   // changes something, and doing it twice is the same as once
  kChangesOnce,  // when the connection is lost its outcome stays unknown
};

// Where statements run: in a transaction, or on any connection of the pool.
class PgQueries {
 public:
  virtual ~PgQueries() = default;
  // One round trip. *sqlstate, if given, is set when the server says one.
  // Of a transaction: what changes something after ExpectLast() ends it well; what is asked behind
  // the end is a transaction of its own, on the same connection.
  virtual Result<std::vector<PgRows>> Query(const std::vector<PgStatement>& statements, PgUse use,
                                            std::string* sqlstate = nullptr) = 0;
  Result<PgRows> QueryOne(PgStatement statement, PgUse use, std::string* sqlstate = nullptr);
};

class PgPool;

// One transaction on a connection of its own. Made by PgPool::Begin; used by one thread.
class PgTransaction : public Transaction, public PgQueries {
 public:
  // Rolls back what was not committed.
  ~PgTransaction() override;
  PgTransaction(const PgTransaction&) = delete;
  PgTransaction& operator=(const PgTransaction&) = delete;

  // After an error only the end is left: every further call is kUnavailable.
  Result<std::vector<PgRows>> Query(const std::vector<PgStatement>& statements, PgUse use,
                                    std::string* sqlstate = nullptr) override;
  // The statements and COMMIT, in one round trip. OK: all of it is durable. An error while
  // outcome_unknown(): the connection was lost when COMMIT was on its way.
  Status Commit(const std::vector<PgStatement>& statements);

  const PgPool& pool() const { return pool_; }
  bool failed() const { return failed_; }
  bool changed() const { return changed_; }
  bool ended() const { return !open_; }
  bool outcome_unknown() const { return unknown_; }
  // What the server said when it failed: five characters; "" = nothing.
  const std::string& sqlstate() const { return sqlstate_; }

  // What the first round trip brought along of one state's history, so that the storage need not
  // ask again while nothing has changed (the transaction holds the state's lock).
  struct Newest {
    std::string place;  // STATEWARD_PG_PLACE
    std::string id;
    uint64_t n = 0;
    Bytes prefix;        // of record n
    bool whole = false;  // the prefix is the record
    // Of a transaction that has ended, behind which others may have appended: what was known to be
    // there before it began.
    uint64_t seen = 0;

    // Its first `limit` bytes, or all.
    bool Has(size_t limit) const { return whole || prefix.size() >= limit; }
  };
  std::optional<Newest> newest;
  // Runs when Commit is OK: what was done in the transaction may be believed from then on.
  std::function<void()> when_committed;

 private:
  friend class PgPool;
  Result<std::vector<PgRows>> RunAndCommit(std::vector<PgStatement> statements);
  // Within the transaction: with limits that allow for what is sent.
  Result<std::vector<PgRows>> RunWithin(const std::vector<PgStatement>& statements);
  PgTransaction(PgPool& pool, std::unique_ptr<PgConnection> connection)
      : pool_(pool), connection_(std::move(connection)) {}

  PgPool& pool_;
  std::unique_ptr<PgConnection> connection_;
  bool open_ = true;
  bool failed_ = false;
  bool changed_ = false;
  bool unknown_ = false;
  std::string sqlstate_;
};

class PgPool : public PgQueries {
 public:
  // Connects when a connection is needed first. kInvalidArgument: as PgTarget::Parse.
  // `clock` must outlive it, and so must `observer`, which is told of waits for a connection.
  static Result<std::shared_ptr<PgPool>> Make(const PgOptions& options, const Clock& clock,
                                              Observer* observer = nullptr);

  // On any connection, as a transaction of its own. When a connection turns out to be dead, a fresh
  // one is tried once, if `use` allows it or nothing was sent.
  Result<std::vector<PgRows>> Query(const std::vector<PgStatement>& statements, PgUse use,
                                    std::string* sqlstate = nullptr) override;

  // BEGIN, the time limits and the statements, in one round trip. They may lock and read, but not
  // change anything: they are repeated once on a fresh connection when the first one is dead.
  enum class Limits : uint8_t { kSet, kByFunction };  // the first statement sets them itself
  Result<std::unique_ptr<PgTransaction>> Begin(std::vector<PgStatement> statements,
                                               std::vector<PgRows>* rows,
                                               Limits limits = Limits::kSet);
  // One statement that is a whole step, as a transaction that has ended well: its connection goes
  // on with what is asked behind it. nullptr: it failed; *lost: what it did is unknown.
  std::unique_ptr<PgTransaction> RunStep(const PgStatement& statement, PgRows* rows, bool* lost);

  // Whether the functions of pg_functions.h are there. Asks when that is not known, and again now
  // and then while they are not.
  bool HasFunctions();
  // What is known of it, without a question: of a thread that holds a connection.
  bool KnowsFunctions();
  // `there`: what was found out; not to be asked for again, or, if they are gone, not soon.
  void LearnFunctions(bool there);
  // When they are missing; "" while that is not known, and of a standby, which makes none.
  std::string Warning();
  // Of a call: there is no such function, or not for this role.
  static bool IsNoFunction(const std::string& sqlstate);
  bool standby() const { return standby_; }
  // To be told once it is known that the server holds what it should: the timeline of another one
  // says nothing. kUnavailable: its timeline (8 hex digits) is older than one that was told before.
  // That of a standby says nothing.
  Status FollowTimeline(std::string_view timeline);
  // The newest that was told, as the server writes it; of zeros: none yet.
  std::string NewestTimeline() const;
  // So many there were so far.
  uint64_t RoundTrips() const { return round_trips_; }

 private:
  friend class PgTransaction;
  PgPool(PgTarget target, uint32_t size, bool standby, const Clock& clock, Observer* observer)
      : target_(std::move(target)),
        size_(size),
        standby_(standby),
        clock_(clock),
        observer_(observer) {}
  // A connection that looks alive; a new one if `fresh`.
  Result<std::unique_ptr<PgConnection>> Take(bool fresh);
  // The same, while mutex_ is held; nullptr: there is a place for one that is not made yet.
  Result<std::unique_ptr<PgConnection>> TakePlace(bool fresh, std::unique_lock<std::mutex>* hold,
                                                  bool* waited);
  Result<std::unique_ptr<PgConnection>> Connect();
  // Also for connections that were lost: these are closed.
  void GiveBack(std::unique_ptr<PgConnection> connection);
  void Dropped();

  const PgTarget target_;
  const uint32_t size_;
  const bool standby_;
  const Clock& clock_;
  Observer* const observer_;
  std::atomic<uint64_t> round_trips_{0};
  std::atomic<uint32_t> timeline_{0};
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<PgConnection>> idle_;  // the warmest last
  uint32_t open_ = 0;                                // idle, in use, or being opened
  int64_t down_since_us_ = 0;  // first failure to connect since the last success
  bool has_functions_ = false;
  int64_t functions_asked_us_ = 0;  // when they were not there; 0 = never
};

}  // namespace stateward

#endif  // STATEWARD_POSTGRES_PG_POOL_H_
