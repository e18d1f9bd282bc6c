#include "postgres/pg_pool.h"

#include <atomic>
#include <thread>
#include <vector>

#include "doubles/fake_clock.h"
#include "doubles/pool_watch.h"
#include "postgres/pg_schema.h"
#include "service/postgres_box.h"
#include "service/slow_pipe.h"

namespace stateward {

TEST_GROUP(PgPool) {
  std::shared_ptr<PgPool> pool = PostgresBox::Pool(2);

  uint64_t Pid() {
    Result<PgRows> rows = pool->QueryOne({"SELECT pg_backend_pid()::int8", {}}, PgUse::kRead);
    return rows.ok() ? rows->Int8(0, 0) : 0;
  }
  void Terminate(uint64_t pid) {
    PostgresBox box;
    box.Exec("SELECT pg_terminate_backend(" + std::to_string(pid) + ")");
  }
};

TEST(PgPool, BinaryValuesComeBack) {
  std::string bytes("\0\xff'\\", 4);
  PgStatement statement{"SELECT $1::text, $2::bytea, $3::int8, true, NULL::text, ''::bytea", {}};
  statement.params.Text("it's").Bytea(bytes).Int8(uint64_t{1} << 40);
  Result<PgRows> rows = pool->QueryOne(statement, PgUse::kRead);
  CHECK(rows.ok());
  STRCMP_EQUAL("it's", rows->Text(0, 0).c_str());
  CHECK(rows->Raw(0, 1) == ByteView(bytes));
  CHECK(rows->Int8(0, 2) == uint64_t{1} << 40);
  CHECK(rows->Bool(0, 3));
  CHECK(rows->IsNull(0, 4));
  CHECK_FALSE(rows->IsNull(0, 5));
  CHECK(rows->IsNull(1, 0));
}

TEST(PgPool, ADeadConnectionIsReplacedUnseen) {
  uint64_t pid = Pid();
  Terminate(pid);
  uint64_t now = Pid();
  CHECK(now != 0 && now != pid);
}

TEST(PgPool, AnOutcomeThatIsUnknownIsNotRepeated) {
  PgStatement suicide{"SELECT pg_terminate_backend(pg_backend_pid())", {}};
  CHECK_FALSE(pool->QueryOne(suicide, PgUse::kChangesOnce).ok());
  CHECK(Pid() != 0);
}

TEST(PgPool, AStatementThatFailsLeavesTheConnectionGood) {
  uint64_t pid = Pid();
  std::string sqlstate;
  CHECK_FALSE(pool->QueryOne({"SELECT 1/0", {}}, PgUse::kRead, &sqlstate).ok());
  STRCMP_EQUAL("22012", sqlstate.c_str());
  CHECK(Pid() == pid);
}

TEST(PgPool, StatementsOfOneCallAreOneTransaction) {
  PostgresBox box;
  box.Exec("CREATE TABLE IF NOT EXISTS states (a int8)");
  CHECK_FALSE(
      pool->Query({{"INSERT INTO states VALUES (1)", {}}, {"SELECT 1/0", {}}}, PgUse::kRepeatable)
          .ok());
  LONGS_EQUAL(0, box.Number("SELECT count(*) FROM states"));
}

TEST(PgPool, AFailedTransactionIsNotCommitted) {
  std::vector<PgRows> rows;
  Result<std::unique_ptr<PgTransaction>> transaction = pool->Begin({}, &rows);
  CHECK_FALSE((*transaction)->Query({{"SELECT 1/0", {}}}, PgUse::kRead).ok());
  CHECK_FALSE((*transaction)->Commit({}).ok());
  CHECK_FALSE((*transaction)->outcome_unknown());
}

// Its connections are bounded, and a thread that waits for one in vain is told so.
TEST(PgPool, BoundedInConnectionsAndTime) {
  PoolWatch watch;
  pool = PostgresBox::Pool(2, ServiceEnv("POSTGRES"), &watch);
  std::vector<PgRows> rows;
  Result<std::unique_ptr<PgTransaction>> one = pool->Begin({}, &rows);
  Result<std::unique_ptr<PgTransaction>> two = pool->Begin({}, &rows);
  CHECK(one.ok() && two.ok());
  LONGS_EQUAL(0, watch.Waits().size());
  uint64_t late_pid = 1;
  std::thread late([&] { late_pid = Pid(); });
  late.join();
  LONGS_EQUAL(0, late_pid);
  one->reset();
  CHECK(Pid() != 0);
  LONGS_EQUAL(1, watch.Waits().size());
  STRCMP_EQUAL("postgres", watch.Waits()[0].pool.c_str());
  CHECK_FALSE(watch.Waits()[0].ok);
  CHECK(watch.Waits()[0].us > 1000000);
  two->reset();
  pool.reset();
}

TEST(PgPool, ATransactionHasAConnectionOfItsOwn) {
  std::vector<PgRows> rows;
  Result<std::unique_ptr<PgTransaction>> transaction =
      pool->Begin({{"SELECT pg_backend_pid()::int8", {}}}, &rows);
  Result<PgRows> inside =
      (*transaction)->QueryOne({"SELECT pg_backend_pid()::int8", {}}, PgUse::kRead);
  CHECK(inside.ok());
  LONGS_EQUAL(rows[0].Int8(0, 0), inside->Int8(0, 0));
  CHECK(Pid() != rows[0].Int8(0, 0));
}

TEST(PgPool, LimitsAndSyncAreSetInEachTransaction) {
  std::vector<PgRows> rows;
  Result<std::unique_ptr<PgTransaction>> transaction =
      pool->Begin({{"SELECT current_setting('lock_timeout'),"
                    " current_setting('idle_in_transaction_session_timeout'),"
                    " current_setting('statement_timeout'), current_setting('synchronous_commit')",
                    {}}},
                  &rows);
  STRCMP_EQUAL("5s", rows[0].Text(0, 0).c_str());
  STRCMP_EQUAL("15s", rows[0].Text(0, 1).c_str());
  STRCMP_EQUAL("1min", rows[0].Text(0, 2).c_str());
  STRCMP_EQUAL("on", rows[0].Text(0, 3).c_str());
}

constexpr char kCountKept[] = "SELECT count(*) FROM pg_prepared_statements";

PgStatement KeptSum() {
  PgStatement add{"SELECT $1::int8 + 1", {}, true};
  add.params.Int8(41);
  return add;
}

uint64_t Ask(PgPool& pool, const PgStatement& statement) {
  Result<PgRows> rows = pool.QueryOne(statement, PgUse::kRead);
  if (!rows.ok()) FAIL(rows.status().detail().c_str());
  return rows->Int8(0, 0);
}

// The server reads the bytes of a large statement while its limits run: of a transaction whose
// client is silent where the statement is kept, else of the statement.
TEST(PgPool, TheLimitsOfATransactionAllowForWhatIsSent) {
  SlowPipe pipe;
  pool = PostgresBox::Pool(1, pipe.Connection());
  const std::string bytes(size_t{24} << 20, 'x');
  std::vector<PgRows> rows;
  Result<std::unique_ptr<PgTransaction>> begun = pool->Begin({{"SELECT 1", {}}}, &rows);
  CHECK(begun.ok());
  const auto ask = [&](ByteView value) {
    PgStatement size{
        "SELECT octet_length($1)::int8, current_setting('statement_timeout')", {}, true};
    size.params.Bytea(value);
    return (*begun)->QueryOne(size, PgUse::kRead);
  };
  Result<PgRows> small = ask(std::string_view("x"));
  CHECK(small.ok());
  STRCMP_EQUAL("1min", small->Text(0, 1).c_str());
  const uint64_t before = pool->RoundTrips();
  CHECK((*begun)
            ->QueryOne({"SET LOCAL idle_in_transaction_session_timeout = '10s'", {}}, PgUse::kRead)
            .ok());
  pipe.SlowDown(std::chrono::microseconds(570));  // for each KiB: 14 s
  Result<PgRows> large = ask(bytes);
  if (!large.ok()) FAIL(large.status().detail().c_str());
  LONGS_EQUAL(bytes.size(), large->Int8(0, 0));
  STRCMP_EQUAL("84s", large->Text(0, 1).c_str());
  LONGS_EQUAL(2, pool->RoundTrips() - before);
}

TEST(PgPool, TheServerKeepsAStatementThatComesAgain) {
  std::shared_ptr<PgPool> one = PostgresBox::Pool(1);
  for (int i = 0; i < 3; ++i) LONGS_EQUAL(42, Ask(*one, KeptSum()));
  LONGS_EQUAL(1, Ask(*one, {kCountKept, {}}));
  // One whose text is wrong fails each time, and is not taken for one that is there.
  const PgStatement wrong{"SELECT no_such_column", {}, true};
  for (int i = 0; i < 2; ++i) {
    std::string sqlstate;
    CHECK_FALSE(one->QueryOne(wrong, PgUse::kRead, &sqlstate).ok());
    STRCMP_EQUAL("42703", sqlstate.c_str());
  }
  LONGS_EQUAL(42, Ask(*one, KeptSum()));
}

TEST(PgPool, NothingIsKeptBehindAPooler) {
  std::shared_ptr<PgPool> one = PostgresBox::Pool(1, ServiceEnv("PGBOUNCER"));
  std::vector<PgRows> rows;
  Result<std::unique_ptr<PgTransaction>> session = one->Begin({KeptSum(), {kCountKept, {}}}, &rows);
  CHECK(session.ok());
  LONGS_EQUAL(42, rows[0].Int8(0, 0));
  LONGS_EQUAL(0, rows[1].Int8(0, 0));
}

// As a pooler would look that gives the session of a server, number and all, to others.
TEST(PgPool, AStatementThatIsNoLongerKeptIsSentWhole) {
  std::shared_ptr<PgPool> one = PostgresBox::Pool(1);
  LONGS_EQUAL(42, Ask(*one, KeptSum()));
  CHECK(one->QueryOne({"DEALLOCATE ALL", {}}, PgUse::kRepeatable).ok());
  for (int i = 0; i < 2; ++i) LONGS_EQUAL(42, Ask(*one, KeptSum()));
  LONGS_EQUAL(0, Ask(*one, {kCountKept, {}}));
}

TEST(PgPool, ATransactionFailsWhoseStatementIsNoLongerKept) {
  std::shared_ptr<PgPool> one = PostgresBox::Pool(1);
  LONGS_EQUAL(42, Ask(*one, KeptSum()));
  std::vector<PgRows> rows;
  CHECK_FALSE(one->Begin({{"DEALLOCATE ALL", {}}, KeptSum()}, &rows).ok());
  Result<std::unique_ptr<PgTransaction>> next = one->Begin({KeptSum()}, &rows);
  CHECK(next.ok());
  LONGS_EQUAL(42, rows[0].Int8(0, 0));
}

// default_transaction_isolation of the role, the database or the server is not ours to choose.
TEST(PgPool, WhatWaitsForARowSeesWhatWasCommitted) {
  PostgresBox box;
  box.Exec("CREATE TABLE states (a int8)");
  box.Exec("INSERT INTO states VALUES (1)");
  // The one that waits must not give up because the other one stands still.
  const FakeClock clock;
  const std::vector<PgStatement> patient = {
      {"SET LOCAL lock_timeout = 0", {}},
      {"SET LOCAL idle_in_transaction_session_timeout = 0", {}}};
  for (const char* level : {"repeatable read", "serializable"}) {
    box.Exec("ALTER ROLE CURRENT_USER SET default_transaction_isolation = '" + std::string(level) +
             "'");
    pool = PostgresBox::Pool(2, ServiceEnv("POSTGRES"), nullptr, clock);
    const PgStatement raise{"UPDATE states SET a = a + 1 RETURNING a", {}};
    std::vector<PgStatement> begin = patient;
    begin.push_back(raise);
    for (bool in_transaction : {false, true}) {
      const uint64_t before = box.Number("SELECT a FROM states");
      std::vector<PgRows> rows;
      Result<std::unique_ptr<PgTransaction>> first = pool->Begin(begin, &rows);
      CHECK(first.ok());
      uint64_t got = 0;
      std::atomic<bool> ended{false};
      std::thread second([&] {
        if (in_transaction) {
          std::vector<PgRows> mine;
          Result<std::unique_ptr<PgTransaction>> transaction = pool->Begin(begin, &mine);
          if (transaction.ok() && (*transaction)->Commit({}).ok()) got = mine.back().Int8(0, 0);
        } else {
          Result<PgRows> one = pool->QueryOne(raise, PgUse::kChangesOnce);
          if (one.ok()) got = one->Int8(0, 0);
        }
        ended = true;
      });
      while (box.Number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0 && !ended) {
      }
      const Status committed = (*first)->Commit({});
      second.join();
      CHECK(committed.ok());
      CHECK(got == before + 2);
    }
    pool.reset();  // the clock goes with the test
  }
  box.Exec("ALTER ROLE CURRENT_USER RESET default_transaction_isolation");
}

TEST(PgPool, WrongConnectionsAreRefusedWithoutTellingThePassword) {
  for (const char* bad : {"postgres://u:hunter2%zz@h/d", "password='hunter2", "hunter2=1",
                          "postgres://u:hunter2@h/d?nonsense=hunter2"}) {
    Result<std::shared_ptr<PgPool>> made =
        PgPool::Make({SecretString(std::string_view(bad)), 1}, SystemClock());
    CHECK(!made.ok() && made.status().code() == Code::kInvalidArgument);
    CHECK(made.status().detail().find("hunter2") == std::string::npos);
  }
}

// terraform-backend wrote the name into its SQL as it stood.
TEST(PgPool, TableNamesAreReadAsSqlReadsThem) {
  STRCMP_EQUAL("\"states\"", PgTableName("S", "states")->c_str());
  STRCMP_EQUAL("\"states\"", PgTableName("S", "States")->c_str());
  STRCMP_EQUAL("\"States\"", PgTableName("S", "\"States\"")->c_str());
  STRCMP_EQUAL("\"a\".\"b\"", PgTableName("S", "A.b")->c_str());
  STRCMP_EQUAL("\"A.\"\"\".\"b\"", PgTableName("S", "\"A.\"\"\".b")->c_str());
  STRCMP_EQUAL("\"x; drop\"", PgTableName("S", "x; DROP")->c_str());
  for (const char* bad : {"", ".", "a.", ".b", "a.b.c", "x\"; DROP", "\"", "\"\"", "\"a", "\"a\"b",
                          "\"a\"\"", "a\"b\""}) {
    CHECK_FALSE(PgTableName("S", bad).ok());
  }
}

}  // namespace stateward
