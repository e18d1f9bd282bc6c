// The web server's side of FastCGI, for tests: records, and an answer read to its end.
#ifndef STATEWARD_DOUBLES_FCGI_PEER_H_
#define STATEWARD_DOUBLES_FCGI_PEER_H_

#include <unistd.h>

#include <cstdint>
#include <string>

namespace stateward {

constexpr char kPeerBegin = 1;
constexpr char kPeerEnd = 3;
constexpr char kPeerParams = 4;
constexpr char kPeerStdin = 5;
constexpr char kPeerStdout = 6;
constexpr char kPeerGetValues = 9;

inline std::string Record(char type, const std::string& content, char id = 1, char padding = 0) {
  std::string out = {1, type, 0, id};
  out += static_cast<char>(content.size() >> 8);
  out += static_cast<char>(content.size() & 0xff);
  out += padding;
  out += '\0';
  return out + content + std::string(static_cast<size_t>(static_cast<uint8_t>(padding)), 'p');
}
inline std::string Pair(const std::string& name, const std::string& value) {
  return std::string{static_cast<char>(name.size()), static_cast<char>(value.size())} + name +
         value;
}
inline std::string BeginRecord(bool keep = true) {
  return Record(kPeerBegin, std::string("\0\1", 2) + (keep ? '\1' : '\0') + std::string(5, '\0'));
}
inline std::string HeadOf(const std::string& method, const std::string& length, bool keep = true) {
  const std::string params = Pair("REQUEST_METHOD", method) + Pair("REQUEST_URI", "/echo") +
                             Pair("CONTENT_LENGTH", length);
  return BeginRecord(keep) + Record(kPeerParams, params) + Record(kPeerParams, "");
}
// One request on a connection that is kept.
inline std::string RequestOf(const std::string& body) {
  return HeadOf("POST", std::to_string(body.size())) + Record(kPeerStdin, body) +
         Record(kPeerStdin, "");
}

inline bool ReadExactly(int fd, std::string* out, size_t n) {
  out->resize(n);
  for (size_t have = 0; have < n;) {
    const ssize_t got = read(fd, out->data() + have, n - have);
    if (got <= 0) return false;
    have += static_cast<size_t>(got);
  }
  return true;
}

// Head and body of the next answer; "(none)" when the connection broke before its end.
inline std::string ReadAnswer(int fd) {
  std::string text;
  for (;;) {
    std::string head;
    std::string content;
    if (!ReadExactly(fd, &head, 8)) return "(none)";
    const auto at = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(head[i])); };
    const size_t size = at(4) << 8 | at(5);
    if (!ReadExactly(fd, &content, size + at(6))) return "(none)";
    if (head[1] == kPeerStdout) text += content.substr(0, size);
    if (head[1] == kPeerEnd) return text;
  }
}

inline bool SendAll(int fd, const std::string& bytes) {
  return write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

// The answer's body; "(none)" when the connection broke.
inline std::string Ask(int fd, const std::string& body) {
  if (!SendAll(fd, RequestOf(body))) return "(none)";
  const std::string text = ReadAnswer(fd);
  const size_t blank = text.find("\r\n\r\n");
  return blank == std::string::npos ? "(none)" : text.substr(blank + 4);
}

}  // namespace stateward

#endif  // STATEWARD_DOUBLES_FCGI_PEER_H_
