// Whether bytes come, or go, fast enough: so many in so many seconds, again and again. There is no
// limit to the sum: a large state over a slow line takes as long as it takes.
//
// Who reads slowly takes lumps all the same: the kernel frees what was written by 36 KiB, and nginx
// reads when 64 KiB went to its client. So a stretch may have nothing although the reader is fast
// enough. What the one before had beyond its need counts then, up to the need of one stretch; the
// first stretch of an answer has that, too. Of a reader that takes less than 36 KiB in two
// stretches nothing is seen at all: with the default of 60 s such a rate, 300 bytes a second, is
// too slow.
//
// Not synchronised.
#ifndef STATEWARD_FCGI_PROGRESS_H_
#define STATEWARD_FCGI_PROGRESS_H_

#include <algorithm>
#include <cstdint>

namespace stateward {

struct LeastRate {
  uint64_t bytes_per_s = 512;
  int seconds = 60;  // over which it is taken
};

class Progress {
 public:
  enum class Flow : uint8_t { kEven, kLumps };

  void Start(int64_t now_us, Flow flow = Flow::kEven) {
    since_us_ = now_us;
    bytes_ = 0;
    flow_ = flow;
    spare_ = flow == Flow::kLumps ? UINT64_MAX : 0;
  }
  void Add(uint64_t n) { bytes_ += n; }
  // To be asked about once a second. When a stretch has passed and had enough, the next one begins;
  // else it is the same again when it is asked again, perhaps with more bytes.
  bool TooSlow(int64_t now_us, const LeastRate& least) {
    if (now_us - since_us_ < int64_t{least.seconds} * 1000000) return false;
    const uint64_t need = least.bytes_per_s * static_cast<uint64_t>(least.seconds);
    const uint64_t have = bytes_ + std::min(spare_, need);
    if (have < need) return true;
    since_us_ = now_us;
    bytes_ = 0;
    spare_ = flow_ == Flow::kLumps ? have - need : 0;
    return false;
  }

 private:
  int64_t since_us_ = 0;
  uint64_t bytes_ = 0;
  uint64_t spare_ = 0;  // from the stretch before
  Flow flow_ = Flow::kEven;
};

}  // namespace stateward

#endif  // STATEWARD_FCGI_PROGRESS_H_
