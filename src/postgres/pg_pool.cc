#include "postgres/pg_pool.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <thread>

#include "postgres/pg_functions.h"
#include "postgres/pg_schema.h"

namespace stateward {
namespace {

// A connection is busy for a round trip or two; one that does not come back for so long belongs to
// a server that has stopped.
constexpr std::chrono::seconds kWaitForConnection(5);
// A restart of Postgres takes a second or two, a failover some more. For so long after the first
// failure a request tries again, so that the client sees nothing of it; later ones fail at once.
constexpr int64_t kRideUs = 8000000;
constexpr std::chrono::milliseconds kBetweenTries(100);

// The limits of a transaction, as the server keeps them: they hold behind pgbouncer too, which
// refuses startup parameters and would give a session's settings to others.
// - Another holder of a row is waited for at most 5 s: it needs milliseconds.
// - A statement may take 60 s: 256 MiB on a slow disk. Sending it comes on top (RunWithin).
// - A transaction whose client has stopped in its middle ends after 15 s, longer than a key
//   service may take to answer (10 s); until then the state stands still.
constexpr const char* kLimits[] = {
    "SET LOCAL lock_timeout = '5s'", "SET LOCAL statement_timeout = '60s'",
    "SET LOCAL idle_in_transaction_session_timeout = '15s'", "SET LOCAL synchronous_commit = on"};
constexpr int64_t kStatementMs = 60000;
// Less is sent in a moment.
constexpr size_t kLargeBytes = size_t{1} << 20;
// Functions may be made by another server, and be gone after a restore.
constexpr int64_t kAskFunctionsUs = 30000000;
// What waited for a row is to see what was committed meanwhile, whatever
// default_transaction_isolation says.
constexpr const char* kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED";
// SQLSTATE serialization_failure: nothing took effect. Another isolation level may say so.
constexpr std::string_view kSerialization = "40001";

// The statements in a transaction of their own, with the isolation level that they are written for.
Result<std::vector<PgRows>> RunReadCommitted(PgConnection& connection, bool standby,
                                             const std::vector<PgStatement>& statements) {
  std::vector<PgStatement> all = {{kBegin, {}}};
  if (standby) all.push_back({STATEWARD_PG_STANDBY, {}});
  const auto before = static_cast<ptrdiff_t>(all.size());
  all.insert(all.end(), statements.begin(), statements.end());
  all.push_back({"COMMIT", {}});
  Result<std::vector<PgRows>> rows = connection.Run(all);
  if (!rows.ok()) return rows;
  rows->pop_back();
  rows->erase(rows->begin(), rows->begin() + before);
  return rows;
}

}  // namespace

PgTransaction::~PgTransaction() {
  if (open_ && !connection_->lost()) {
    // A connection whose transaction cannot be ended is of no use to anybody else.
    if (!connection_->Run({{"ROLLBACK", {}}}).ok()) connection_.reset();
  }
  if (connection_ == nullptr) {
    pool_.Dropped();
  } else {
    pool_.GiveBack(std::move(connection_));
  }
}

Result<std::vector<PgRows>> PgTransaction::Query(const std::vector<PgStatement>& statements,
                                                 PgUse use, std::string* sqlstate) {
  if (failed_) return Status::Unavailable("postgres: the transaction has failed");
  if (use != PgUse::kRead) {
    changed_ = true;
    newest.reset();
  }
  const bool within = open_;
  Result<std::vector<PgRows>> rows =
      within && last_ && use != PgUse::kRead ? RunAndCommit(statements) : RunWithin(statements);
  if (!rows.ok() && within) {
    failed_ = true;
    sqlstate_ = connection_->sqlstate();
  }
  if (sqlstate != nullptr) *sqlstate = connection_->sqlstate();
  return rows;
}

// The server counts the time in which the bytes of a statement arrive: where a client is silent
// until its first message is whole, and a statement begins with its text, before its values. So a
// small one that sets the limit goes in front of a large one, in the same round trip: the client is
// not silent behind it.
Result<std::vector<PgRows>> PgTransaction::RunWithin(const std::vector<PgStatement>& statements) {
  const size_t bytes = PgBytesOf(statements);
  if (!open_ || bytes < kLargeBytes) return connection_->Run(statements);
  const int64_t limit_ms =
      kStatementMs + static_cast<int64_t>(bytes >> 20) * PgConnection::kMsForEachMiB;
  const std::string limit = std::to_string(limit_ms) + "ms";
  std::vector<PgStatement> all = {{"SELECT set_config('statement_timeout', $1, true)", {}}};
  all.front().params.Text(limit);
  all.insert(all.end(), statements.begin(), statements.end());
  Result<std::vector<PgRows>> rows = connection_->Run(all);
  if (rows.ok()) rows->erase(rows->begin());
  return rows;
}

Result<std::vector<PgRows>> PgTransaction::RunAndCommit(std::vector<PgStatement> statements) {
  statements.push_back({"COMMIT", {}});
  Result<std::vector<PgRows>> rows = RunWithin(statements);
  if (!rows.ok()) {
    failed_ = true;
    sqlstate_ = connection_->sqlstate();
    unknown_ = connection_->lost();
    return rows;
  }
  open_ = false;
  // A transaction that had failed before answers COMMIT with ROLLBACK, and calls it a success.
  if (rows->back().Tag() != "COMMIT") {
    failed_ = true;
    return Status::Unavailable("postgres: the transaction was rolled back");
  }
  rows->pop_back();
  if (when_committed) when_committed();
  return rows;
}

Status PgTransaction::Commit(const std::vector<PgStatement>& statements) {
  if (failed_ || !open_) return Status::Unavailable("postgres: the transaction has failed");
  Result<std::vector<PgRows>> rows = RunAndCommit(statements);
  return rows.ok() ? Status() : std::move(rows).status();
}

Result<std::shared_ptr<PgPool>> PgPool::Make(const PgOptions& options, const Clock& clock,
                                             Observer* observer) {
  Result<PgTarget> target = PgTarget::Parse(options.connection, options.standby);
  if (!target.ok()) return std::move(target).status();
  return std::shared_ptr<PgPool>(new PgPool(std::move(*target),
                                            std::max<uint32_t>(options.pool_size, 1),
                                            options.standby, clock, observer));
}

Result<std::unique_ptr<PgConnection>> PgPool::TakePlace(bool fresh,
                                                        std::unique_lock<std::mutex>* hold,
                                                        bool* waited) {
  auto until = std::chrono::steady_clock::now() + kWaitForConnection;
  for (;;) {
    while (!idle_.empty()) {
      std::unique_ptr<PgConnection> connection = std::move(idle_.back());
      idle_.pop_back();
      // After one has died the others most likely have, too.
      if (!fresh && connection->LooksAlive()) return connection;
      --open_;
    }
    if (open_ < size_) break;
    *waited = true;
    if (freed_.wait_until(*hold, until) == std::cv_status::timeout && idle_.empty() &&
        open_ >= size_) {
      return Status::Unavailable("postgres: all connections are in use (POSTGRES_POOL_SIZE)");
    }
  }
  ++open_;
  return std::unique_ptr<PgConnection>();
}

Result<std::unique_ptr<PgConnection>> PgPool::Take(bool fresh) {
  const int64_t start_us = clock_.SteadyUs();
  bool waited = false;
  std::unique_lock<std::mutex> hold(mutex_);
  Result<std::unique_ptr<PgConnection>> place = TakePlace(fresh, &hold, &waited);
  hold.unlock();
  if (waited && observer_ != nullptr) {
    observer_->OnPoolWait("postgres", place.ok(), clock_.SteadyUs() - start_us);
  }
  if (!place.ok() || *place != nullptr) return place;
  Result<std::unique_ptr<PgConnection>> connection = Connect();
  if (!connection.ok()) Dropped();
  return connection;
}

Result<std::unique_ptr<PgConnection>> PgPool::Connect() {
  for (;;) {
    Result<std::unique_ptr<PgConnection>> connection =
        PgConnection::Open(target_, clock_, &round_trips_);
    int64_t now = clock_.SteadyUs();
    int64_t since = 0;
    {
      std::lock_guard<std::mutex> hold(mutex_);
      if (connection.ok()) {
        down_since_us_ = 0;
      } else if (down_since_us_ == 0) {
        down_since_us_ = now;
      }
      since = down_since_us_;
    }
    if (connection.ok() || now - since >= kRideUs) return connection;
    std::this_thread::sleep_for(kBetweenTries);
  }
}

void PgPool::GiveBack(std::unique_ptr<PgConnection> connection) {
  if (connection->lost() || connection->heavy()) {
    connection.reset();  // closing may take a system call or two: not under the mutex
    Dropped();
    return;
  }
  {
    std::lock_guard<std::mutex> hold(mutex_);
    idle_.push_back(std::move(connection));
  }
  freed_.notify_one();
}

void PgPool::Dropped() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    --open_;
  }
  freed_.notify_one();
}

