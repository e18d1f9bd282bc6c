// States of Terraform's pg backend: SCHEMA.states, a row for each workspace; no old versions.
// Locked by the advisory lock that the backend takes, as long as this process lives.
#ifndef STATEWARD_MOVING_PG_SOURCE_H_
#define STATEWARD_MOVING_PG_SOURCE_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "moving/source.h"
#include "postgres/pg_connection.h"
#include "stateward/clock.h"
#include "stateward/secret.h"

namespace stateward {

class PgSource : public Source {
 public:
  // `connection`: what the backend's conn_str says. kInvalidArgument: no such text or schema.
  static Result<std::unique_ptr<Source>> Open(const SecretString& connection,
                                              const std::string& schema, const Clock& clock);
  PgSource(std::unique_ptr<PgConnection> connection, std::string schema, std::string table)
      : connection_(std::move(connection)), schema_(std::move(schema)), table_(std::move(table)) {}

  Result<std::vector<SourceState>> List() override;
  Result<std::vector<SourceVersion>> Versions(const SourceState& state) override;
  Result<SecretBytes> Read(const SourceState& state, const SourceVersion& version) override;
  Result<SourceLock> Lock(const SourceState& state) override;
  Status Unlock(const SourceState& state) override;

 private:
  Result<PgRows> Ask(const std::string& sql, const std::string* workspace);

  std::mutex mutex_;
  const std::unique_ptr<PgConnection> connection_;
  const std::string schema_;
  const std::string table_;  // quoted
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_PG_SOURCE_H_
