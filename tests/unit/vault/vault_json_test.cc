#include "vault/vault_json.h"

#include <CppUTest/TestHarness.h>

namespace stateward {
namespace {

std::string Text(std::string_view document, JsonPath path) {
  auto found = JsonText(document, path);
  if (!found.ok()) return "error";
  return *found ? std::string((*found)->Reveal()) : "none";
}

std::string ErrorOf(std::string_view document) { return FirstVaultError(document); }

}  // namespace

TEST_GROUP(VaultJson){};

TEST(VaultJson, FindsAMember) {
  const std::string doc =
      R"({"request_id":"x","data":{"other":{"key":"no"},"list":[{"data":{"key":"no"}}],)"
      R"("data":{"key":"yes"},"metadata":{"version":7}},"key":"no"})";
  STRCMP_EQUAL("yes", Text(doc, {"data", "data", "key"}).c_str());
  STRCMP_EQUAL("no", Text(doc, {"key"}).c_str());
  STRCMP_EQUAL("none", Text(doc, {"data", "key"}).c_str());
  STRCMP_EQUAL("none", Text(doc, {"data", "data"}).c_str());
  LONGS_EQUAL(7, **JsonNumber(doc, {"data", "metadata", "version"}));
}

TEST(VaultJson, UndoesEscapesOfAscii) {
  STRCMP_EQUAL("a\nb/<", Text(R"({"k":"a\nb\/\u003c"})", {"k"}).c_str());
  STRCMP_EQUAL("none", Text(R"({"k":"\u00e9"})", {"k"}).c_str());
}

TEST(VaultJson, RefusesWhatIsNotOneAnswer) {
  STRCMP_EQUAL("error", Text(R"({"k":"a","k":"b"})", {"k"}).c_str());
  STRCMP_EQUAL("error", Text(R"({"a":{"k":"1"},"a":{"k":"2"}})", {"a", "k"}).c_str());
  STRCMP_EQUAL("error", Text("<html>", {"k"}).c_str());
  STRCMP_EQUAL("error", Text(R"({"k":"a"} x)", {"k"}).c_str());
  STRCMP_EQUAL("none", Text(R"({"k":7})", {"k"}).c_str());
  CHECK_FALSE(JsonNumber(std::string_view(R"({"k":-7})"), {"k"})->has_value());
  CHECK(JsonBool(std::string_view(R"({"k":true})"), {"k"})->value());
  CHECK_FALSE(JsonBool(std::string_view(R"({"k":"true"})"), {"k"})->has_value());
}

TEST(VaultJson, TakesTheFirstError) {
  STRCMP_EQUAL("one", ErrorOf(R"({"warnings":["w"],"errors":["one","two"]})").c_str());
  STRCMP_EQUAL("", ErrorOf(R"({"errors":[]})").c_str());
  STRCMP_EQUAL("", ErrorOf("garbage").c_str());
  LONGS_EQUAL(200, FirstVaultError("{\"errors\":[\"" + std::string(999, 'x') + "\"]}").size());
}

}  // namespace stateward
