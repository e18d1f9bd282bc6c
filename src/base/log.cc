#include "base/log.h"

#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace stateward {
namespace {

const char* LevelName(LogLevel level) {
  static constexpr const char* kNames[] = {"fatal", "error", "warning", "info", "debug", "trace"};
  return kNames[static_cast<size_t>(level)];
}

int SyslogPriority(LogLevel level) {
  static constexpr int kPriorities[] = {LOG_CRIT, LOG_ERR,   LOG_WARNING,
                                        LOG_INFO, LOG_DEBUG, LOG_DEBUG};
  return kPriorities[static_cast<size_t>(level)];
}

// "2026-11-24T04:07:17.123Z"
std::string Timestamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[40];
  size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(text + n, sizeof text - n, ".%03ldZ", now.tv_nsec / 1000000);
  return text;
}

// Both formats escape alike: a value can never end its quotes or its line.
void AppendQuoted(std::string_view value, std::string* out) {
  *out += '"';
  for (char c : value) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      *out += '\\';
      *out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      char text[8];
      snprintf(text, sizeof text, "\\u%04x", byte);
      *out += text;
    } else {
      *out += c;
    }
  }
  *out += '"';
}

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  for (char c : value) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

}  // namespace

LogLine& LogLine::Str(std::string_view key, std::string_view value) {
  if (!written_) return *this;
  if (format_ == LogFormat::kJson) {
    text_ += text_.empty() ? '{' : ',';
    AppendQuoted(key, &text_);
    text_ += ':';
    AppendQuoted(value, &text_);
    return *this;
  }
  if (!text_.empty()) text_ += ' ';
  text_.append(key) += '=';
  if (NeedsQuotes(value)) {
    AppendQuoted(value, &text_);
  } else {
    text_ += value;
  }
  return *this;
}

LogLine& LogLine::Int(std::string_view key, int64_t value) {
  if (!written_) return *this;
  if (format_ == LogFormat::kJson) {
    text_ += text_.empty() ? '{' : ',';
    AppendQuoted(key, &text_);
    text_ += ':';
  } else {
    if (!text_.empty()) text_ += ' ';
    text_.append(key) += '=';
  }
  text_ += std::to_string(value);
  return *this;
}

Log::Log(LogTarget target, LogFormat format, LogLevel level)
    : target_(target), format_(format), level_(level) {
  if (target == LogTarget::kSyslog) openlog("stateward", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

LogLine Log::Begin(LogLevel level, std::string_view message) const {
  LogLine line(format_.load(std::memory_order_relaxed), Enabled(level));
  if (!line.written_) return line;
  line.text_.reserve(384);
  line.Str("time", Timestamp()).Str("level", LevelName(level)).Str("msg", message);
  return line;
}

void Log::Write(LogLevel level, const LogLine& line) const {
  if (!line.written_) return;
  std::string text = line.text_;
  if (text.size() > kMaxLine) text.resize(kMaxLine);
  if (line.format_ == LogFormat::kJson) text += '}';
  if (target_ == LogTarget::kSyslog) {
    syslog(SyslogPriority(level), "%s", text.c_str());
    return;
  }
  text += '\n';
  // A log that cannot be written must not stop the service.
  [[maybe_unused]] ssize_t n = write(STDERR_FILENO, text.data(), text.size());
}

LogTarget ChooseLogTarget() {
  struct stat null {};
  struct stat err {};
  if (fstat(STDERR_FILENO, &err) != 0) return LogTarget::kSyslog;
  if (stat("/dev/null", &null) != 0) return LogTarget::kStderr;
  bool is_null = S_ISCHR(err.st_mode) && err.st_rdev == null.st_rdev;
  return is_null ? LogTarget::kSyslog : LogTarget::kStderr;
}

}  // namespace stateward
