// The audit trail for a command of this host: its lines go where the server's go.
#ifndef STATEWARD_CLI_COMMAND_TRAIL_H_
#define STATEWARD_CLI_COMMAND_TRAIL_H_

#include <memory>
#include <string>

#include "app/backends.h"
#include "audit/trail_writer.h"
#include "base/log.h"
#include "config/config.h"
#include "stateward/audit.h"
#include "stateward/observer.h"
#include "stateward/status.h"

namespace stateward {

// A command counts nothing.
class CommandObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
};

// Starts a thread; nullptr: the settings keep no trail. What is given must outlive it.
std::unique_ptr<TrailWriter> OpenCommandTrail(const Config& config, Backends& backends,
                                              Observer& observer, const Log& log);

// One run of a command that concerns a whole store, in that store's trail. Used by one thread.
class CommandTrail {
 public:
  // `user` of this host runs `action`; `what` says with what. `backends` must outlive it.
  CommandTrail(const Config& config, Backends& backends, const std::string& user,
               std::string action, std::string what);

  // Before a change. kUnavailable: it must not be made (AUDIT_REQUIRED).
  Status Begin();
  // A line of its own for a state whose document was given away.
  void NoteRead(const StateKey& key, const AuditVersion& version);
  // How the command ended; returns `end`. The line lasts when this returns, if it can be written.
  Status End(Status end);

 private:
  CommandObserver observer_;
  const Log log_{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kError};
  std::unique_ptr<TrailWriter> trail_;
  AuditEvent event_;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_COMMAND_TRAIL_H_
