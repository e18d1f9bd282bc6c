// The jobs around what running servers say of themselves (docs/formats.md, "Servers").
#ifndef STATEWARD_JOBS_SERVER_JOBS_H_
#define STATEWARD_JOBS_SERVER_JOBS_H_

#include <memory>
#include <string>
#include <vector>

#include "jobs/job.h"

namespace stateward {

//   keys     of each process, since each knows its own: says next to the store which keys it knows,
//            under `process_id` (32 hex digits), when the settings were read and once a minute
//   servers  of the store: takes away what servers left that are gone, once in ten minutes
std::vector<std::unique_ptr<Job>> ServerJobs(const std::string& process_id);

}  // namespace stateward

#endif  // STATEWARD_JOBS_SERVER_JOBS_H_
