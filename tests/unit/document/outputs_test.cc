#include "document/outputs.h"

#include <CppUTest/TestHarness.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "document/document_scanner.h"

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

// 2^15 names of one hash in libstdc++ (MurmurHash64A of a known seed): two pairs of blocks that
// lead to the same place, one pair or the other in each of 15 places.
std::vector<std::string> CollidingNames() {
  constexpr uint64_t kMul = 0xc6a4a7935bd1e995;
  constexpr size_t kPlaces = 15;
  constexpr size_t kPair = 16;
  uint64_t inverse = kMul;
  for (int i = 0; i < 6; ++i) inverse *= 2 - kMul * inverse;
  const auto mix = [](uint64_t v) { return v ^ (v >> 47); };
  const auto printable = [](const char* text) {
    return std::all_of(text, text + 8,
                       [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  };
  uint64_t hash = 0xc70f6907 ^ (kPlaces * kPair * kMul);
  std::vector<std::string> names{""};
  for (size_t place = 0; place < kPlaces; ++place) {
    std::vector<std::string> pairs;
    for (uint64_t x = 0; pairs.size() < 2; ++x) {
      char text[kPair];
      uint64_t rest = x;
      for (size_t i = 0; i < 8; ++i, rest /= 26) text[i] = static_cast<char>('a' + rest % 26);
      uint64_t first = 0;
      std::memcpy(&first, text, sizeof first);
      const uint64_t between = (hash ^ mix(first * kMul) * kMul) * kMul;
      const uint64_t second = mix((between ^ 1) * inverse) * inverse;
      std::memcpy(text + 8, &second, sizeof second);
      if (printable(text + 8)) pairs.emplace_back(text, kPair);
    }
    hash = kMul;  // (between ^ (between ^ 1)) * kMul
    std::vector<std::string> longer;
    for (const std::string& name : names) {
      for (const std::string& pair : pairs) longer.push_back(name + pair);
    }
    names = std::move(longer);
  }
  return names;
}

// Of this thread alone: a time in which others have the processor does not count.
int64_t ProcessorUs() {
  timespec used{};
  CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0);
  return int64_t{used.tv_sec} * 1000000 + used.tv_nsec / 1000;
}

int64_t UsToRead(const std::vector<std::string>& names) {
  std::string state = R"({"version":4,"outputs":{)";
  for (const std::string& name : names) {
    state += (state.back() == '{' ? "\"" : ",\"") + name + R"(":{"value":1})";
  }
  state += "}}";
  const int64_t begin = ProcessorUs();
  STRCMP_EQUAL("1", Ask(names.back().c_str(), true, state).c_str());
  return ProcessorUs() - begin;
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

TEST(Outputs, OfAnotherVersionTheyCannotBeRead) {
  const char* three =
      R"({"version":3,"serial":7,"lineage":"a","modules":[{"path":["root"],"outputs":{
      "addr":{"sensitive":false,"type":"string","value":"10.0.0.1"}},"resources":{}}]})";
  STRCMP_EQUAL("conflict", Ask(nullptr, true, three).c_str());
  STRCMP_EQUAL("conflict", Ask("addr", true, three).c_str());
  STRCMP_EQUAL("conflict", Ask(nullptr, true, R"({"version":5,"outputs":{}})").c_str());
  STRCMP_EQUAL("conflict", Ask(nullptr, true, R"({"version":4,"Version":3})").c_str());
}

// In a table of hashes each of them would be compared with all before it.
TEST(Outputs, NamesCannotMakeItSlow) {
  const std::vector<std::string> names = CollidingNames();
  CHECK(std::hash<std::string>()(names.front()) == std::hash<std::string>()(names.back()));
  std::vector<std::string> plain;
  for (size_t i = 0; i < names.size(); ++i) plain.push_back(std::to_string(i) + names[0]);
  const int64_t ordinary_us = UsToRead(plain);
  const int64_t hostile_us = UsToRead(names);
  CHECK(hostile_us < 20 * ordinary_us);
}

TEST(Outputs, EncryptedByTheClient) {
  STRCMP_EQUAL("conflict",
               Ask("a", true, R"({"serial":1,"lineage":"x","encrypted_data":"AAAA"})").c_str());
}

TEST(Outputs, AsADocumentOfTheirOwn) {
  const std::string state =
      R"({"version":4,"terraform_version":"1.8.2","serial":18446744073709551615,"lineage":"L",
      "outputs":{"a":{"value":"x","type":"string"},"s":{"value":"y","type":"string","sensitive":true}},
      "resources":[{"attributes":{"password":"hunter2"}}]})";
  const auto ask = [](const std::string& text, bool sensitive) {
    Result<SecretBytes> out = OutputsDocument(text, sensitive);
    return out.ok() ? std::string(ByteView(*out).AsString())
                    : std::string(CodeName(out.status().code()));
  };
  const std::string plain = ask(state, false);
  STRCMP_CONTAINS(R"("serial":18446744073709551615,)", plain.c_str());
  STRCMP_CONTAINS(R"("outputs":{"a":{"value":"x","type":"string"}},"resources":[])", plain.c_str());
  STRCMP_CONTAINS(R"("s":{"value":"y","type":"string","sensitive":true})",
                  ask(state, true).c_str());
  Result<DocumentInfo> info = ScanDocument(plain);
  CHECK(info.ok());
  LONGS_EQUAL(36, info->lineage.size());
  CHECK(info->lineage == ScanDocument(ask(state, true))->lineage);
  STRCMP_EQUAL("1.8.2", info->terraform_version.c_str());
  STRCMP_EQUAL("conflict",
               ask(R"({"serial":1,"lineage":"x","encrypted_data":"AAAA"})", true).c_str());
}

}  // namespace stateward
