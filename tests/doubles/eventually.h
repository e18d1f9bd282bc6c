// Waits for what another thread or process does.
#ifndef STATEWARD_TESTS_DOUBLES_EVENTUALLY_H_
#define STATEWARD_TESTS_DOUBLES_EVENTUALLY_H_

#include <unistd.h>

#include "stateward/clock.h"

namespace stateward {

// Whether `what` comes true. False only after two minutes: beyond them something is broken, not
// slow. It fails no test itself, so threads can be joined before the test says what went wrong.
template <typename Condition>
bool Eventually(Condition what) {
  const int64_t until_us = SystemClock().SteadyUs() + int64_t{120} * 1000 * 1000;
  while (!what()) {
    if (SystemClock().SteadyUs() > until_us) return what();
    usleep(1000);
  }
  return true;
}

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_EVENTUALLY_H_
