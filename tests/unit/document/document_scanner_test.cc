#include "document/document_scanner.h"

#include <CppUTest/TestHarness.h>

#include <string>
#include <string_view>

#include "doubles/reference_json.h"

namespace stateward {
namespace {

constexpr std::string_view kTerraform = R"({
  "version": 4,
  "terraform_version": "1.14.3",
  "serial": 17,
  "lineage": "6f0c2d1e-1111-2222-3333-444455556666",
  "outputs": {"serial": {"value": 3, "lineage": "inner", "type": "number"}},
  "resources": [{"mode": "managed", "Serial": 5, "instances": [{"serial": "x", "serial": "y"}]}],
  "check_results": null
}
)";
constexpr std::string_view kEncrypted =
    R"({"serial":7,"lineage":"0a1b2c3d-aaaa-bbbb-cccc-ddddeeeeffff","meta":)"
    R"({"key_provider.pbkdf2.k":"eyJzYWx0IjoiIn0="},"encrypted_data":"q83v","encryption_version":)"
    R"("v0"})";

DocumentInfo MustScan(std::string_view text) {
  Result<DocumentInfo> info = ScanDocument(text);
  CHECK_TRUE_TEXT(info.ok(), std::string(text).c_str());
  CHECK_TRUE(reference::ReadDocument(text).has_value());
  return *info;
}

void CheckRefused(std::string_view text, const char* why) {
  const Result<DocumentInfo> info = ScanDocument(text);
  CHECK_FALSE_TEXT(info.ok(), std::string(text.substr(0, 200)).c_str());
  CHECK_TRUE(info.status().code() == Code::kInvalidArgument);
  STRCMP_CONTAINS(why, info.status().detail().c_str());
  CHECK_FALSE(reference::ReadDocument(text).has_value());
}

// A document with this text where the serial stands.
std::string WithSerial(std::string_view serial) {
  return "{\"serial\":" + std::string(serial) + ",\"lineage\":\"x\"}";
}
std::string WithLineage(std::string_view lineage) {
  return "{\"serial\":1,\"lineage\":" + std::string(lineage) + "}";
}
std::string WithKey(std::string_view key) {
  return "{\"serial\":1,\"lineage\":\"x\",\"" + std::string(key) + "\":2}";
}

}  // namespace

TEST_GROUP(DocumentScanner){};

TEST(DocumentScanner, ReadsATerraformState) {
  const DocumentInfo info = MustScan(kTerraform);
  LONGS_EQUAL(17, info.serial);
  STRCMP_EQUAL("6f0c2d1e-1111-2222-3333-444455556666", info.lineage.c_str());
  STRCMP_EQUAL("1.14.3", info.terraform_version.c_str());
  CHECK_FALSE(info.encrypted);
}

TEST(DocumentScanner, ReadsAnEncryptedState) {
  const DocumentInfo info = MustScan(kEncrypted);
  LONGS_EQUAL(7, info.serial);
  STRCMP_EQUAL("0a1b2c3d-aaaa-bbbb-cccc-ddddeeeeffff", info.lineage.c_str());
  STRCMP_EQUAL("", info.terraform_version.c_str());
  CHECK_TRUE(info.encrypted);
  CHECK_FALSE(MustScan(R"({"serial":1,"lineage":"x","encryption_version":""})").encrypted);
  CHECK_FALSE(MustScan(R"({"serial":1,"lineage":"x","encryption_version":null})").encrypted);
  CHECK_FALSE(MustScan(R"({"serial":1,"lineage":"x","a":{"encryption_version":"v0"}})").encrypted);
}

TEST(DocumentScanner, NoTruncationPasses) {
  const std::string escapes =
      "{\"serial\":1,\"lineage\":\"\\ud83d\\ude00\",\"a\":\"\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\","
      "\"\\ud800\":-1.5e+10}";
  for (const std::string_view whole :
       {kTerraform.substr(0, kTerraform.size() - 1), kEncrypted, std::string_view(escapes)}) {
    MustScan(whole);
    for (size_t n = 0; n < whole.size(); ++n) {
      // Exactly n bytes on the heap, so that AddressSanitizer sees a read beyond them.
      const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n));
      CHECK_FALSE_TEXT(ScanDocument(cut).ok(), std::string(whole.substr(0, n)).c_str());
    }
  }
}

