// The lock of the process that does the jobs of a host: `jobs.lock` in RUNTIME_DIR. The file says
// who holds it:
//
//   "PID HOST STORE\n": the process; the name of this host among those of a store, which the
//   processes of the host hand on as long as the folder lives; the store ("-": not known yet).
#ifndef STATEWARD_JOBS_HOST_LOCK_H_
#define STATEWARD_JOBS_HOST_LOCK_H_

#include <string>

#include "stateward/result.h"

namespace stateward {

// Used by one thread.
class HostLock {
 public:
  explicit HostLock(const std::string& folder) : path_(folder + "/jobs.lock") {}
  ~HostLock() { GiveUp(); }
  HostLock(const HostLock&) = delete;
  HostLock& operator=(const HostLock&) = delete;

  // Held, and the file is still the one that others ask for.
  bool Holds() const;
  // False: another process has it. kUnavailable: there is no such file, and none can be made.
  Result<bool> Take();
  void GiveUp();
  // Says whose jobs are done. REQUIRES: it is held.
  void NameStore(const std::string& store_id);
  const std::string& host() const { return host_; }

 private:
  void Write();

  const std::string path_;
  int fd_ = -1;
  std::string host_;
  std::string store_id_;
};

// What is wrong when a process that runs does the jobs of another store by this folder: those of
// `store_id` are not done. "" = nothing.
std::string OtherStoreWarning(const std::string& folder, const std::string& store_id);

}  // namespace stateward

#endif  // STATEWARD_JOBS_HOST_LOCK_H_