Result<std::vector<PgRows>> PgPool::Query(const std::vector<PgStatement>& statements, PgUse use,
                                          std::string* sqlstate) {
  for (bool again = false;; again = true) {
    Result<std::unique_ptr<PgConnection>> connection = Take(again);
    if (!connection.ok()) return std::move(connection).status();
    Result<std::vector<PgRows>> rows = Status::Unavailable("not asked");
    if (!standby_) rows = (*connection)->Run(statements);
    if (standby_ || (!rows.ok() && (*connection)->sqlstate() == kSerialization)) {
      rows = RunReadCommitted(**connection, standby_, statements);
      // It may stand in the middle of it.
      if (!rows.ok() && !(*connection)->lost()) (void)(*connection)->Run({{"ROLLBACK", {}}});
    }
    bool lost = (*connection)->lost();
    if (sqlstate != nullptr) *sqlstate = (*connection)->sqlstate();
    GiveBack(std::move(*connection));
    if (rows.ok() || !lost || again || use == PgUse::kChangesOnce) return rows;
  }
}

Result<PgRows> PgQueries::QueryOne(PgStatement statement, PgUse use, std::string* sqlstate) {
  std::vector<PgStatement> one;
  one.push_back(std::move(statement));
  Result<std::vector<PgRows>> rows = Query(one, use, sqlstate);
  if (!rows.ok()) return std::move(rows).status();
  return std::move(rows->front());
}

