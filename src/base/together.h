// Runs two things at the same time and waits for both: two questions to a service then cost the
// time of one.
#ifndef STATEWARD_BASE_TOGETHER_H_
#define STATEWARD_BASE_TOGETHER_H_

#include <cstddef>
#include <functional>

namespace stateward {

// One after the other when the system has no thread to give.
void RunTogether(const std::function<void()>& a, const std::function<void()>& b);

// Calls step(0) to step(count - 1), each from a thread of its own but for the first, and waits for
// all. For a small count. What a step throws that the calling thread runs (the first; `b` above)
// comes out; the others must not throw.
void RunAll(size_t count, const std::function<void(size_t)>& step);

}  // namespace stateward

#endif  // STATEWARD_BASE_TOGETHER_H_