TEST(DocumentScanner, RefusesWhatIsNoDocument) {
  CheckRefused("", "empty");
  CheckRefused("  \n", "empty");
  CheckRefused("null", "not a JSON object");
  CheckRefused("[]", "not a JSON object");
  CheckRefused("17", "not a JSON object");
  CheckRefused("<html>", "not a JSON object");
  CheckRefused("{}", "no serial");
  CheckRefused(R"({"serial":1})", "no lineage");
  CheckRefused(R"({"lineage":"x"})", "no serial");
  CheckRefused(R"({"a":{"serial":1,"lineage":"x"}})", "no serial");
  CheckRefused(R"([{"serial":1,"lineage":"x"}])", "not a JSON object");
  CheckRefused(std::string(kEncrypted) + "}", "something follows");
  CheckRefused(std::string(kEncrypted) + std::string(1, '\0'), "something follows");
  CheckRefused(std::string(kEncrypted) + std::string(kEncrypted), "something follows");
}

TEST(DocumentScanner, SerialIsExact) {
  LONGS_EQUAL(0, MustScan(WithSerial("0")).serial);
  CHECK_TRUE(MustScan(WithSerial("9007199254740993")).serial == 9007199254740993u);
  CHECK_TRUE(MustScan(WithSerial("9223372036854775808")).serial == 9223372036854775808u);
  CHECK_TRUE(MustScan(WithSerial("18446744073709551615")).serial == 18446744073709551615u);
  CheckRefused(WithSerial("18446744073709551616"), "above 2^64-1 at byte 10");
  CheckRefused(WithSerial("28446744073709551615"), "above 2^64-1");
  CheckRefused(WithSerial("100000000000000000000"), "above 2^64-1");
  CheckRefused(WithSerial(std::string(100000, '9')), "above 2^64-1");
}

TEST(DocumentScanner, SerialIsAPlainInteger) {
  for (const char* serial : {"1.0", "1e0", "1E2", "-1", "-0", "1.5", "0.0", "0e1"}) {
    CheckRefused(WithSerial(serial), "serial is not a plain integer");
  }
  CheckRefused(WithSerial("01"), "expected");
  CheckRefused(WithSerial("+1"), "a value expected");
  CheckRefused(WithSerial("null"), "serial is null");
  for (const char* serial : {"\"1\"", "true", "{}", "[1]", "[]", "\"\""}) {
    CheckRefused(WithSerial(serial), "serial is not a number");
  }
}

