// An empty schema in the tests' Postgres, for one test.
#ifndef STATEWARD_TESTS_SERVICE_POSTGRES_BOX_H_
#define STATEWARD_TESTS_SERVICE_POSTGRES_BOX_H_

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "postgres/pg_pool.h"
#include "service/service_env.h"
#include "stateward/clock.h"

namespace stateward {

class PostgresBox {
 public:
  PostgresBox() {
    Exec("DROP SCHEMA IF EXISTS stateward, hidden CASCADE");
    Exec("DROP TABLE IF EXISTS states, locks");
  }
  static std::shared_ptr<PgPool> Pool(uint32_t size = 8,
                                      const std::string& connection = ServiceEnv("POSTGRES"),
                                      Observer* observer = nullptr,
                                      const Clock& clock = SystemClock()) {
    return *PgPool::Make({SecretString(connection), size}, clock, observer);
  }
  void Exec(const std::string& sql) {
    Result<PgRows> rows = pool_->QueryOne({sql, {}}, PgUse::kRepeatable);
    if (!rows.ok()) FAIL(rows.status().detail().c_str());
  }
  // For a pool with the connection below the server is on this timeline (8 hex digits).
  void SetTimeline(const std::string& timeline) {
    Exec("CREATE SCHEMA IF NOT EXISTS hidden");
    Exec(
        "CREATE OR REPLACE FUNCTION hidden.pg_walfile_name(pg_lsn) RETURNS text LANGUAGE sql AS"
        " $$ SELECT '" +
        timeline + "0000000000000001' $$");
  }
  // What a dump of the locks leaves when it is put back: the same rows in a table of its own.
  void PutLocksBack() {
    Exec("ALTER TABLE stateward.state_locks RENAME TO before");
    Exec("CREATE TABLE stateward.state_locks (LIKE stateward.before INCLUDING ALL)");
    Exec("INSERT INTO stateward.state_locks SELECT * FROM stateward.before");
    Exec("DROP TABLE stateward.before");
  }
  static std::string OnTimeline() {
    return ServiceEnv("POSTGRES") +
           "&options=-csearch_path%3Dhidden%2Cpg_catalog%2Cstateward%2Cpublic";
  }
  uint64_t Number(const std::string& sql) {
    Result<PgRows> rows = pool_->QueryOne({sql, {}}, PgUse::kRead);
    if (!rows.ok()) FAIL(rows.status().detail().c_str());
    return rows->Int8(0, 0);
  }
  // `table`: states or locks, or one of these behind a schema's name.
  void PutLegacy(const std::string& table, const std::string& id, ByteView bytes) {
    const bool states = table.find("states") != std::string::npos;
    Exec("CREATE TABLE IF NOT EXISTS " + table + " (state_id character varying(255) PRIMARY KEY, " +
         (states ? "state_data" : "lock_data") + " bytea)");
    PgStatement put{"INSERT INTO " + table + " VALUES ($1, $2)", {}};
    put.params.Text(id).Bytea(bytes);
    CHECK(pool_->QueryOne(put, PgUse::kRepeatable).ok());
  }

 private:
  std::shared_ptr<PgPool> pool_ = Pool(1);
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_SERVICE_POSTGRES_BOX_H_
