// Random documents, whole and mutated: the scanner has to agree with a slow reader that shares no
// code with it, in the verdict and in the values.
#include <CppUTest/TestHarness.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "document/document_scanner.h"
#include "doubles/reference_json.h"

namespace stateward {
namespace {

// The same documents in every run; another seed finds others.
constexpr uint64_t kSeed = 20261124;
constexpr int kDocuments = 20000;

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  size_t Below(size_t n) { return random_() % n; }
  const char* Pick(std::initializer_list<const char*> from) {
    return from.begin()[Below(from.size())];
  }

  std::string Document() {
    std::string out = Space() + "{";
    AddMember(R"("serial")", Pick({"0", "1", "17", "18446744073709551615"}), &out);
    AddMember(R"("lineage")", Pick({R"("")", R"("x-y")", R"("\u00e9\ud800")"}), &out);
    for (size_t n = Below(5); n > 0; --n) AddMember(Key(), Value(1), &out);
    return out + "}" + Space();
  }

  // One small change. It may leave the document valid.
  void Mutate(std::string* text) {
    const size_t at = Below(text->size());
    const size_t n = 1 + Below(4);
    switch (Below(6)) {
      case 0:
        (*text)[at] = static_cast<char>(random_());
        break;
      case 1:
        text->erase(at, n);
        break;
      case 2:
        text->insert(at, text->substr(Below(text->size()), n));
        break;
      case 3:
        text->insert(at, Scrap());
        break;
      case 4:
        (*text)[at] = static_cast<char>((*text)[at] ^ (1 << Below(8)));
        break;
      default:
        text->insert(at, Key() + ":" + Value(3) + ",");
        break;
    }
  }

 private:
  std::string Space() { return Pick({"", "", "", " ", "\n  ", "\t", "\r\n          "}); }

  void AddMember(const std::string& key, const std::string& value, std::string* out) {
    if (out->back() != '{') *out += ",";
    *out += Space() + key + Space() + ":" + Space() + value + Space();
  }

  std::string Key() {
    if (Below(40) == 0) {
      return Pick({R"("serial")", R"("Serial")", R"("lineage")", R"("lineagE")", R"("\u017ferial")",
                   "\"\xC5\xBF"
                   "erial\"",
                   R"("line\u0061ge")", R"("lineage\u0000")"});
    }
    if (Below(6) == 0) return Pick({R"("terraform_version")", R"("encryption_version")"});
    return String();
  }

  std::string String() {
    std::string out = "\"";
    for (size_t n = Below(6); n > 0; --n) {
      out += Pick({"a", "bcdefgh", "0123456789abcdef", "\xC3\xA9", "\xE4\xB8\xAD",
                   "\xF0\x9F\x98\x80", R"(\n)", R"(\")", R"(\\)", R"(\u0041)", R"(\ud83d\ude00)",
                   R"(\ud800)", " ", "{", "]", ",", ":"});
    }
    return out + "\"";
  }

  std::string Value(size_t depth) {
    const size_t kind = Below(depth > 6 ? 4 : 7);
    if (kind == 0) return Pick({"true", "false", "null"});
    if (kind == 1) return Pick({"0", "-1", "1.5", "-0.0e-7", "1E+9", "12345678901234567890123"});
    if (kind < 4) return String();
    const bool object = kind < 6;
    std::string out = object ? "{" : "[";
    for (size_t n = Below(4); n > 0; --n) {
      if (object) {
        AddMember(Key(), Value(depth + 1), &out);
      } else {
        out += (out.size() > 1 ? "," : "") + Space() + Value(depth + 1) + Space();
      }
    }
    return out + Space() + (object ? "}" : "]");
  }

  std::string Scrap() {
    return Pick({"\"",
                 "\\",
                 "{",
                 "}",
                 "[",
                 "]",
                 ",",
                 ":",
                 "0",
                 "-",
                 ".",
                 "e",
                 "\x1F",
                 "\x7F",
                 "\xC0",
                 "\x80",
                 "\xED\xA0\x80",
                 "\xF4\x90\x80\x80",
                 "\xEF\xBB\xBF",
                 R"(\u)",
                 R"(\ud800)",
                 "true",
                 "nul",
                 " ",
                 "\f",
                 R"("serial":1,)",
                 R"("lineage":"",)"});
  }

  std::mt19937_64 random_;
};

// Returns whether both took the document.
bool CheckAgreement(const std::string& text) {
  const Result<DocumentInfo> got = ScanDocument(text);
  const std::optional<reference::Document> want = reference::ReadDocument(text);
  CHECK_EQUAL_TEXT(want.has_value(), got.ok(), text.c_str());
  if (!got.ok()) return false;
  CHECK_TRUE_TEXT(want->serial == got->serial, text.c_str());
  STRCMP_EQUAL_TEXT(want->lineage.c_str(), got->lineage.c_str(), text.c_str());
  STRCMP_EQUAL_TEXT(want->terraform_version.c_str(), got->terraform_version.c_str(), text.c_str());
  CHECK_EQUAL_TEXT(want->encrypted, got->encrypted, text.c_str());
  return true;
}

}  // namespace

TEST_GROUP(DocumentScannerRandom){};

TEST(DocumentScannerRandom, AgreesWithTheSlowReader) {
  Generator generator(kSeed);
  int whole = 0;
  int mutated = 0;
  for (int i = 0; i < kDocuments; ++i) {
    std::string text = generator.Document();
    whole += CheckAgreement(text) ? 1 : 0;
    for (size_t n = 1 + generator.Below(2); n > 0 && !text.empty(); --n) generator.Mutate(&text);
    mutated += CheckAgreement(text) ? 1 : 0;
  }
  // Both verdicts have to be common, or this test would prove little.
  CHECK_TRUE(whole > kDocuments / 2);
  CHECK_TRUE(whole < kDocuments);
  CHECK_TRUE(mutated > kDocuments / 10);
  CHECK_TRUE(mutated < kDocuments / 2);
}

}  // namespace stateward
