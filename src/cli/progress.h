// How far a long command is: a bar with rate and time left on a terminal, a line now and then
// elsewhere.
#ifndef STATEWARD_CLI_PROGRESS_H_
#define STATEWARD_CLI_PROGRESS_H_

#include <cstdint>
#include <cstdio>
#include <string>

#include "stateward/clock.h"

namespace stateward {

// "[########............]  1200/3000 states  41/s  0:44 left", without an end of line.
std::string ProgressText(uint64_t done, uint64_t total, int64_t elapsed_us);

// Not synchronised.
class Progress {
 public:
  // `terminal`: whether `to` is one.
  Progress(FILE* to, bool terminal, uint64_t total, const Clock& clock);
  ~Progress() { Clear(); }

  void Advance();
  // Takes the bar away, so that a line can be written; the next Advance draws it again.
  void Clear();

 private:
  FILE* const to_;
  const bool terminal_;
  const uint64_t total_;
  const Clock& clock_;
  const int64_t start_us_;
  int64_t shown_us_;
  uint64_t done_ = 0;
  bool drawn_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_PROGRESS_H_
