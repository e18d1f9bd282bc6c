// Whether bytes come, or go, fast enough: so many in so many seconds, again and again. There is no
// limit to the sum: a large state over a slow line takes as long as it takes.
//
// Not synchronised.
#ifndef STATEWARD_FCGI_PROGRESS_H_
#define STATEWARD_FCGI_PROGRESS_H_

#include <cstdint>

namespace stateward {

struct LeastRate {
  uint64_t bytes_per_s = 512;
  int seconds = 60;  // over which it is taken
};

class Progress {
 public:
  void Start(int64_t now_us) {
    since_us_ = now_us;
    bytes_ = 0;
  }
  void Add(uint64_t n) { bytes_ += n; }
  // To be asked about once a second; when a stretch has passed, the next one begins.
  bool TooSlow(int64_t now_us, const LeastRate& least) {
    if (now_us - since_us_ < int64_t{least.seconds} * 1000000) return false;
    bool slow = bytes_ < least.bytes_per_s * static_cast<uint64_t>(least.seconds);
    Start(now_us);
    return slow;
  }

 private:
  int64_t since_us_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_PROGRESS_H_
