#include "fcgi/records_in.h"

#include <algorithm>
#include <cstring>

namespace stateward {
namespace {

size_t Big16(const uint8_t* b) { return static_cast<size_t>(b[0]) << 8 | b[1]; }

ByteView TakeFront(ByteView* in, size_t n) {
  ByteView front = in->Sub(0, n);
  *in = in->Sub(n, in->size() - n);
  return front;
}

}  // namespace

bool PairCounter::Feed(ByteView bytes) {
  total_ += bytes.size();
  if (total_ > kMaxParamBytes) return false;
  for (size_t at = 0; at < bytes.size();) {
    if (skip_ > 0) {
      size_t n = std::min(skip_, bytes.size() - at);
      skip_ -= n;
      at += n;
      continue;
    }
    if (!FeedLength(bytes[at++])) return false;
  }
  return true;
}

bool PairCounter::FeedLength(uint8_t byte) {
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

RecordsIn::Step RecordsIn::Bad() {
  part_ = Part::kBad;
  return {Kind::kBad, {}};
}

// What is wrong in the first bytes of a header is known before the rest has come.
bool RecordsIn::TakeHeader() {
  RecordType want = part_ == Part::kBegin    ? RecordType::kBeginRequest
                    : part_ == Part::kParams ? RecordType::kParams
                                             : RecordType::kStdin;
  if (have_ >= 1 && header_[0] != kRecordVersion) return false;
  if (have_ >= 2 && header_[1] != static_cast<uint8_t>(want)) return false;
  if (have_ < kRecordHeader) return true;
  auto id = static_cast<uint16_t>(Big16(header_ + 2));
  size_t size = Big16(header_ + 4);
  if (part_ == Part::kBegin) {
    if (id == 0 || size != kBeginBody) return false;
    id_ = id;
  } else if (id != id_) {
    return false;
  }
  if (part_ == Part::kParams && ++param_records_ > kMaxParamRecords) return false;
  content_ = size;
  padding_ = header_[6];
  empty_ = size == 0;
  inside_ = true;
  return true;
}

bool RecordsIn::TakeBegin() {
  const uint8_t* body = header_ + kRecordHeader;
  keep_ = (body[2] & kKeepConn) != 0;
  return Big16(body) == kResponder;
}

RecordsIn::Step RecordsIn::Ended() {
  if (part_ == Part::kParams) {
    if (!pairs_.AtPairEnd()) return Bad();
    part_ = Part::kStdin;
    return {Kind::kHeadEnd, {}};
  }
  part_ = Part::kDone;
  return {Kind::kEnd, {}};
}

RecordsIn::Step RecordsIn::Next(ByteView* in) {
  if (part_ == Part::kBad) return Bad();
  while (!in->empty()) {
    if (part_ == Part::kDone) return Bad();
    if (!inside_) {
      ByteView piece = TakeFront(in, std::min(kRecordHeader - have_, in->size()));
      std::memcpy(header_ + have_, piece.data(), piece.size());
      have_ += piece.size();
      if (!TakeHeader()) return Bad();
      if (have_ < kRecordHeader) continue;
      if (!empty_ || padding_ > 0) continue;
    }
    Step step;
    if (content_ > 0) {
      ByteView piece = TakeFront(in, std::min(content_, in->size()));
      content_ -= piece.size();
      if (part_ == Part::kBegin) {
        std::memcpy(header_ + have_, piece.data(), piece.size());
        have_ += piece.size();
        if (content_ == 0 && !TakeBegin()) return Bad();
      } else {
        if (part_ == Part::kParams && !pairs_.Feed(piece)) return Bad();
        step = {part_ == Part::kParams ? Kind::kParams : Kind::kBody, piece};
      }
    } else if (padding_ > 0) {
      padding_ -= TakeFront(in, std::min(padding_, in->size())).size();
    }
    if (content_ == 0 && padding_ == 0) {
      inside_ = false;
      have_ = 0;
      if (empty_) return Ended();
      if (part_ == Part::kBegin) part_ = Part::kParams;
    }
    if (step.kind != Kind::kMore) return step;
  }
  return {};
}

}  // namespace stateward
