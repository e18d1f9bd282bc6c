#include "moving/source_time.h"

#include <cstdlib>
#include <ctime>

namespace stateward {

int64_t ParseSourceTime(const std::string& text) {
  tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return 0;
  int64_t ms = static_cast<int64_t>(timegm(&parts)) * 1000;
  if (*rest == '.') {
    int64_t unit = 100;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10) ms += (*rest - '0') * unit;
  }
  if (std::string(rest) == "Z") return ms;
  tm offset{};
  const char sign = *rest;
  if (sign != '+' && sign != '-') return 0;
  const char* end = strptime(rest + 1, "%H:%M", &offset);
  if (end == nullptr || *end != '\0') return 0;
  const int64_t shift = (int64_t{offset.tm_hour} * 60 + offset.tm_min) * 60 * 1000;
  return sign == '+' ? ms - shift : ms + shift;
}

}  // namespace stateward
