// Asks as a client does that comes again after a 503.
#ifndef STATEWARD_TESTS_CONFORMANCE_ASK_AGAIN_H_
#define STATEWARD_TESTS_CONFORMANCE_ASK_AGAIN_H_

#include <unistd.h>

#include "stateward/clock.h"
#include "stateward/result.h"
#include "stateward/status.h"

namespace stateward {

inline Code CodeOf(const Status& status) { return status.code(); }
template <typename T>
Code CodeOf(const Result<T>& result) {
  return result.ok() ? Code::kOk : result.status().code();
}

// The answer of `ask`, which is asked again while that is kUnavailable. Each backend waits for a
// turn, a connection or an answer for some seconds and no longer: with many threads on a busy
// machine it may rightly give up. After two minutes something is broken, not slow. `ask` must be
// one that may be repeated: what was refused may have been done. Uses no macro of the tests.
template <typename Ask>
auto AskAgain(Ask ask) -> decltype(ask()) {
  const int64_t until_us = SystemClock().SteadyUs() + int64_t{120} * 1000 * 1000;
  auto answer = ask();
  while (CodeOf(answer) == Code::kUnavailable && SystemClock().SteadyUs() < until_us) {
    usleep(1000);
    answer = ask();
  }
  return answer;
}

}  // namespace stateward

#endif  // STATEWARD_TESTS_CONFORMANCE_ASK_AGAIN_H_
