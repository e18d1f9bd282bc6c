// The store that the settings name, with all that an administrator's commands need to write to it.
#ifndef STATEWARD_CLI_LOCAL_ADMIN_H_
#define STATEWARD_CLI_LOCAL_ADMIN_H_

#include <memory>

#include "admin/admin_service.h"
#include "audit/trail_writer.h"
#include "base/log.h"
#include "cli/cli_context.h"
#include "cli/command_trail.h"
#include "cli/opened_store.h"
#include "state/state_service.h"
#include "state/store_gate.h"
#include "stateward/result.h"

namespace stateward {

class LocalAdmin {
 public:
  // What it writes for.
  enum class For : uint8_t {
    kOperations,
    kAdoption,  // names that the original's data may hold are no reason to wait
  };
  // As OpenStore. Starts a thread.
  static Result<std::unique_ptr<LocalAdmin>> Open(const CliContext& cli,
                                                  For purpose = For::kOperations);

  OpenedStore& store() { return *store_; }
  StateService& states() { return *states_; }
  AdminService& service() { return *service_; }
  const Log& log() const { return log_; }

 private:
  LocalAdmin() = default;

  std::unique_ptr<OpenedStore> store_;
  const Log log_{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kError};
  CommandObserver observer_;
  std::unique_ptr<StoreGate> gate_;
  std::unique_ptr<StateService> states_;
  std::unique_ptr<TrailWriter> trail_;  // null: there is no trail
  std::unique_ptr<AdminService> service_;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_LOCAL_ADMIN_H_