TEST(DocumentScanner, Lineage) {
  STRCMP_EQUAL("a\"b\xC3\xA9/\xF0\x9F\x98\x80",
               MustScan(WithLineage(R"("a\"b\u00e9\/\ud83d\ude00")")).lineage.c_str());
  STRCMP_EQUAL("", MustScan(WithLineage(R"("")")).lineage.c_str());
  STRCMP_EQUAL("\xEF\xBF\xBD", MustScan(WithLineage(R"("\ud800")")).lineage.c_str());
  CheckRefused(WithLineage("null"), "lineage is null at byte 22");
  for (const char* lineage : {"1", "true", "{}", "[\"x\"]"}) {
    CheckRefused(WithLineage(lineage), "lineage is not a string");
  }
  for (const char* lineage : {R"("a\u0000b")", R"("a\nb")", R"("\u007f")", R"("\u001f")"}) {
    CheckRefused(WithLineage(lineage), "lineage holds a control character");
  }
}

TEST(DocumentScanner, LineageIsBounded) {
  const auto quoted = [](const std::string& inside) { return "\"" + inside + "\""; };
  std::string escaped;
  for (size_t i = 0; i < kLineageMaxBytes; ++i) escaped += "\\u0061";
  const std::string longest(kLineageMaxBytes, 'a');
  CHECK_TRUE(MustScan(WithLineage(quoted(longest))).lineage == longest);
  CHECK_TRUE(MustScan(WithLineage(quoted(escaped))).lineage == longest);
  CheckRefused(WithLineage(quoted(longest + "a")), "longer than 256 bytes");
  CheckRefused(WithLineage(quoted(escaped + "a")), "longer than 256 bytes");
  CheckRefused(WithLineage(quoted(std::string(255, 'a') + "\xC3\xA9")), "longer than 256 bytes");
}

TEST(DocumentScanner, TerraformVersionIsForDisplayOnly) {
  const auto scan = [](const std::string& version) {
    return MustScan("{\"serial\":1,\"terraform_version\":" + version + ",\"lineage\":\"x\"}")
        .terraform_version;
  };
  const std::string longest(kTerraformVersionMaxBytes, '1');
  STRCMP_EQUAL("1.10.0-beta1", scan(R"("1.10.0-beta1")").c_str());
  CHECK_TRUE(scan("\"" + longest + "\"") == longest);
  for (const std::string& version :
       {"\"" + longest + "1\"", "\"" + std::string(100000, '1') + "\"", std::string(R"("1\n")"),
        std::string("null"), std::string("1"), std::string("{}")}) {
    STRCMP_EQUAL("", scan(version).c_str());
  }
  // Go takes the last one.
  STRCMP_EQUAL("2", MustScan(R"({"serial":1,"lineage":"x","terraform_version":"1",)"
                             R"("terraform_version":"2"})")
                        .terraform_version.c_str());
}

// A client written in Go would read the second value of each of these.
TEST(DocumentScanner, RefusesKeysThatReadersTakeDifferently) {
  for (const char* key : {"serial", "lineage"}) CheckRefused(WithKey(key), "stands twice");
  for (const char* key :
       {"Serial", "SERIAL", "seriaL", "Lineage", "LINEAGE", "lIneage",
        "\xC5\xBF"
        "erial",
        "\xC5\xBF"
        "ERIAL",
        R"(ser\u0069al)", R"(\u0073erial)", R"(\u0053erial)", R"(\u017ferial)", R"(\u017Ferial)",
        R"(\u006cineage)", R"(lineag\u0045)", R"(\u0073\u0065\u0072\u0069\u0061\u006c)"}) {
    CheckRefused(WithKey(key), "spelt in another way at byte 26");
    // Alone, too: this server must not say "no serial" of what a client reads as one.
    CheckRefused("{\"" + std::string(key) + "\":1}", "spelt in another way at byte 1");
  }
  for (const char* key :
       {"serial ", " serial", "serials", "seria", "s", "", "lineages", "line", "\xC5\xBF",
        "ser\xC4\xB1"
        "al",
        R"(serial\u0000)", R"(serial\ud800)", R"(\"serial\")",
        "\xD1\x95"
        "erial"}) {
    LONGS_EQUAL(1, MustScan(WithKey(key)).serial);
  }
}

TEST(DocumentScanner, BrokenJsonBehindTheFieldsIsRefused) {
  const std::string head = R"({"serial":1,"lineage":"x","resources":[)";
  MustScan(head + "]}");
  CheckRefused(head + "}", "expected at byte 39");
  CheckRefused(head + "01]}", "expected");
  CheckRefused(head + "\"\xED\xA0\x80\"]}", "not UTF-8");
  CheckRefused(head + "\"\x1F\"]}", "control character");
  const std::string deep(511, '[');
  CheckRefused(head + deep + std::string(511, ']') + "]}", "nested too deeply at byte 549");
  MustScan(head + deep.substr(1) + std::string(510, ']') + "]}");
}

TEST(DocumentScanner, ErrorsHoldNoByteOfTheDocument) {
  for (const char* text : {R"({"zqzq":1,"serial":"zqzq"})", R"({"zqzq":zqzq})", R"({"zqzq"zqzq)",
                           R"({"lineage":["zqzq"]})", R"({"serial":1,"lineage":"zqzq\n"})"}) {
    const Result<DocumentInfo> info = ScanDocument(std::string_view(text));
    CHECK_FALSE(info.ok());
    CHECK_TRUE(info.status().detail().find("zq") == std::string::npos);
  }
}

}  // namespace stateward