Result<std::unique_ptr<PgTransaction>> PgPool::Begin(std::vector<PgStatement> statements,
                                                     std::vector<PgRows>* rows, Limits limits) {
  std::vector<PgStatement> all;
  all.push_back({kBegin, {}});
  if (limits == Limits::kSet) {
    for (const char* limit : kLimits) all.push_back({limit, {}});
  }
  size_t before = all.size();
  std::move(statements.begin(), statements.end(), std::back_inserter(all));
  for (bool again = false;; again = true) {
    Result<std::unique_ptr<PgConnection>> connection = Take(again);
    if (!connection.ok()) return std::move(connection).status();
    Result<std::vector<PgRows>> got = (*connection)->Run(all);
    bool lost = (*connection)->lost();
    std::unique_ptr<PgTransaction> transaction(new PgTransaction(*this, std::move(*connection)));
    if (got.ok()) {
      got->erase(got->begin(), got->begin() + static_cast<ptrdiff_t>(before));
      *rows = std::move(*got);
      return transaction;
    }
    if (limits == Limits::kByFunction && IsNoFunction(transaction->connection_->sqlstate())) {
      LearnFunctions(false);
    }
    if (!lost || again) return std::move(got).status();
  }
}

std::unique_ptr<PgTransaction> PgPool::RunStep(const PgStatement& statement, PgRows* rows,
                                               bool* lost) {
  *lost = false;
  Result<std::unique_ptr<PgConnection>> connection = Take(false);
  if (!connection.ok()) return nullptr;
  std::unique_ptr<PgTransaction> step(new PgTransaction(*this, std::move(*connection)));
  step->open_ = false;
  Result<std::vector<PgRows>> got = step->connection_->Run({statement});
  if (!got.ok()) {
    *lost = step->connection_->lost();
    if (IsNoFunction(step->connection_->sqlstate())) LearnFunctions(false);
    return nullptr;
  }
  *rows = std::move(got->front());
  return step;
}

bool PgPool::IsNoFunction(const std::string& sqlstate) {
  return sqlstate == "42883" || sqlstate == "42501" || sqlstate == "3F000";
}

bool PgPool::HasFunctions() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (has_functions_) return true;
    const bool asked = functions_asked_us_ != 0;
    if (asked && clock_.SteadyUs() - functions_asked_us_ < kAskFunctionsUs) return false;
  }
  Result<PgRows> there = QueryOne(FindPgFunctions(), PgUse::kRead);
  if (!there.ok()) return false;
  LearnFunctions(there->Bool(0, 0));
  return there->Bool(0, 0);
}

bool PgPool::KnowsFunctions() {
  std::lock_guard<std::mutex> hold(mutex_);
  return has_functions_;
}

Status PgPool::FollowTimeline(std::string_view timeline) {
  uint32_t now = 0;
  (void)std::from_chars(timeline.data(), timeline.data() + timeline.size(), now, 16);
  if (now == 0) return Status();
  uint32_t newest = timeline_;
  while (now > newest && !timeline_.compare_exchange_weak(newest, now)) {
  }
  if (now >= newest) return Status();
  return Status::Unavailable(
      "postgres: this server is on an older timeline than one that answered before: an old primary "
      "that came back (docs/standby.md); restart when that is meant");
}

std::string PgPool::NewestTimeline() const {
  std::array<char, kPgTimeline + 1> text{};
  (void)std::snprintf(text.data(), text.size(), "%08X", timeline_.load());
  return text.data();
}

std::string PgPool::Warning() {
  std::lock_guard<std::mutex> hold(mutex_);
  if (standby_ || has_functions_ || functions_asked_us_ == 0) return "";
  return "postgres: the functions of the schema stateward are missing, and this server could not "
         "make them: requests take more round trips (GRANT CREATE ON SCHEMA stateward, then "
         "restart)";
}

void PgPool::LearnFunctions(bool there) {
  std::lock_guard<std::mutex> hold(mutex_);
  has_functions_ = there;
  functions_asked_us_ = there ? 0 : clock_.SteadyUs();
}

}  // namespace stateward
