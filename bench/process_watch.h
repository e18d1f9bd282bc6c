// Memory and processor time of other processes, from /proc.
#ifndef STATEWARD_BENCH_PROCESS_WATCH_H_
#define STATEWARD_BENCH_PROCESS_WATCH_H_

#include <cstdint>
#include <vector>

namespace bench {

struct Usage {
  int pid = 0;
  int64_t first_kib = 0;  // resident, when the measured part began
  int64_t max_kib = 0;    // the most that was seen in it
  int64_t after_kib = 0;  // a while after its end
  int64_t cpu_us = 0;     // used in it
};

class ProcessWatch {
 public:
  explicit ProcessWatch(const std::vector<int>& pids);
  void Begin();
  void Look();   // from time to time
  void End();    // the measured part is over
  void After();  // some time later
  const std::vector<Usage>& usage() const { return usage_; }
  int64_t CpuUs() const;  // of all of them, since they were started

 private:
  std::vector<Usage> usage_;
};

// Of this process itself.
int64_t OwnCpuUs();

}  // namespace bench

#endif  // STATEWARD_BENCH_PROCESS_WATCH_H_
