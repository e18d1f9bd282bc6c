#include "postgres/pg_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <string_view>

#include "base/hex.h"
#include "base/sha256.h"

namespace stateward {
namespace {

// What is filled in where the connection string is silent.
constexpr char kSessionAttrs[] = "target_session_attrs";

constexpr std::pair<const char*, const char*> kFallbacks[] = {
    // lib/pq, the original's driver, asks for TLS unless it is told otherwise; libpq would not.
    {"sslmode", "require"},
    {"connect_timeout", "3"},
    // A server that vanished without a word is found out in 10 s, sending or waiting.
    {"tcp_user_timeout", "10000"},
    {"keepalives_idle", "5"},
    {"keepalives_interval", "2"},
    {"keepalives_count", "3"},
    // Of several hosts the primary; of a single standby nothing is believed (pg_schema.h).
    {kSessionAttrs, "read-write"},
    {"gssencmode", "disable"},
    {"fallback_application_name", "stateward"},
    {"client_encoding", "UTF8"},
};

// Twice what a piece of a large state takes (storage/postgres_storage.cc).
constexpr size_t kHeavyBytes = size_t{4} << 20;

// What may change without the database being another.
bool IsPlace(const std::string& name) {
  return name == "host" || name == "hostaddr" || name == "port" || name == "dbname" ||
         name == "user";
}

std::string Trimmed(const char* message) {
  std::string text = message == nullptr ? "" : message;
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// The only translator of what the server says. All of it is an outage to a client, since the
// operator can mend it, but for damage that the server itself has found (XX001, XX002).
Status FromResult(const PGresult* result, std::string* sqlstate) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  *sqlstate = state == nullptr ? "" : state;
  std::string text = "postgres: " + *sqlstate + " ";
  text += Trimmed(message != nullptr ? message : PQresultErrorMessage(result));
  if (*sqlstate == "XX001" || *sqlstate == "XX002") return Status::Corruption(std::move(text));
  return Status::Unavailable(std::move(text));
}

// The warning of a commit whose wait for a synchronous standby was cancelled: it is in this server
// alone, which calls it a success. Told by the server's function that says it, the only part that
// no language changes; a warning that does not say where it comes from is taken for it.
bool IsCancelledWait(const PGresult* notice) {
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity == nullptr || std::string_view(severity) != "WARNING") return false;
  const char* function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
  return function == nullptr || std::string_view(function) == "SyncRepWaitForLSN";
}

// The function that is called, for those who read the server's log, and a sum of the text: it has
// the same name in every build, so that a session which is not what it seemed can only lack a
// statement, never have another one under its name. The server cuts names at 63 bytes.
std::string KeptName(std::string_view sql) {
  constexpr size_t kMaxLabel = 30;
  const size_t from = std::min(sql.find("stateward."), sql.size());
  const std::string_view label = sql.substr(from, std::min(sql.find('(', from) - from, kMaxLabel));
  return std::string(label) + " " + HexEncode(ByteView(Sha256(sql)).Sub(0, 16));
}

// A session without a statement that it was to keep, or with one that was made for functions which
// have changed since: invalid_sql_statement_name, duplicate_prepared_statement,
// feature_not_supported ("cached plan must not change result type"). Nothing took effect.
bool IsNotKept(const std::string& sqlstate) {
  return sqlstate == "26000" || sqlstate == "42P05" || sqlstate == "0A000";
}

// Of a URL with an @ or a / in its password that is not escaped, libpq takes the rest for a host or
// a port, and quotes it in its errors. An abstract socket begins with @.
bool HoldsAPartOfAPassword(std::string_view keyword, std::string_view value) {
  if (keyword == "host") return value.find('@', 1) != value.npos;
  return keyword == "port" && value.find_first_not_of("0123456789,") != value.npos;
}

}  // namespace

