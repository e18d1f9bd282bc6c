// Sends each line to the journal or to syslog, as one datagram. Never waits: what a service does
// not take at once it does not get, and the caller counts it.
//
// Used by one thread.
#ifndef STATEWARD_AUDIT_DATAGRAM_SINK_H_
#define STATEWARD_AUDIT_DATAGRAM_SINK_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace stateward {

class DatagramSink {
 public:
  enum class Form : uint8_t {
    kJournal,  // systemd's native protocol ("Native Journal Protocol", systemd.io)
    kSyslog,   // RFC 3164 as libc's syslog(3) sends it, facility authpriv, severity info
  };
  // Where systemd-journald listens.
  static constexpr const char* kJournalSocket = "/run/systemd/journal/socket";
  static constexpr const char* kTag = "stateward-audit";

  DatagramSink(std::string path, Form form) : path_(std::move(path)), form_(form) {}
  ~DatagramSink();
  DatagramSink(const DatagramSink&) = delete;
  DatagramSink& operator=(const DatagramSink&) = delete;

  // `line` with or without its line end. False: it was not taken.
  bool Send(std::string_view line, int64_t now_ms);
  // Why the last one was not, and where it would have gone.
  std::string Trouble() const;

 private:
  bool Connect();

  const std::string path_;
  const Form form_;
  int fd_ = -1;
  int error_ = 0;
};

}  // namespace stateward

#endif  // STATEWARD_AUDIT_DATAGRAM_SINK_H_
