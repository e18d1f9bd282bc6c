#include "cli/progress.h"

#include <algorithm>

namespace stateward {
namespace {

constexpr uint64_t kBarWidth = 20;
constexpr int64_t kBarEveryUs = int64_t{100} * 1000;  // the eye sees no more

}  // namespace

std::string ProgressText(uint64_t done, uint64_t total, int64_t elapsed_us) {
  if (total == 0) {
    char count[64];
    std::snprintf(
        count, sizeof count, "%llu  %.0f/s", static_cast<unsigned long long>(done),
        static_cast<double>(done) * 1e6 / static_cast<double>(std::max<int64_t>(elapsed_us, 1)));
    return count;
  }
  const uint64_t filled = std::min(kBarWidth, done * kBarWidth / total);
  const double seconds = static_cast<double>(std::max<int64_t>(elapsed_us, 1)) / 1e6;
  const double rate = static_cast<double>(done) / seconds;
  const uint64_t left =
      done == 0 ? 0
                : static_cast<uint64_t>(static_cast<double>(total - std::min(done, total)) / rate);
  char text[128];
  std::snprintf(text, sizeof text, "]  %llu/%llu states  %.0f/s",
                static_cast<unsigned long long>(done), static_cast<unsigned long long>(total),
                rate);
  std::string out = "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + text;
  if (done == 0) return out;
  std::snprintf(text, sizeof text, "  %llu:%02llu left", static_cast<unsigned long long>(left / 60),
                static_cast<unsigned long long>(left % 60));
  return out + text;
}

Progress::Progress(FILE* to, bool shown, const Clock& clock)
    : to_(to), shown_(shown), clock_(clock), start_us_(clock.SteadyUs()), drawn_us_(start_us_) {}

void Progress::Show(uint64_t done, uint64_t total) {
  if (!shown_) return;
  const int64_t now = clock_.SteadyUs();
  std::lock_guard<std::mutex> hold(mutex_);
  if (now - drawn_us_ < kBarEveryUs) return;
  drawn_us_ = now;
  const std::string text = ProgressText(done, total, now - start_us_);
  // \033[K: to the end of the line, in case the last text was longer.
  (void)std::fprintf(to_, "\r%s\033[K", text.c_str());
  (void)std::fflush(to_);
  drawn_ = true;
}

void Progress::Clear() {
  std::lock_guard<std::mutex> hold(mutex_);
  if (drawn_) (void)std::fputs("\r\033[K", to_);
  drawn_ = false;
}

}  // namespace stateward