Result<PgTarget> PgTarget::Parse(const SecretString& connection, bool standby) {
  char* error = nullptr;
  std::string text(connection.Reveal());
  PQconninfoOption* options = PQconninfoParse(text.c_str(), &error);
  WipeMemory(text.data(), text.size());
  PQfreemem(error);  // it may quote the password
  if (options == nullptr) {
    return Status(Code::kInvalidArgument,
                  "POSTGRES_CONNECTION is neither a postgres:// URL nor key=value text that libpq "
                  "reads");
  }
  PgTarget target;
  bool odd = false;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val == nullptr || option->val[0] == '\0') continue;
    odd = odd || HoldsAPartOfAPassword(option->keyword, option->val);
    target.values_.emplace_back(option->keyword, SecretString(option->val));
  }
  PQconninfoFree(options);
  if (odd) {
    return Status(
        Code::kInvalidArgument,
        "POSTGRES_CONNECTION names no host or no port that there can be; in a URL write @ as "
        "%40, / as %2F and : as %3A in the password");
  }
  for (const auto& [name, value] : kFallbacks) {
    bool said =
        std::any_of(target.values_.begin(), target.values_.end(),
                    [fallback = name](const auto& entry) { return entry.first == fallback; });
    if (standby && name == kSessionAttrs) continue;
    if (!said) target.values_.emplace_back(name, SecretString(value));
  }
  return target;
}

bool PgTarget::SamePlace(const PgTarget& other) const {
  auto place = [](const PgTarget& target) {
    std::string text;
    for (const auto& [name, value] : target.values_) {
      if (IsPlace(name)) text.append(name).append("=").append(value.Reveal()).append("\n");
    }
    return text;
  };
  return place(*this) == place(other);
}

Result<std::unique_ptr<PgConnection>> PgConnection::Open(const PgTarget& target, const Clock& clock,
                                                         std::atomic<uint64_t>* round_trips) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  std::vector<std::string> texts;  // with the zero at the end that libpq wants
  for (const auto& [name, value] : target.values()) {
    names.push_back(name.c_str());
    texts.emplace_back(value.Reveal());
  }
  values.reserve(texts.size() + 1);
  for (const std::string& text : texts) values.push_back(text.c_str());
  names.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PgConnection> out(
      new PgConnection(PQconnectdbParams(names.data(), values.data(), 0), clock, round_trips));
  for (std::string& text : texts) WipeMemory(text.data(), text.size());
  if (PQstatus(out->conn_) != CONNECTION_OK) {
    return Status::Unavailable("postgres: " + Trimmed(PQerrorMessage(out->conn_)));
  }
  // Without a receiver, what the server remarks would go to stderr.
  PQsetNoticeReceiver(
      out->conn_,
      [](void* connection, const PGresult* notice) {
        if (IsCancelledWait(notice)) static_cast<PgConnection*>(connection)->unreplicated_ = true;
      },
      out.get());
  if (PQsetnonblocking(out->conn_, 1) != 0 || PQenterPipelineMode(out->conn_) != 1) {
    return Status::Unavailable("postgres: pipeline mode was refused");
  }
  STATEWARD_RETURN_IF_ERROR(out->LookWhoseSession());
  return out;
}

// A pooler tells a client a process number of its own, since the server's process changes.
Status PgConnection::LookWhoseSession() {
  Result<std::vector<PgRows>> process = Run({{"SELECT pg_backend_pid()::int8", {}}});
  if (!process.ok()) return std::move(process).status();
  own_session_ = process->front().Int8(0, 0) == static_cast<uint64_t>(PQbackendPID(conn_));
  return Status();
}

PgConnection::~PgConnection() { PQfinish(conn_); }

Status PgConnection::Lose(const std::string& why) {
  lost_ = true;
  std::string text = Trimmed(PQerrorMessage(conn_));
  return Status::Unavailable("postgres: " + why + (text.empty() ? "" : ": " + text));
}

Result<std::vector<PgRows>> PgConnection::Run(const std::vector<PgStatement>& statements) {
  sqlstate_.clear();
  if (lost_) return Status::Unavailable("postgres: the connection was lost before");
  const size_t bytes = PgBytesOf(statements);
  heavy_ = heavy_ || bytes > kHeavyBytes;
  int64_t limit_ms = kAnswerMs + static_cast<int64_t>(bytes >> 20) * kMsForEachMiB;
  int64_t deadline_us = clock_.SteadyUs() + limit_ms * 1000;
  if (round_trips_ != nullptr) ++*round_trips_;
  std::vector<Sent> sent;
  STATEWARD_RETURN_IF_ERROR(Send(statements, &sent));
  std::vector<PgRows> rows(statements.size());
  const Status collected = Collect(sent, deadline_us, &rows);
  // As if the answer to COMMIT had been lost: a repeat waits for the standby in its place.
  if (unreplicated_) return Lose("the wait for a synchronous standby was cancelled");
  if (!collected.ok() && own_session_ && IsNotKept(sqlstate_)) {
    own_session_ = false;
    // Within a transaction that has failed with it, the next one is without.
    if (!lost_ && PQtransactionStatus(conn_) == PQTRANS_IDLE) return Run(statements);
  }
  STATEWARD_RETURN_IF_ERROR(collected);
  for (const PgRows& part : rows) heavy_ = heavy_ || part.memory() > kHeavyBytes;
  return rows;
}

