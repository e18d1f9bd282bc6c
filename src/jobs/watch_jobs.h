// The jobs that only count, for who watches.
#ifndef STATEWARD_JOBS_WATCH_JOBS_H_
#define STATEWARD_JOBS_WATCH_JOBS_H_

#include <memory>
#include <vector>

#include "jobs/job.h"

namespace stateward {

//   key     of each host: the key that seals, and when the credentials for it end, once a minute
//   locks   of the store: what the locks that are held are for, and how old the oldest is, once a
//           minute; of so many locks that looking at all takes long, of the first 1,000
//   totals  of the store: versions, bytes and kept uploads, a round an hour, 50 states a second
std::vector<std::unique_ptr<Job>> WatchJobs();

}  // namespace stateward

#endif  // STATEWARD_JOBS_WATCH_JOBS_H_
