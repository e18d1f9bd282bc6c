// Structured log lines, one write each. Not spdlog: a line is one call of write(2) or syslog(3),
// which needs no queue, no thread and no templates.
//
// Never give it a body, a secret or a header's value.
#ifndef STATEWARD_BASE_LOG_H_
#define STATEWARD_BASE_LOG_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace stateward {

enum class LogLevel : uint8_t { kFatal, kError, kWarning, kInfo, kDebug, kTrace };
enum class LogFormat : uint8_t { kLogfmt, kJson };
enum class LogTarget : uint8_t { kStderr, kSyslog };

// One line in the making: fields in the order in which they are added.
class LogLine {
 public:
  LogLine& Str(std::string_view key, std::string_view value);
  LogLine& Int(std::string_view key, int64_t value);

 private:
  friend class Log;
  LogLine(LogFormat format, bool written) : format_(format), written_(written) {}
  LogFormat format_;
  bool written_;  // false: the level is switched off and nothing is built
  std::string text_;
};

// Thread-safe. Lines of one process do not mix. A line has at most 8 KiB (more than any field list;
// syslog's own limit on Debian): a value that is too long is cut, and fields behind it are left
// out, so that JSON stays JSON.
class Log {
 public:
  static constexpr size_t kMaxLine = 8192;

  Log(LogTarget target, LogFormat format, LogLevel level);

  bool Enabled(LogLevel level) const { return level <= level_.load(std::memory_order_relaxed); }
  // Begins a line with time, level and message. Finish it with Write().
  LogLine Begin(LogLevel level, std::string_view message) const;
  void Write(LogLevel level, const LogLine& line) const;

  void Info(std::string_view message) const {
    Write(LogLevel::kInfo, Begin(LogLevel::kInfo, message));
  }
  void Warning(std::string_view message) const {
    Write(LogLevel::kWarning, Begin(LogLevel::kWarning, message));
  }
  void Error(std::string_view message) const {
    Write(LogLevel::kError, Begin(LogLevel::kError, message));
  }

  // A reload may change these.
  void SetLevel(LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  void SetFormat(LogFormat format) { format_.store(format, std::memory_order_relaxed); }

 private:
  LogTarget target_;
  std::atomic<LogFormat> format_;
  std::atomic<LogLevel> level_;
};

// syslog when descriptor 2 is /dev/null or closed (spawn-fcgi without -n leaves it so), else
// stderr.
LogTarget ChooseLogTarget();

}  // namespace stateward

#endif  // STATEWARD_BASE_LOG_H_
