#include "process_watch.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>

namespace bench {
namespace {

int64_t ResidentKib(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  int64_t total = 0;
  int64_t resident = 0;
  file >> total >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

// The clock of all its threads: /proc/PID/stat counts in steps of 10 ms.
int64_t CpuUsOf(int pid) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return used.tv_sec * int64_t{1000000} + used.tv_nsec / 1000;
}

}  // namespace

ProcessWatch::ProcessWatch(const std::vector<int>& pids) {
  for (int pid : pids) {
    usage_.emplace_back();
    usage_.back().pid = pid;
  }
}

void ProcessWatch::Begin() {
  for (Usage& usage : usage_) {
    usage.first_kib = usage.max_kib = ResidentKib(usage.pid);
    usage.cpu_us = -CpuUsOf(usage.pid);
  }
}

void ProcessWatch::Look() {
  for (Usage& usage : usage_) usage.max_kib = std::max(usage.max_kib, ResidentKib(usage.pid));
}

void ProcessWatch::End() {
  Look();
  for (Usage& usage : usage_) usage.cpu_us += CpuUsOf(usage.pid);
}

void ProcessWatch::After() {
  for (Usage& usage : usage_) usage.after_kib = ResidentKib(usage.pid);
}

int64_t ProcessWatch::CpuUs() const {
  int64_t sum = 0;
  for (const Usage& usage : usage_) sum += CpuUsOf(usage.pid);
  return sum;
}

int64_t OwnCpuUs() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * int64_t{1000000} +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

}  // namespace bench
