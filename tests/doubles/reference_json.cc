#include "doubles/reference_json.h"

#include <algorithm>

namespace stateward::reference {
namespace {

// One code point of UTF-8 from text[*at...]; nullopt when it is not well formed.
std::optional<char32_t> DecodeUtf8(std::string_view text, size_t* at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte((*at)++);
  if (lead < 0x80) return lead;
  int tails = 0;
  while (lead & (0x40u >> tails)) ++tails;
  if (tails < 1 || tails > 3) return std::nullopt;
  char32_t c = lead & (0x3Fu >> tails);
  for (int i = 0; i < tails; ++i) {
    if (*at == text.size() || byte(*at) / 64 != 2) return std::nullopt;
    c = c * 64 + byte((*at)++) % 64;
  }
  const char32_t lowest[] = {0, 0x80, 0x800, 0x10000};
  if (c < lowest[tails] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return std::nullopt;
  return c;
}

class Parser {
 public:
  Parser(std::string_view text, size_t max_depth) : text_(text), max_depth_(max_depth) {}

  std::optional<Value> Document() {
    Value value;
    Space();
    if (!Any(&value, 0)) return std::nullopt;
    Space();
    if (at_ != text_.size()) return std::nullopt;
    return value;
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void Space() {
    while (Take(' ') || Take('\t') || Take('\n') || Take('\r')) {
    }
  }

  bool Any(Value* out, size_t depth) {
    out->kind = Peek();
    switch (out->kind) {
      case '{':
        out->kind = 'o';
        return depth < max_depth_ && Container('{', '}', true, out, depth + 1);
      case '[':
        out->kind = 'a';
        return depth < max_depth_ && Container('[', ']', false, out, depth + 1);
      case '"':
        out->kind = 's';
        return String(&out->string);
      case 't':
        return TakeWord("true");
      case 'f':
        return TakeWord("false");
      case 'n':
        return TakeWord("null");
      default:
        out->kind = '0';
        return Number(&out->number);
    }
  }

  bool Container(char open, char close, bool named, Value* out, size_t depth) {
    if (!Take(open)) return false;
    Space();
    if (Take(close)) return true;
    for (;;) {
      Space();
      auto& member = out->members.emplace_back();
      if (named) {
        if (!String(&member.first)) return false;
        Space();
        if (!Take(':')) return false;
        Space();
      }
      if (!Any(&member.second, depth)) return false;
      Space();
      if (Take(close)) return true;
      if (!Take(',')) return false;
    }
  }

  bool Digits() {
    const size_t from = at_;
    while (Peek() >= '0' && Peek() <= '9') ++at_;
    return at_ > from;
  }
  bool Number(std::string* out) {
    const size_t from = at_;
    Take('-');
    const size_t digits = at_;
    if (!Digits()) return false;
    if (text_[digits] == '0' && at_ > digits + 1) return false;
    if (Take('.') && !Digits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (!Digits()) return false;
    }
    *out = text_.substr(from, at_ - from);
    return true;
  }

  bool Hex4(char32_t* out) {
    *out = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const size_t digit = std::string_view("0123456789abcdefABCDEF").find(Peek());
      if (at_ >= text_.size() || digit == std::string_view::npos) return false;
      *out = *out * 16 + static_cast<char32_t>(digit < 16 ? digit : digit - 6);
    }
    return true;
  }

  // Code units, as escapes give them: surrogates are put together afterwards.
  bool String(Text* out) {
    if (!Take('"')) return false;
    const size_t from = at_;
    std::u32string units;
    while (!Take('"')) {
      if (at_ == text_.size()) return false;
      if (!Take('\\')) {
        const std::optional<char32_t> c = DecodeUtf8(text_, &at_);
        if (!c || *c < 0x20) return false;
        units.push_back(*c);
        continue;
      }
      const size_t simple = std::string_view("\"\\/bfnrt").find(Peek());
      if (at_ == text_.size()) return false;
      if (Take('u')) {
        units.push_back(0);
        if (!Hex4(&units.back())) return false;
      } else if (simple != std::string_view::npos) {
        units.push_back(U"\"\\/\b\f\n\r\t"[simple]);
        ++at_;
      } else {
        return false;
      }
    }
    out->raw = text_.substr(from, at_ - 1 - from);
    Join(units, out);
    return true;
  }

  static void Join(const std::u32string& units, Text* out) {
    for (size_t i = 0; i < units.size(); ++i) {
      const bool high = units[i] / 0x400 == 0xD800 / 0x400;
      const bool low = units[i] / 0x400 == 0xDC00 / 0x400;
      if (high && i + 1 < units.size() && units[i + 1] / 0x400 == 0xDC00 / 0x400) {
        out->decoded.push_back(0x10000 + units[i] % 0x400 * 0x400 + units[i + 1] % 0x400);
        ++i;
      } else {
        out->decoded.push_back(high || low ? 0xFFFD : units[i]);
        out->lone_surrogate = out->lone_surrogate || high || low;
      }
    }
  }

  const std::string_view text_;
  const size_t max_depth_;
  size_t at_ = 0;
};

bool HasControl(const std::u32string& text) {
  return std::any_of(text.begin(), text.end(), [](char32_t c) { return c < 32 || c == 127; });
}

std::optional<uint64_t> Integer(const std::string& number) {
  if (number.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  const std::string largest = "18446744073709551615";
  if (number.empty() || number.size() > largest.size()) return std::nullopt;
  if (number.size() == largest.size() && number > largest) return std::nullopt;
  return std::stoull(number);
}

bool IsSmallValue(const Value& value) {
  if (value.string.lone_surrogate || value.number.size() > 63) return false;
  if (value.string.decoded.find(U'\0') != std::u32string::npos) return false;
  std::vector<std::u32string> names;
  for (const auto& [name, member] : value.members) {
    if (name.lone_surrogate || name.decoded.find(U'\0') != std::u32string::npos) return false;
    if (!IsSmallValue(member)) return false;
    names.push_back(Fold(name.decoded));
  }
  std::sort(names.begin(), names.end());
  return value.kind != 'o' || std::adjacent_find(names.begin(), names.end()) == names.end();
}

}  // namespace

std::optional<Value> ParseJson(std::string_view text, size_t max_depth) {
  return Parser(text, max_depth).Document();
}

std::string ToUtf8(const std::u32string& text) {
  std::string out;
  for (char32_t c : text) {
    std::string tails;
    char32_t lead = 0x3F;  // the most that fits beside the marks of the lead byte
    char32_t marks = 0x80;
    if (c < 0x80) {
      out += static_cast<char>(c);
      continue;
    }
    do {
      tails.insert(tails.begin(), static_cast<char>(0x80 | c % 64));
      c /= 64;
      lead /= 2;
      marks = marks / 2 | 0x80;
    } while (c > lead);
    out += static_cast<char>(marks | c);
    out += tails;
  }
  return out;
}

std::u32string Fold(const std::u32string& key) {
  std::u32string out = key;
  for (char32_t& c : out) {
    const size_t at = std::u32string_view(U"ABCDEFGHIJKLMNOPQRSTUVWXYZ\u017F\u212A").find(c);
    if (at != std::u32string_view::npos) c = U"abcdefghijklmnopqrstuvwxyzsk"[at];
  }
  return out;
}

std::optional<Document> ReadDocument(std::string_view text) {
  const std::optional<Value> value = ParseJson(text, 512);
  if (!value || value->kind != 'o') return std::nullopt;
  Document out;
  int serials = 0;
  int lineages = 0;
  for (const auto& [name, member] : value->members) {
    const std::u32string folded = Fold(name.decoded);
    const std::string utf8 = ToUtf8(member.string.decoded);
    if (folded == U"serial") {
      const std::optional<uint64_t> serial = Integer(member.number);
      if (name.raw != "serial" || ++serials > 1 || member.kind != '0' || !serial) {
        return std::nullopt;
      }
      out.serial = *serial;
    } else if (folded == U"lineage") {
      if (name.raw != "lineage" || ++lineages > 1 || member.kind != 's') return std::nullopt;
      if (utf8.size() > 256 || HasControl(member.string.decoded)) return std::nullopt;
      out.lineage = utf8;
    } else if (name.raw == "terraform_version") {
      const bool usable = utf8.size() <= 64 && !HasControl(member.string.decoded);
      out.terraform_version = usable ? utf8 : "";
    } else if (name.raw == "encryption_version") {
      out.encrypted = member.kind == 's' && !member.string.raw.empty();
    }
  }
  if (serials != 1 || lineages != 1) return std::nullopt;
  return out;
}

bool IsSmallJson(std::string_view text) {
  if (text.size() > 65536) return false;
  const std::optional<Value> value = ParseJson(text, 32);
  return value && value->kind == 'o' && IsSmallValue(*value);
}

}  // namespace stateward::reference
