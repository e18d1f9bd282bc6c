// What the load driver is told on its command line.
#ifndef STATEWARD_BENCH_DRIVER_OPTIONS_H_
#define STATEWARD_BENCH_DRIVER_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "http_client.h"
#include "workload.h"

namespace bench {

extern const char kUsage[];

struct Options {
  WorkloadOptions workload;
  Address address;
  size_t clients = 16;
  size_t states = 0;
  double duration_s = 5;
  double warmup_s = 1;
  std::vector<int> pids;
  bool fresh = false;    // a connection of its own for each request
  int64_t pause_us = 0;  // of a client before each request, on the average
  bool check = true;
  bool json = false;
};

// False: wrong usage.
bool Parse(int argc, char** argv, Options* options);

}  // namespace bench

#endif  // STATEWARD_BENCH_DRIVER_OPTIONS_H_
