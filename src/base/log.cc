#include "base/log.h"

#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>

#include "base/log_output.h"

namespace stateward {
namespace {

// The process has one.
LogOutput& StandardError() {
  static LogOutput output(STDERR_FILENO);
  return output;
}

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

// Both formats escape alike: a value can never end its quotes or its line. At most `room` bytes
// between the quotes: the value's front.
void AppendQuoted(std::string_view value, size_t room, std::string* out) {
  *out += '"';
  const size_t end = out->size() + room;
  for (char c : value) {
    auto byte = static_cast<unsigned char>(c);
    char text[8] = {c, '\0'};
    if (c == '"' || c == '\\') {
      snprintf(text, sizeof text, "\\%c", c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      snprintf(text, sizeof text, "\\u%04x", byte);
    }
    if (out->size() + std::strlen(text) > end) break;
    *out += text;
  }
  *out += '"';
}

// Bytes that a line may yet have; JSON ends with a brace.
size_t RoomOf(const std::string& text, LogFormat format) {
  const size_t most = Log::kMaxLine - (format == LogFormat::kJson ? 1 : 0);
  return most > text.size() ? most - text.size() : 0;
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
  // A comma or blank, the colon or equals sign, quotes. A field without room is left out, whole.
  const size_t frame = key.size() + (format_ == LogFormat::kJson ? 6 : 4);
  const size_t room = RoomOf(text_, format_);
  if (room < frame) return *this;
  if (format_ == LogFormat::kJson) {
    text_ += text_.empty() ? '{' : ',';
    AppendQuoted(key, key.size(), &text_);
    text_ += ':';
    AppendQuoted(value, room - frame, &text_);
    return *this;
  }
  if (!text_.empty()) text_ += ' ';
  text_.append(key) += '=';
  if (NeedsQuotes(value)) {
    AppendQuoted(value, room - frame, &text_);
  } else {
    text_ += value.substr(0, room - frame + 2);
  }
  return *this;
}

LogLine& LogLine::Int(std::string_view key, int64_t value) {
  if (!written_) return *this;
  const std::string number = std::to_string(value);
  if (RoomOf(text_, format_) < key.size() + number.size() + 4) return *this;
  if (format_ == LogFormat::kJson) {
    text_ += text_.empty() ? '{' : ',';
    AppendQuoted(key, key.size(), &text_);
    text_ += ':';
  } else {
    if (!text_.empty()) text_ += ' ';
    text_.append(key) += '=';
  }
  text_ += number;
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
  if (line.format_ == LogFormat::kJson) text += '}';
  if (target_ == LogTarget::kSyslog) {
    syslog(SyslogPriority(level), "%s", text.c_str());
    return;
  }
  text += '\n';
  const uint64_t left_out = StandardError().Write(text);
  if (left_out == 0) return;
  // As an error, so that no level leaves it out.
  LogLine said = Begin(LogLevel::kError, "lines of the log were left out here: nobody read it");
  Write(LogLevel::kError, said.Int("lines", static_cast<int64_t>(left_out)));
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
