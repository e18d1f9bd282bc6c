// What became of the last reload, in each process of the host: a small file of each in RUNTIME_DIR,
// for /ready and for `stateward --reload`.
#ifndef STATEWARD_APP_RELOAD_STATUS_H_
#define STATEWARD_APP_RELOAD_STATUS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/process.h"
#include "stateward/status.h"

namespace stateward {

struct ReloadState {
  ProcessId process;
  uint64_t count = 0;      // reloads since its start
  bool ok = true;          // how the last one ended
  int64_t time_ms = 0;     // when that was
  int64_t last_ok_ms = 0;  // when one ended well last, the start included
  std::string reason;      // why not
};

// This process' own. Used by one thread.
class ReloadStatus {
 public:
  explicit ReloadStatus(std::string folder) : folder_(std::move(folder)) {}
  ~ReloadStatus();
  ReloadStatus(const ReloadStatus&) = delete;
  ReloadStatus& operator=(const ReloadStatus&) = delete;

  // Called once at start with OK, and after each reload. Without a folder nothing is told.
  void Note(const Status& status);

 private:
  std::string Path() const;
  const std::string folder_;
  uint64_t count_ = 0;
  bool noted_ = false;
  int64_t last_ok_ms_ = 0;
};

// Of the processes that live. Removes what dead ones left.
std::vector<ReloadState> ReadReloadStates(const std::string& folder);

// The same as Prometheus text (docs/metrics.md).
std::string ReloadMetrics(const std::string& folder);

// Sends `pid` (a supervisor, multiwatch, or a worker) the signal that makes it read its settings
// again, and waits until each worker has told what became of it. Returns the exit code: 0 when all
// have the new settings; the reasons go to the standard error.
int ReloadAndWait(int pid, const std::string& folder);

}  // namespace stateward

#endif  // STATEWARD_APP_RELOAD_STATUS_H_
