// What the processes of a host know of the jobs: a small file in RUNTIME_DIR that the process which
// does them writes and all read.
#ifndef STATEWARD_JOBS_JOB_BOARD_H_
#define STATEWARD_JOBS_JOB_BOARD_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "stateward/result.h"

namespace stateward {

// Found by the runner itself: 1 on the host that does the jobs of the store.
inline constexpr char kJobsOfStore[] = "stateward_store_jobs_here";

struct JobRecord {
  uint64_t runs = 0;  // rounds that ended well
  uint64_t failures = 0;
  int64_t last_run_ms = 0;      // when a round ended or a step failed; 0: never
  int64_t last_success_ms = 0;  // when a round ended well
};

// `name` of "name{label=\"value\"}".
std::string_view SeriesName(std::string_view found);

struct JobBoard {
  std::map<std::string, JobRecord> jobs;
  std::map<std::string, uint64_t>
      found;  // what jobs counted, by the name in metrics, with its labels

  // An empty board when there is none; what cannot be read as one counts as none.
  static JobBoard Read(const std::string& folder);
  // Readers see the board before or this one, whole.
  Status Write(const std::string& folder) const;
  // As Prometheus text (docs/metrics.md).
  std::string Metrics() const;
};

}  // namespace stateward

#endif  // STATEWARD_JOBS_JOB_BOARD_H_
