// How fast ScanDocument() is, next to memchr and memcpy over the same bytes in the same run.
//
//   make bench-scan [SCAN_MIB=64]
//
// The documents are made here, in the shapes of real ones: Terraform's, indented by two spaces;
// OpenTofu's, compact; OpenTofu's encrypted one, which is nearly one base64 string. Text is escaped
// as Go does it (\u003c for <). MB are 10^6 bytes; each figure is the median of kRounds passes.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "document/document_scanner.h"

namespace stateward {
namespace {

constexpr int kRounds = 9;

// Writes JSON in the layout of Go's MarshalIndent or Marshal.
class Layout {
 public:
  explicit Layout(bool indented) : indented_(indented) {}

  void Open(char bracket) {
    Item();
    out_ += bracket;
    closers_ += bracket == '{' ? '}' : ']';
    first_ = true;
  }
  void Close() {
    const char bracket = closers_.back();
    closers_.pop_back();
    if (!first_) NewLine();
    out_ += bracket;
    first_ = false;
  }
  void Key(std::string_view key) {
    Item();
    out_.append("\"").append(key).append(indented_ ? "\": " : "\":");
    after_key_ = true;
  }
  // text: JSON that needs no layout.
  void Put(std::string_view text) {
    Item();
    out_ += text;
  }
  void Member(std::string_view key, std::string_view text) {
    Key(key);
    Put(text);
  }
  std::string& text() { return out_; }

 private:
  void NewLine() {
    if (indented_) out_.append("\n").append(2 * closers_.size(), ' ');
  }
  void Item() {
    if (!after_key_ && !closers_.empty()) {
      if (!first_) out_ += ',';
      NewLine();
    }
    first_ = false;
    after_key_ = false;
  }

  const bool indented_;
  bool first_ = true;
  bool after_key_ = false;
  std::string closers_;
  std::string out_;
};

class StateMaker {
 public:
  explicit StateMaker(bool indented) : layout_(indented) {}

  std::string Make(size_t bytes) {
    Head();
    layout_.Key("resources");
    layout_.Open('[');
    for (size_t i = 0; layout_.text().size() < bytes; ++i) Resource(i);
    layout_.Close();
    layout_.Member("check_results", "null");
    layout_.Close();
    return std::move(layout_.text()) + "\n";
  }

 private:
  void Head() {
    layout_.Open('{');
    layout_.Member("version", "4");
    layout_.Member("terraform_version", "\"1.14.3\"");
    layout_.Member("serial", "4711");
    layout_.Member("lineage", "\"6f0c2d1e-1111-2222-3333-444455556666\"");
    layout_.Key("outputs");
    layout_.Open('{');
    layout_.Close();
  }

  size_t Below(size_t n) { return random_() % n; }

  void Resource(size_t i) {
    layout_.Open('{');
    if (Below(2) == 0) layout_.Member("module", "\"module.network[\\\"" + Word() + "\\\"]\"");
    layout_.Member("mode", Below(5) == 0 ? "\"data\"" : "\"managed\"");
    layout_.Member("type", Quoted("aws_" + Word()));
    layout_.Member("name", Quoted(Word() + "_" + std::to_string(i)));
    layout_.Member("provider", "\"provider[\\\"registry.opentofu.org/hashicorp/aws\\\"]\"");
    layout_.Key("instances");
    layout_.Open('[');
    for (size_t n = 1 + Below(3); n > 0; --n) Instance();
    layout_.Close();
    layout_.Close();
  }

  void Instance() {
    layout_.Open('{');
    layout_.Member("schema_version", std::to_string(Below(3)));
    layout_.Key("attributes");
    Attributes(1);
    layout_.Key("sensitive_attributes");
    layout_.Open('[');
    layout_.Close();
    layout_.Member("private", Quoted(Base64(40 + Below(160))));
    layout_.Key("dependencies");
    layout_.Open('[');
    for (size_t n = Below(4); n > 0; --n) layout_.Put(Quoted("module.network.aws_" + Word()));
    layout_.Close();
    layout_.Close();
  }

  void Attributes(size_t depth) {
    layout_.Open('{');
    for (size_t n = 2 + Below(16); n > 0; --n) {
      layout_.Key(Word());
      Attribute(depth);
    }
    layout_.Close();
  }

