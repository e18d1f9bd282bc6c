#include "fcgi/record_walk.h"

namespace stateward {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kBeginRequest = 1;
constexpr uint8_t kParams = 4;
constexpr size_t kHeader = 8;
constexpr size_t kBeginBody = 8;
constexpr uint16_t kResponder = 1;
constexpr uint8_t kKeepConn = 1;

uint16_t Big16(ByteView b, size_t i) { return static_cast<uint16_t>(b[i] << 8 | b[i + 1]); }

// Counts name-value pairs in a stream that comes in pieces.
class PairCounter {
 public:
  // False: too many, or too long.
  bool Feed(ByteView bytes) {
    total_ += bytes.size();
    if (total_ > kMaxParamBytes) return false;
    for (uint8_t byte : bytes) {
      if (skip_ > 0) {
        --skip_;
        continue;
      }
      if (!FeedLength(byte)) return false;
    }
    return true;
  }
  // The stream may end only between two pairs.
  bool AtPairEnd() const { return skip_ == 0 && lengths_ == 0 && more_ == 0; }

 private:
  bool FeedLength(uint8_t byte) {
    if (more_ > 0) {
      length_ = length_ << 8 | byte;
      --more_;
    } else if ((byte & 0x80) != 0) {
      length_ = byte & 0x7f;
      more_ = 3;
    } else {
      length_ = byte;
    }
    if (more_ > 0) return true;
    if (length_ > kMaxParamBytes) return false;
    pair_ += length_;
    if (++lengths_ < 2) return true;
    skip_ = pair_;
    pair_ = 0;
    lengths_ = 0;
    return ++count_ <= kMaxParams;
  }

  size_t total_ = 0;
  size_t count_ = 0;
  size_t skip_ = 0;  // bytes of a name and its value
  size_t pair_ = 0;
  size_t length_ = 0;
  int lengths_ = 0;  // of the pair, that were read
  int more_ = 0;     // bytes of a four-byte length
};

}  // namespace

HeadLook LookAtHead(ByteView b) {
  HeadLook look;
  auto bad = [&look] {
    look.state = HeadState::kBad;
    return look;
  };
  // What is wrong in the first bytes is known before the rest has come.
  if (b.size() >= 1 && b[0] != kVersion) return bad();
  if (b.size() >= 2 && b[1] != kBeginRequest) return bad();
  if (b.size() < kHeader + kBeginBody) return look;
  uint16_t id = Big16(b, 2);
  if (id == 0 || Big16(b, 4) != kBeginBody) return bad();
  if (Big16(b, kHeader) != kResponder) return bad();
  look.keep = (b[kHeader + 2] & kKeepConn) != 0;
  size_t at = kHeader + kBeginBody + b[6];
  PairCounter pairs;
  while (at + kHeader <= b.size()) {
    if (b[at] != kVersion || b[at + 1] != kParams || Big16(b, at + 2) != id) return bad();
    size_t size = Big16(b, at + 4);
    size_t padding = b[at + 6];
    if (size == 0) {
      if (!pairs.AtPairEnd()) return bad();
      if (at + kHeader + padding > b.size()) return look;
      look.state = HeadState::kComplete;
      return look;
    }
    size_t from = at + kHeader;
    if (from + size > b.size()) {
      // Judged when it is whole; a length that can never fit is judged now.
      return size > kMaxParamBytes ? bad() : look;
    }
    if (!pairs.Feed(b.Sub(from, size))) return bad();
    at = from + size + padding;
  }
  if (at < b.size() && b[at] != kVersion) return bad();
  return look;
}

}  // namespace stateward
