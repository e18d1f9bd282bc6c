// Where lines of the log go, and what happens when nobody reads them.
#ifndef STATEWARD_BASE_LOG_OUTPUT_H_
#define STATEWARD_BASE_LOG_OUTPUT_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace stateward {

// Thread-safe. Never waits for long: a log whose reader stands still (a pipe to a program, the
// journal's socket) must not stop the service. Lines that find no room for kMostWaitMs are left out
// and counted. Files are written as they are.
class LogOutput {
 public:
  // A reader that is only slow goes on within this.
  static constexpr int kMostWaitMs = 100;

  // The descriptor stays the caller's.
  explicit LogOutput(int fd);
  ~LogOutput();
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;
  // One line, with its end. Returns how many lines were left out before it; 0 when it is left out.
  uint64_t Write(const std::string& line);

 private:
  enum class Kind : uint8_t { kFile, kPipe, kSocket };
  bool TryWrite(const std::string& line);
  bool Take();
  bool HasRoom() const;
  bool Send(const std::string& text);

  int fd_;
  int own_ = -1;
  Kind kind_ = Kind::kFile;
  // Held while a line is written: who finds room must be the one who uses it. Where a pipe can be
  // written to by the shared description alone, another process may take the room all the same;
  // then one thread waits here, and the others go on.
  std::mutex writing_;
  std::atomic<bool> stands_still_{false};
  std::atomic<uint64_t> left_out_{0};
};

}  // namespace stateward

#endif  // STATEWARD_BASE_LOG_OUTPUT_H_
