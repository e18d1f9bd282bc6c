#include "process_watch.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
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

int64_t CpuUs(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;  // state … cmajflt
  int64_t user = 0;
  int64_t system = 0;
  fields >> user >> system;
  return (user + system) * (1000000 / sysconf(_SC_CLK_TCK));
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
    usage.cpu_us = -CpuUs(usage.pid);
  }
}

void ProcessWatch::Look() {
  for (Usage& usage : usage_) usage.max_kib = std::max(usage.max_kib, ResidentKib(usage.pid));
}

void ProcessWatch::End() {
  Look();
  for (Usage& usage : usage_) usage.cpu_us += CpuUs(usage.pid);
}

void ProcessWatch::After() {
  for (Usage& usage : usage_) usage.after_kib = ResidentKib(usage.pid);
}

int64_t OwnCpuUs() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * int64_t{1000000} +
         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

}  // namespace bench
