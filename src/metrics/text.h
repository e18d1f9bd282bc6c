// Prometheus text format 0.0.4, line by line.
#ifndef STATEWARD_METRICS_TEXT_H_
#define STATEWARD_METRICS_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace stateward {

// `name="value"`. Values are ours, or were checked: quotes, backslashes and ends of lines in them
// are left out.
std::string Label(std::string_view name, std::string_view value);

class MetricsText {
 public:
  void Head(std::string_view name, std::string_view type, std::string_view help);
  void Value(std::string_view name, const std::string& labels, uint64_t value);
  void Line(std::string_view name, const std::string& labels, const std::string& value);
  // A series without labels, with its head.
  void Counter(std::string_view name, std::string_view help, uint64_t value);
  void Gauge(std::string_view name, std::string_view help, uint64_t value);
  // `h`: the buckets of counters::kBoundsUs, the one without a bound, the sum in microseconds.
  void Histogram(const std::string& name, const std::string& labels, const uint64_t* h);
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// Milliseconds since 1970 as the seconds of a metric: "1795737600.250".
std::string MetricSeconds(int64_t ms);

}  // namespace stateward

#endif  // STATEWARD_METRICS_TEXT_H_
