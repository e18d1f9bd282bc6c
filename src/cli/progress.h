// How far a long command is: a bar with rate and time left, on a terminal and nowhere else.
#ifndef STATEWARD_CLI_PROGRESS_H_
#define STATEWARD_CLI_PROGRESS_H_

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>

#include "stateward/clock.h"

namespace stateward {

// "[########............]  1200/3000 states  41/s  0:44 left", without an end of line.
std::string ProgressText(uint64_t done, uint64_t total, int64_t elapsed_us);

// Thread-safe.
class Progress {
 public:
  // `shown` false: nothing is ever written.
  Progress(FILE* to, bool shown, const Clock& clock);
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // total 0: not known.
  void Show(uint64_t done, uint64_t total);
  // Takes the bar away, so that a line can be written; the next Show draws it again.
  void Clear();

 private:
  FILE* const to_;
  const bool shown_;
  const Clock& clock_;
  const int64_t start_us_;
  std::mutex mutex_;
  int64_t drawn_us_;
  bool drawn_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_PROGRESS_H_
