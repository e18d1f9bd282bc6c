// One connection to Postgres, by libpq. Used by one thread at a time.
//
// Statements travel in libpq's pipeline mode: what Run gets is one round trip, and, outside of an
// explicit transaction, one transaction. Nothing of a session outlives a transaction (no SET, no
// session lock), so pgbouncer may pool transactions in between. Only where the session is this
// connection's own the server keeps statements (PgStatement::kept).
#ifndef STATEWARD_POSTGRES_PG_CONNECTION_H_
#define STATEWARD_POSTGRES_PG_CONNECTION_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postgres/pg_statement.h"
#include "stateward/clock.h"
#include "stateward/result.h"
#include "stateward/secret.h"

struct pg_conn;  // libpq's PGconn

namespace stateward {

// Where to connect, checked and completed. Holds the password: not to be logged.
class PgTarget {
 public:
  // A URL or key=value text as libpq reads it. What the text does not say is filled in: sslmode
  // (require, as the original's driver does), time limits, keepalives, target_session_attrs.
  // kInvalidArgument: it is neither. The text of the error holds nothing of it.
  // `standby`: any server will do, not the primary alone.
  static Result<PgTarget> Parse(const SecretString& connection, bool standby = false);

  const std::vector<std::pair<std::string, SecretString>>& values() const { return values_; }
  // Both lead to the same database, but perhaps with another password.
  bool SamePlace(const PgTarget& other) const;

 private:
  std::vector<std::pair<std::string, SecretString>> values_;
};

class PgConnection {
 public:
  // Waits for connect_timeout (3 s unless the target says otherwise) for each of its hosts.
  // `round_trips`: counts what Run sends; must outlive the connection, or nullptr.
  static Result<std::unique_ptr<PgConnection>> Open(const PgTarget& target, const Clock& clock,
                                                    std::atomic<uint64_t>* round_trips = nullptr);
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  // Sends all statements at once and waits for all their rows. When one fails those behind it are
  // not run, and all are undone unless a transaction is open (which is then good for ROLLBACK
  // alone). The time limit is kAnswerMs and a second for each MiB that is sent.
  // A commit that a synchronous standby may not have counts as one whose answer was lost.
  // kUnavailable, kCorruption: as the server says; sqlstate() tells more.
  Result<std::vector<PgRows>> Run(const std::vector<PgStatement>& statements);
  static constexpr int64_t kAnswerMs = 10000;
  static constexpr int64_t kMsForEachMiB = 1000;

  // The connection is of no use any more; when Run failed it is unknown what took effect.
  bool lost() const { return lost_; }
  // Five characters of the failure of the last Run; "" when the server said nothing.
  const std::string& sqlstate() const { return sqlstate_; }
  // Its buffers have grown to the size of a large state, and only closing it gives that back.
  bool heavy() const { return heavy_; }
  // False when the server has hung up, or has said something unasked, while this lay idle.
  bool LooksAlive() const;

 private:
  PgConnection(pg_conn* conn, const Clock& clock, std::atomic<uint64_t>* round_trips)
      : conn_(conn), clock_(clock), round_trips_(round_trips) {}
  // What an answer of a pipeline belongs to.
  struct Sent {
    const PgStatement* statement;
    bool rows;  // false: it only says that the statement is kept now
  };
  Status Send(const std::vector<PgStatement>& statements, std::vector<Sent>* sent);
  // The name under which the server keeps it, which it is asked to do first if need be; nullptr: it
  // does not.
  Result<const char*> Keep(const PgStatement& statement, std::vector<Sent>* sent);
  Status Collect(const std::vector<Sent>& sent, int64_t deadline_us, std::vector<PgRows>* rows);
  Status LookWhoseSession();
  bool AwaitResult(int64_t deadline_us);
  Status Lose(const std::string& why);

  pg_conn* conn_;
  const Clock& clock_;
  std::atomic<uint64_t>* const round_trips_;
  bool lost_ = false;
  bool heavy_ = false;
  bool unreplicated_ = false;  // a wait for a synchronous standby was cancelled
  bool own_session_ = false;   // no pooler gives it to others between transactions
  struct Kept {
    std::string name;
    bool there = false;  // the server has said so
  };
  std::map<std::string, Kept, std::less<>> kept_;  // by their SQL
  std::string sqlstate_;
};

}  // namespace stateward

#endif  // STATEWARD_POSTGRES_PG_CONNECTION_H_