Result<const char*> PgConnection::Keep(const PgStatement& statement, std::vector<Sent>* sent) {
  if (!statement.kept || !own_session_) return nullptr;
  Kept& kept = kept_[statement.sql];
  if (kept.there) return kept.name.c_str();
  if (kept.name.empty()) kept.name = KeptName(statement.sql);
  std::vector<Oid> types;
  for (const PgParams::Param& param : statement.params.all()) types.push_back(param.type);
  if (PQsendPrepare(conn_, kept.name.c_str(), statement.sql.c_str(), static_cast<int>(types.size()),
                    types.data()) != 1) {
    return Lose("could not send");
  }
  sent->push_back({&statement, false});
  return kept.name.c_str();
}

Status PgConnection::Send(const std::vector<PgStatement>& statements, std::vector<Sent>* sent) {
  for (const PgStatement& statement : statements) {
    Result<const char*> name = Keep(statement, sent);
    if (!name.ok()) return std::move(name).status();
    std::vector<Oid> types;
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (const PgParams::Param& param : statement.params.all()) {
      types.push_back(param.type);
      values.push_back(param.data());
      lengths.push_back(param.size());
    }
    std::vector<int> formats(types.size(), 1);  // binary
    const int count = static_cast<int>(types.size());
    const int done = *name != nullptr
                         ? PQsendQueryPrepared(conn_, *name, count, values.data(), lengths.data(),
                                               formats.data(), 1)
                         : PQsendQueryParams(conn_, statement.sql.c_str(), count, types.data(),
                                             values.data(), lengths.data(), formats.data(), 1);
    if (done != 1) return Lose("could not send");
    sent->push_back({&statement, true});
  }
  return PQpipelineSync(conn_) == 1 ? Status() : Lose("could not send");
}

// Flushes what must be sent and reads until a result is whole. False: the time is up.
bool PgConnection::AwaitResult(int64_t deadline_us) {
  for (;;) {
    int unsent = PQflush(conn_);
    // Also when the server reads nothing because it has something to say first.
    if (unsent < 0 || (unsent == 0 && PQisBusy(conn_) == 0)) return true;
    int64_t left_us = deadline_us - clock_.SteadyUs();
    if (left_us <= 0) return false;
    pollfd watch{PQsocket(conn_), static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN), 0};
    if (poll(&watch, 1, static_cast<int>(left_us / 1000 + 1)) <= 0) continue;
    if ((watch.revents & ~POLLOUT) != 0 && PQconsumeInput(conn_) == 0) return true;
  }
}

Status PgConnection::Collect(const std::vector<Sent>& sent, int64_t deadline_us,
                             std::vector<PgRows>* rows) {
  Status failure;
  size_t index = 0;  // of what was sent
  size_t row = 0;
  bool ended = false;  // the last answer was the end of a statement's results
  for (;;) {
    if (!AwaitResult(deadline_us)) return Lose("no answer within the time limit");
    PGresult* result = PQgetResult(conn_);
    if (result == nullptr) {
      if (ended || PQstatus(conn_) != CONNECTION_OK) break;
      ended = true;
      ++index;
      continue;
    }
    ended = false;
    PgRows owned(result);
    switch (PQresultStatus(result)) {
      case PGRES_PIPELINE_SYNC:
        return failure;
      case PGRES_TUPLES_OK:
      case PGRES_COMMAND_OK:
        if (index >= sent.size()) break;
        if (sent[index].rows) {
          (*rows)[row++] = std::move(owned);
        } else {
          kept_[sent[index].statement->sql].there = true;
        }
        break;
      case PGRES_PIPELINE_ABORTED:
        break;
      default:
        if (failure.ok()) failure = FromResult(result, &sqlstate_);
        break;
    }
  }
  // The end of the pipeline was never confirmed: what took effect is unknown.
  Status lost = Lose("connection lost");
  return failure.ok() ? lost : failure;
}

bool PgConnection::LooksAlive() const {
  if (lost_ || PQstatus(conn_) != CONNECTION_OK) return false;
  pollfd watch{PQsocket(conn_), POLLIN, 0};
  return poll(&watch, 1, 0) == 0;
}

}  // namespace stateward
