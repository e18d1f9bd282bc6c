#include "base/json_walker.h"

#include <endian.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/utf8.h"

namespace stateward {
namespace {

using Ptr = const uint8_t*;

// Eight bytes at a time: in a mask made by the functions below, the lowest set bit belongs to the
// first byte that matches. (Higher bits may be wrong, by the borrow of a subtraction.)
constexpr uint64_t kOnes = 0x0101010101010101;
constexpr uint64_t kTops = 0x8080808080808080;

uint64_t Load8(Ptr p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return le64toh(word);
}
size_t FirstByte(uint64_t mask) { return static_cast<size_t>(__builtin_ctzll(mask)) / 8; }
uint64_t LessThan(uint64_t word, uint8_t limit) { return (word - kOnes * limit) & ~word & kTops; }
uint64_t EqualTo(uint64_t word, uint8_t byte) { return LessThan(word ^ (kOnes * byte), 1); }

bool IsPlain(uint8_t c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

// Behind the bytes that need no look: neither quote, backslash, control character nor non-ASCII.
inline Ptr SkipPlain(Ptr p, Ptr end) {
  while (end - p >= 8) {
    const uint64_t word = Load8(p);
    const uint64_t stop =
        LessThan(word, 0x20) | EqualTo(word, '"') | EqualTo(word, '\\') | (word & kTops);
    if (stop != 0) return p + FirstByte(stop);
    p += 8;
  }
  while (p < end && IsPlain(*p)) ++p;
  return p;
}

// Apart from the inline part below: compact documents hardly ever come here.
[[gnu::noinline]] Ptr SkipSpaceRun(Ptr p, Ptr end) {
  for (;;) {
    while (end - p >= 8) {  // indentation
      const uint64_t other = Load8(p) ^ (kOnes * ' ');
      if (other != 0) {
        p += FirstByte(other);
        break;
      }
      p += 8;
    }
    if (p == end || (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t')) return p;
    ++p;
  }
}

inline Ptr SkipSpace(Ptr p, Ptr end) { return p<end&& * p> ' ' ? p : SkipSpaceRun(p, end); }

bool IsDigit(Ptr p, Ptr end) { return p < end && *p >= '0' && *p <= '9'; }
inline Ptr SkipDigits(Ptr p, Ptr end) {
  while (IsDigit(p, end)) ++p;
  return p;
}

uint8_t Closer(bool object) { return object ? '}' : ']'; }

// May follow a backslash (u is another matter).
bool IsEscape(uint8_t c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return true;
    default:
      return false;
  }
}

bool IsHex(uint8_t c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

std::string_view Text(Ptr from, Ptr to) {
  return {reinterpret_cast<const char*>(from), static_cast<size_t>(to - from)};
}

// Every step takes the place it starts at and returns the place behind what it read, or nullptr
// after Fail().
class Walker {
 public:
  Walker(ByteView doc, const JsonLimits& limits, JsonSink* sink)
      : begin_(doc.begin()),
        end_(doc.end()),
        max_depth_(std::min(limits.max_depth, kJsonDepthCap)),
        report_depth_(limits.report_depth),
        sink_(sink) {}

  Status Run() {
    if (Document() != nullptr) return {};
    return Status::InvalidArgument(std::string(what_) + " at byte " +
                                   std::to_string(where_ - begin_));
  }

 private:
  Ptr Fail(Ptr where, const char* what) {
    where_ = where;
    what_ = what;
    return nullptr;
  }

  Ptr Document();
  Ptr KeyAndColon(Ptr p);
  Ptr Value(Ptr p);
  Ptr Open(Ptr p, bool object);
  Ptr AfterValue(Ptr p);
  void Close(Ptr behind);

  Ptr StringEnd(Ptr p);
  Ptr Special(Ptr p);
  Ptr StringValue(Ptr p);
  Ptr NumberValue(Ptr p);
  Ptr Word(Ptr p, std::string_view word, JsonKind kind);

  bool Reported() const { return depth_ <= report_depth_; }
  Ptr Report(Ptr token, Ptr behind, JsonKind kind, std::string_view raw) {
    const char* const refusal = sink_->Value(depth_, kind, raw);
    return refusal == nullptr ? behind : Fail(token, refusal);
  }

  const Ptr begin_;
  const Ptr end_;
  const size_t max_depth_;
  const size_t report_depth_;
  JsonSink* const sink_;

  size_t depth_ = 0;
  bool in_object_ = false;
  // Bit d: whether the container at depth d (from 0) is an object.
  std::array<uint64_t, kJsonDepthCap / 64> objects_{};

  Ptr where_ = nullptr;
  const char* what_ = "";
};

Ptr Walker::Document() {
  Ptr p = SkipSpace(begin_, end_);
  if (p == end_) return Fail(p, "the document is empty");
  if (*p != '{') return Fail(p, "the document is not a JSON object");
  p = Open(p + 1, true);
  while (p != nullptr && depth_ > 0) {
    if (in_object_ && (p = KeyAndColon(p)) == nullptr) return nullptr;
    p = Value(SkipSpace(p, end_));
  }
  if (p == nullptr) return nullptr;
  p = SkipSpace(p, end_);
  return p == end_ ? p : Fail(p, "something follows the document");
}

// p: behind the opening bracket.
Ptr Walker::Open(Ptr p, bool object) {
  if (depth_ == max_depth_) return Fail(p - 1, "nested too deeply");
  uint64_t& word = objects_[depth_ / 64];
  const uint64_t bit = uint64_t{1} << (depth_ % 64);
  word = object ? word | bit : word & ~bit;
  ++depth_;
  in_object_ = object;
  p = SkipSpace(p, end_);
  if (p == end_ || *p != Closer(object)) return p;
  Close(p + 1);
  return AfterValue(p + 1);
}

void Walker::Close(Ptr behind) {
  --depth_;
  if (depth_ == 0) return;
  in_object_ = (objects_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0;
  if (Reported()) sink_->CloseAt(depth_, reinterpret_cast<const char*>(behind));
}

// To the place where the next key or element must stand, or behind the document.
inline Ptr Walker::AfterValue(Ptr p) {
  while (depth_ > 0) {
    p = SkipSpace(p, end_);
    if (p == end_) return Fail(p, "the document is cut off");
    if (*p == ',') return p + 1;
    if (*p != Closer(in_object_)) {
      return Fail(p, in_object_ ? "',' or '}' expected" : "',' or ']' expected");
    }
    Close(++p);
  }
  return p;
}

inline Ptr Walker::KeyAndColon(Ptr p) {
  p = SkipSpace(p, end_);
  if (p == end_) return Fail(p, "the document is cut off");
  if (*p != '"') return Fail(p, "a key expected");
  const Ptr close = StringEnd(p + 1);
  if (close == nullptr) return nullptr;
  if (Reported()) {
    const char* const refusal = sink_->Key(depth_, Text(p + 1, close));
    if (refusal != nullptr) return Fail(p, refusal);
  }
  p = SkipSpace(close + 1, end_);
  if (p == end_) return Fail(p, "the document is cut off");
  return *p == ':' ? p + 1 : Fail(p, "':' expected");
}

inline Ptr Walker::Value(Ptr p) {
  if (p == end_) return Fail(p, "the document is cut off");
  switch (*p) {
    case '"':
      return StringValue(p);
    case '{':
    case '[': {
      const bool object = *p == '{';
      const JsonKind kind = object ? JsonKind::kObject : JsonKind::kArray;
      if (Reported() && Report(p, p, kind, Text(p, p)) == nullptr) return nullptr;
      return Open(p + 1, object);
    }
    case 't':
      return Word(p, "true", JsonKind::kTrue);
    case 'f':
      return Word(p, "false", JsonKind::kFalse);
    case 'n':
      return Word(p, "null", JsonKind::kNull);
    default:
      return NumberValue(p);
  }
}

inline Ptr Walker::Word(Ptr p, std::string_view word, JsonKind kind) {
  if (static_cast<size_t>(end_ - p) < word.size() || Text(p, p + word.size()) != word) {
    return Fail(p, "a value expected");
  }
  if (Reported() && Report(p, p, kind, {}) == nullptr) return nullptr;
  return AfterValue(p + word.size());
}

inline Ptr Walker::NumberValue(Ptr token) {
  Ptr p = *token == '-' ? token + 1 : token;
  if (!IsDigit(p, end_)) return Fail(p, p == token ? "a value expected" : "a digit expected");
  p = *p == '0' ? p + 1 : SkipDigits(p, end_);
  if (p < end_ && *p == '.') {
    if (!IsDigit(++p, end_)) return Fail(p, "a digit expected");
    p = SkipDigits(p, end_);
  }
  if (p < end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end_ && (*p == '+' || *p == '-')) ++p;
    if (!IsDigit(p, end_)) return Fail(p, "a digit expected");
    p = SkipDigits(p, end_);
  }
  if (Reported() && Report(token, p, JsonKind::kNumber, Text(token, p)) == nullptr) return nullptr;
  return AfterValue(p);
}

inline Ptr Walker::StringValue(Ptr token) {
  const Ptr close = StringEnd(token + 1);
  if (close == nullptr) return nullptr;
  if (Reported() && Report(token, close, JsonKind::kString, Text(token + 1, close)) == nullptr) {
    return nullptr;
  }
  return AfterValue(close + 1);
}

// p: behind the opening quote. Returns the closing one.
inline Ptr Walker::StringEnd(Ptr p) {
  for (;;) {
    p = SkipPlain(p, end_);
    if (p == end_) return Fail(p, "the document is cut off");
    if (*p == '"') return p;
    if ((p = Special(p)) == nullptr) return nullptr;
  }
}

// An escape, or non-ASCII characters, or what may not stand in a string.
Ptr Walker::Special(Ptr p) {
  if (*p >= 0x80) {
    while (p < end_ && *p >= 0x80) {
      const size_t length = Utf8Length(p, static_cast<size_t>(end_ - p));
      if (length == 0) return Fail(p, "not UTF-8");
      p += length;
    }
    return p;
  }
  if (*p != '\\') return Fail(p, "a control character in a string");
  if (end_ - p < 2) return Fail(end_, "the document is cut off");
  if (p[1] != 'u') {
    return IsEscape(p[1]) ? p + 2 : Fail(p, "an unknown escape");
  }
  if (end_ - p < 6) return Fail(p, "an incomplete \\u escape");
  if (!std::all_of(p + 2, p + 6, IsHex)) return Fail(p, "an incomplete \\u escape");
  return p + 6;
}

}  // namespace

Status WalkJson(ByteView doc, const JsonLimits& limits, JsonSink* sink) {
  return Walker(doc, limits, sink).Run();
}

}  // namespace stateward
