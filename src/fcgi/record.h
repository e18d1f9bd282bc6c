// The header in front of each FastCGI record.
// Source of the format: FastCGI 1.0 specification, section 3.3 and 8.
#ifndef STATEWARD_FCGI_RECORD_H_
#define STATEWARD_FCGI_RECORD_H_

#include <cstddef>
#include <cstdint>

namespace stateward {

enum class RecordType : uint8_t {
  kBeginRequest = 1,
  kEndRequest = 3,
  kParams = 4,
  kStdin = 5,
  kStdout = 6,
};

inline constexpr uint8_t kRecordVersion = 1;
inline constexpr size_t kRecordHeader = 8;
inline constexpr size_t kBeginBody = 8;  // of BEGIN_REQUEST
inline constexpr size_t kEndBody = 8;    // of END_REQUEST
inline constexpr uint16_t kResponder = 1;
inline constexpr uint8_t kKeepConn = 1;
// The largest multiple of 8 that the 16 bits of a length can say: no padding is needed.
inline constexpr size_t kMaxContent = 65528;

// Writes a record's header, without padding. REQUIRES: size <= 65535
inline void PutRecordHeader(RecordType type, uint16_t id, size_t size, uint8_t* to) {
  to[0] = kRecordVersion;
  to[1] = static_cast<uint8_t>(type);
  to[2] = static_cast<uint8_t>(id >> 8);
  to[3] = static_cast<uint8_t>(id);
  to[4] = static_cast<uint8_t>(size >> 8);
  to[5] = static_cast<uint8_t>(size);
  to[6] = 0;
  to[7] = 0;
}

}  // namespace stateward

#endif  // STATEWARD_FCGI_RECORD_H_