  void Attribute(size_t depth) {
    switch (Below(16)) {
      case 0:
        return layout_.Put("null");
      case 1:
        return layout_.Put(Below(2) == 0 ? "true" : "false");
      case 2:
        return layout_.Put(std::to_string(random_() >> Below(32)));
      case 3:
        return layout_.Put("0.0" + std::to_string(Below(1000)));
      case 4:
        return layout_.Put("\"\"");
      case 5:
        return layout_.Put(Quoted(Base64(Below(40) == 0 ? 16000 : Below(400))));
      case 6:
        return layout_.Put(Quoted(Text()));
      case 7:
        layout_.Open('[');
        for (size_t n = Below(4); n > 0; --n) layout_.Put(Quoted("subnet-" + Word()));
        return layout_.Close();
      case 8:
        return depth < 4 ? Attributes(depth + 1) : layout_.Put("[]");
      default:
        return layout_.Put(Quoted(Word() + "-" + std::to_string(Below(100000))));
    }
  }

  // Some words, as people write them in descriptions and scripts.
  std::string Text() {
    static constexpr std::array<const char*, 10> kBits = {
        "allow ",          "\\u003call\\u003e ", "from 10.0.0.0/8 ",          "\\u0026 log\\n",
        "f\xC3\xBCr ",     "M\xC3\xBCnchen ",    "\xE5\x8C\x97\xE4\xBA\xAC ", "\xF0\x9F\x9A\x80 ",
        "\\\"quoted\\\" ", "set -eu\\n"};
    std::string out;
    for (size_t n = Below(20); n > 0; --n) out += kBits[Below(kBits.size())];
    return out;
  }

  std::string Word() {
    static constexpr std::array<const char*, 12> kWords = {
        "id",     "arn",  "availability_zone", "tags",       "network_interface", "vpc",
        "policy", "name", "instance_type",     "cidr_block", "owner_id",          "kms_key_id"};
    return kWords[Below(kWords.size())];
  }

  static std::string Quoted(const std::string& text) { return "\"" + text + "\""; }

  std::string Base64(size_t characters) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < characters; ++i) out += kAlphabet[Below(kAlphabet.size())];
    return out;
  }

  Layout layout_;
  std::mt19937 random_{1};  // the same document in every run
};

std::string Encrypted(size_t bytes) {
  return R"({"serial":7,"lineage":"6f0c2d1e-1111-2222-3333-444455556666","meta":{},)"
         R"("encrypted_data":")" +
         std::string(bytes, 'Q') + R"(","encryption_version":"v0"})";
}

// Median MB/s of `pass` over `bytes`.
double Speed(size_t bytes, const std::function<void()>& pass) {
  std::array<double, kRounds> speeds{};
  for (double& speed : speeds) {
    const auto from = std::chrono::steady_clock::now();
    pass();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
    speed = static_cast<double>(bytes) / took.count() / 1e6;
  }
  std::nth_element(speeds.begin(), speeds.begin() + kRounds / 2, speeds.end());
  return speeds[kRounds / 2];
}

bool Measure(const char* what, const std::string& text) {
  bool sound = true;
  std::vector<char> copy(text.size());
  const double scan = Speed(text.size(), [&] { sound = ScanDocument(text).ok() && sound; });
  // A byte that UTF-8 never holds: the pass goes to the end.
  const double chr = Speed(text.size(), [&] {
    sound = std::memchr(text.data(), 0xFF, text.size()) == nullptr && sound;
  });
  const double cpy = Speed(text.size(), [&] {
    std::memcpy(copy.data(), text.data(), text.size());
    sound = copy[text.size() / 2] == text[text.size() / 2] && sound;
  });
  std::printf("%-20s %6.1f MB  scan %6.0f MB/s  memchr %6.0f MB/s  memcpy %6.0f MB/s\n", what,
              static_cast<double>(text.size()) / 1e6, scan, chr, cpy);
  return sound;
}

}  // namespace
}  // namespace stateward

int main(int argc, char** argv) {
  using namespace stateward;
  const size_t bytes = (argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 64) << 20;
  bool sound = Measure("terraform, indented", StateMaker(true).Make(bytes));
  sound = Measure("tofu, compact", StateMaker(false).Make(bytes)) && sound;
  sound = Measure("tofu, encrypted", Encrypted(bytes)) && sound;
  return sound ? 0 : 1;
}
