#include "state/outputs.h"

#include <CppUTest/TestHarness.h>

#include <string>

namespace stateward {
namespace {

constexpr char kState[] = R"({"version":4,"serial":1,"lineage":"L","outputs":{
 "name":{"value":"a \"b\" \u00e9","type":"string"},
 "list" : {"type":["list","number"],"value":[1, 2.50,1e400 , {"x":[]}] , "sensitive":false},
 "password":{"value":"hunter2","type":"string","sensitive":true},
 "odd":{"value":1,"sensitive":"false"},
 "none":{"value":null,"type":"dynamic"},
 "yes":{"value":true}},
 "resources":[{"outputs":{"name":{"value":"not this one"}}}]})";

std::string Ask(const char* name, bool sensitive = false, const std::string& state = kState) {
  std::optional<std::string> which;
  if (name != nullptr) which = name;
  Result<SecretBytes> out = ExtractOutputs(state, which, sensitive);
  if (!out.ok()) return std::string(CodeName(out.status().code()));
  return std::string(ByteView(*out).AsString());
}

}  // namespace

TEST_GROUP(Outputs){};

TEST(Outputs, OneComesAsItsBytes) {
  STRCMP_EQUAL(R"("a \"b\" \u00e9")", Ask("name").c_str());
  STRCMP_EQUAL(R"([1, 2.50,1e400 , {"x":[]}])", Ask("list").c_str());
  STRCMP_EQUAL("null", Ask("none").c_str());
  STRCMP_EQUAL("true", Ask("yes").c_str());
  STRCMP_EQUAL("not_found", Ask("nam").c_str());
  STRCMP_EQUAL("not_found", Ask("").c_str());
}

TEST(Outputs, SensitiveOnesNeedTheRight) {
  STRCMP_EQUAL("permission_denied", Ask("password").c_str());
  STRCMP_EQUAL("\"hunter2\"", Ask("password", true).c_str());
  // Anything but a plain false hides it.
  STRCMP_EQUAL("permission_denied", Ask("odd").c_str());
  std::string all = Ask(nullptr);
  CHECK(all.find("hunter2") == std::string::npos);
  CHECK(all.find("password") == std::string::npos);
  CHECK(all.find("odd") == std::string::npos);
  CHECK(Ask(nullptr, true)
            .find("\"password\":{\"sensitive\":true,\"type\":\"string\",\"value\":\"hunter2\"}") !=
        std::string::npos);
  std::string twice = R"({"outputs":{"a":{"value":"s3cret","sensitive":true,"Sensitive":false}}})";
  STRCMP_EQUAL("permission_denied", Ask("a", false, twice).c_str());
}

TEST(Outputs, AllAreOneObject) {
  STRCMP_EQUAL(
      R"({"a":{"sensitive":false,"type":"number","value":1},"b":{"sensitive":false,"type":null,"value":{}}})",
      Ask(nullptr, false, R"({"outputs":{"a":{"value":1,"type":"number"},"b":{"value":{}}}})")
          .c_str());
  STRCMP_EQUAL("{}", Ask(nullptr, false, R"({"outputs":{}})").c_str());
  STRCMP_EQUAL("{}", Ask(nullptr, false, R"({"outputs":null})").c_str());
  STRCMP_EQUAL("{}", Ask(nullptr, false, R"({"serial":1})").c_str());
}

TEST(Outputs, WhatReadersMayReadInTwoWaysIsRefused) {
  for (const char* state :
       {R"({"outputs":{"a":{"value":1}},"outputs":{}})", R"({"outputs":{},"Outputs":{}})",
        R"({"outputs":{"a":{"value":1},"\u0061":{"value":2}}})",
        R"({"outputs":{"a":{"value":1,"VALUE":2}}})", R"({"outputs":[]})", R"({"outputs":{"a":1}})",
        R"({"outputs":{"a":{"value":1})", "[]"}) {
    STRCMP_EQUAL("conflict", Ask("a", true, state).c_str());
    STRCMP_EQUAL("conflict", Ask(nullptr, true, state).c_str());
  }
}

TEST(Outputs, EncryptedByTheClient) {
  STRCMP_EQUAL("conflict",
               Ask("a", true, R"({"serial":1,"lineage":"x","encrypted_data":"AAAA"})").c_str());
}

}  // namespace stateward
