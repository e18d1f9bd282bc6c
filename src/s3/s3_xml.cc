#include "s3/s3_xml.h"

#include <charconv>
#include <cstdint>
#include <vector>

namespace stateward {
namespace {

// S3's answers are 4 deep.
constexpr size_t kMaxDepth = 16;

bool IsNameChar(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == ':';
}

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void AppendUtf8(uint32_t point, std::string* out) {
  auto add = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xC0 | point >> 6);
    add(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    add(0xE0 | point >> 12);
    add(0x80 | (point >> 6 & 0x3F));
    add(0x80 | (point & 0x3F));
  } else {
    add(0xF0 | point >> 18);
    add(0x80 | (point >> 12 & 0x3F));
    add(0x80 | (point >> 6 & 0x3F));
    add(0x80 | (point & 0x3F));
  }
}

// What stands between '&' and ';'.
bool AppendEntity(std::string_view name, std::string* out) {
  constexpr struct {
    std::string_view name;
    char c;
  } kNamed[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
  for (const auto& row : kNamed) {
    if (row.name == name) {
      out->push_back(row.c);
      return true;
    }
  }
  if (name.size() < 2 || name[0] != '#') return false;
  bool hex = name[1] == 'x';
  name.remove_prefix(hex ? 2 : 1);
  uint32_t point = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), point, hex ? 16 : 10);
  if (error != std::errc() || end != name.data() + name.size() || point == 0 || point > 0x10FFFF) {
    return false;
  }
  AppendUtf8(point, out);
  return true;
}

class Walker {
 public:
  Walker(std::string_view text, const XmlElementFn& each) : rest_(text), each_(each) {}

  bool Run() {
    while (!rest_.empty()) {
      bool good = rest_[0] == '<' ? Markup() : Text();
      if (!good) return false;
    }
    return ended_;
  }

 private:
  bool Take(std::string_view what) {
    if (rest_.substr(0, what.size()) != what) return false;
    rest_.remove_prefix(what.size());
    return true;
  }
  bool SkipPast(std::string_view what) {
    size_t at = rest_.find(what);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + what.size());
    return true;
  }

  bool Text() {
    size_t end = rest_.find('<');
    std::string_view part = rest_.substr(0, end);
    rest_.remove_prefix(part.size());
    if (texts_.empty()) {
      for (char c : part) {
        if (!IsBlank(c)) return false;
      }
      return true;
    }
    while (!part.empty()) {
      size_t amp = part.find('&');
      texts_.back().append(part.substr(0, amp));
      if (amp == std::string_view::npos) break;
      part.remove_prefix(amp + 1);
      size_t semicolon = part.find(';');
      if (semicolon == std::string_view::npos) return false;
      if (!AppendEntity(part.substr(0, semicolon), &texts_.back())) return false;
      part.remove_prefix(semicolon + 1);
    }
    return true;
  }

  bool Markup() {
    if (Take("<?")) return SkipPast("?>");
    if (Take("<!--")) return SkipPast("-->");
    if (Take("</")) {
      std::string_view name = Name();
      SkipBlanks();
      return Take(">") && Close(name);
    }
    if (!Take("<") || ended_) return false;
    std::string_view name = Name();
    if (name.empty() || ends_.size() >= kMaxDepth) return false;
    Open(name);
    if (!SkipAttributes()) return false;
    if (Take("/>")) return Close(name);
    return Take(">");
  }

  std::string_view Name() {
    size_t n = 0;
    while (n < rest_.size() && IsNameChar(rest_[n])) ++n;
    std::string_view name = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return name;
  }
  void SkipBlanks() {
    while (!rest_.empty() && IsBlank(rest_[0])) rest_.remove_prefix(1);
  }
  bool SkipAttributes() {
    for (;;) {
      SkipBlanks();
      if (Name().empty()) return true;
      SkipBlanks();
      if (!Take("=")) return false;
      SkipBlanks();
      if (rest_.empty() || (rest_[0] != '"' && rest_[0] != '\'')) return false;
      std::string quote(1, rest_[0]);
      rest_.remove_prefix(1);
      if (!SkipPast(quote)) return false;
    }
  }

  void Open(std::string_view name) {
    ends_.push_back(path_.size());
    if (!path_.empty()) path_ += '/';
    path_ += name;
    texts_.emplace_back();
  }
  bool Close(std::string_view name) {
    if (ends_.empty()) return false;
    size_t from = ends_.back() == 0 ? 0 : ends_.back() + 1;
    if (std::string_view(path_).substr(from) != name) return false;
    each_(path_, texts_.back());
    path_.resize(ends_.back());
    ends_.pop_back();
    texts_.pop_back();
    ended_ = ends_.empty();
    return true;
  }

  std::string_view rest_;
  const XmlElementFn& each_;
  std::string path_;
  std::vector<size_t> ends_;  // the path's length before each open element
  std::vector<std::string> texts_;
  bool ended_ = false;  // the outermost element
};

}  // namespace

bool WalkXml(std::string_view text, const XmlElementFn& each) { return Walker(text, each).Run(); }

std::string XmlText(std::string_view text, std::string_view path) {
  std::string found;
  bool seen = false;
  bool whole = WalkXml(text, [&](std::string_view at, std::string_view value) {
    if (seen || at != path) return;
    found = std::string(value);
    seen = true;
  });
  return whole ? found : "";
}

}  // namespace stateward
