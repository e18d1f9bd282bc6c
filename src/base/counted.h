// "1 state", "2 states": a number and what it counts, as people say it.
#ifndef STATEWARD_BASE_COUNTED_H_
#define STATEWARD_BASE_COUNTED_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace stateward {

// `many`: where it is another word than `one` with an s.
inline std::string Counted(uint64_t count, std::string_view one, std::string_view many = {}) {
  std::string text = std::to_string(count) + " ";
  if (count == 1) return text.append(one);
  return many.empty() ? text.append(one).append("s") : text.append(many);
}

}  // namespace stateward

#endif  // STATEWARD_BASE_COUNTED_H_
