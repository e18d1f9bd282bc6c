#include "metrics/text.h"

#include <cinttypes>
#include <cstdio>

#include "metrics/counters.h"

namespace stateward {

std::string Label(std::string_view name, std::string_view value) {
  std::string label(name);
  label += "=\"";
  for (char c : value) {
    if (c != '"' && c != '\\' && c != '\n') label += c;
  }
  return label + "\"";
}

void MetricsText::Head(std::string_view name, std::string_view type, std::string_view help) {
  out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out_.append(name).append(" ").append(type).append("\n");
}

void MetricsText::Value(std::string_view name, const std::string& labels, uint64_t value) {
  Line(name, labels, std::to_string(value));
}

void MetricsText::Line(std::string_view name, const std::string& labels, const std::string& value) {
  out_.append(name);
  if (!labels.empty()) out_.append("{").append(labels).append("}");
  out_.append(" ").append(value).append("\n");
}

void MetricsText::Counter(std::string_view name, std::string_view help, uint64_t value) {
  Head(name, "counter", help);
  Value(name, "", value);
}

void MetricsText::Gauge(std::string_view name, std::string_view help, uint64_t value) {
  Head(name, "gauge", help);
  Value(name, "", value);
}

void MetricsText::Histogram(const std::string& name, const std::string& labels, const uint64_t* h) {
  using counters::kBoundsUs;
  const std::string before = labels.empty() ? "" : labels + ",";
  uint64_t count = 0;
  char text[48];
  for (size_t i = 0; i < std::size(kBoundsUs); ++i) {
    count += h[i];
    snprintf(text, sizeof text, "le=\"%g\"", static_cast<double>(kBoundsUs[i]) / 1e6);
    Value(name + "_bucket", before + text, count);
  }
  count += h[std::size(kBoundsUs)];
  Value(name + "_bucket", before + "le=\"+Inf\"", count);
  const uint64_t sum_us = h[counters::kHistogram - 1];
  snprintf(text, sizeof text, "%" PRIu64 ".%06" PRIu64, sum_us / 1000000, sum_us % 1000000);
  Line(name + "_sum", labels, text);
  Value(name + "_count", labels, count);
}

std::string MetricSeconds(int64_t ms) {
  char text[40];
  snprintf(text, sizeof text, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
  return text;
}

}  // namespace stateward
