// Every Kms must pass every case. A test group supplies `kms` (std::unique_ptr<Kms>):
//   TEST_GROUP(Local) { std::unique_ptr<Kms> kms = …; };
//   KMS_CONFORMS(Local)
#ifndef STATEWARD_TESTS_CONFORMANCE_KMS_CASES_H_
#define STATEWARD_TESTS_CONFORMANCE_KMS_CASES_H_

#include <CppUTest/TestHarness.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/sha256.h"
#include "conformance/ask_again.h"
#include "kms/header.h"
#include "stateward/kms.h"

namespace stateward {
namespace kms_cases {

constexpr std::string_view kSmall = "{}";

inline SealContext Where(uint64_t n = 7) {
  return {"00112233445566778899aabbccddeeff", StateId::Of({"", "network", "prod"}), n};
}

inline SealedInfo InfoOf(ByteView document) {
  SealedInfo info;
  info.key = {"", "network", "prod"};
  info.version.serial = 41;
  info.version.lineage = "6d0ba4f1-4c5e-2f4f-8c8b-0f8d3a1b9e55";
  info.version.size = document.size();
  info.version.sha256 = Sha256(document);
  info.version.writer = "basic";
  return info;
}

// n bytes as a state has them: lines of JSON that resemble each other.
inline std::string StateText(size_t n) {
  std::string text = "{\"version\":4,\"serial\":41,\"resources\":[\n";
  for (uint64_t i = 0; text.size() < n; ++i) {
    text += "{\"type\":\"terraform_data\",\"name\":\"r" + std::to_string(i * 2654435761U) +
            "\",\"instances\":[{\"attributes\":{\"id\":\"" + std::to_string(i * i * 40503) +
            "\"}}]},\n";
  }
  text.resize(n);
  return text;
}

inline std::string Noise(size_t n) {
  std::string bytes(n, '\0');
  FillRandom(bytes.data(), n);
  return bytes;
}

inline Bytes MustSeal(Kms& kms, const SealContext& where, ByteView document) {
  Result<Bytes> record = kms.Seal(where, InfoOf(document), document);
  if (!record.ok()) FAIL(record.status().detail().c_str());
  return *std::move(record);
}

template <typename T>
void CheckCode(Code code, const Result<T>& result) {
  CHECK_FALSE(result.ok());
  STRCMP_EQUAL(std::string(CodeName(code)).c_str(),
               std::string(CodeName(result.status().code())).c_str());
}

inline void CheckOpens(Kms& kms, const SealContext& where, ByteView record, ByteView document) {
  Result<Opened> opened = kms.Open(where, record);
  if (!opened.ok()) FAIL(opened.status().detail().c_str());
  CHECK(ByteView(opened->document) == document);
  LONGS_EQUAL(document.size(), opened->info.version.size);
}

inline void RoundTripsOfAllSizes(Kms& kms) {
  for (size_t n : {0, 1, 15, 16, 17, 100, 4095, 4096, 4097, 65536, 131071, 131072, 131073, 262144,
                   262145, 1000000}) {
    for (const std::string& document : {StateText(n), Noise(n)}) {
      CheckOpens(kms, Where(), MustSeal(kms, Where(), document), document);
    }
  }
}

inline void RoundTripOf20Megabytes(Kms& kms) {
  // Text first and noise after it, and the other way round: the start decides on compression.
  for (const std::string& document :
       {StateText(10 << 20) + Noise(10 << 20), Noise(10 << 20) + StateText(10 << 20)}) {
    CheckOpens(kms, Where(), MustSeal(kms, Where(), document), document);
  }
}

inline void CompressesStates(Kms& kms) {
  CHECK(MustSeal(kms, Where(), StateText(100000)).size() < 50000);
  const size_t noise = MustSeal(kms, Where(), Noise(100000)).size();
  CHECK(noise > 100000 && noise < 101000);
}

inline void AllOfTheInfoComesBack(Kms& kms) {
  SealedInfo info = InfoOf(kSmall);
  info.key.tenant = std::string(64, 'a');
  info.version.kind = RecordKind::kTombstone;
  info.version.serial = UINT64_MAX;
  info.version.terraform_version = "1.9.8";
  info.version.writer = "user:alice";
  info.version.operation = "OperationTypeApply";
  info.version.lock_id = "1f0e6bb7-5d4c-4d12-8f9c-7b5f8bb8a8a1";
  info.version.lock_base = 6;
  info.version.time_ms = -1;
  Result<Bytes> record = kms.Seal(Where(), info, kSmall);
  CHECK(record.ok());
  Result<SealedInfo> back = kms.OpenInfo(Where(), *record);
  CHECK(back.ok());
  CHECK(back->key == info.key);
  CHECK(back->version.kind == RecordKind::kTombstone);
  CHECK(back->version.serial == UINT64_MAX);
  STRCMP_EQUAL(info.version.lineage.c_str(), back->version.lineage.c_str());
  STRCMP_EQUAL("1.9.8", back->version.terraform_version.c_str());
  LONGS_EQUAL(2, back->version.size);
  CHECK(back->version.sha256 == Sha256(kSmall));
  STRCMP_EQUAL("user:alice", back->version.writer.c_str());
  STRCMP_EQUAL("OperationTypeApply", back->version.operation.c_str());
  STRCMP_EQUAL(info.version.lock_id.c_str(), back->version.lock_id.c_str());
  LONGS_EQUAL(6, back->version.lock_base);
  LONGS_EQUAL(-1, back->version.time_ms);
}

inline void InfoOpensFromThePrefix(Kms& kms) {
  const std::string document = Noise(300000);
  const Bytes record = MustSeal(kms, Where(), document);
  Result<SealedInfo> info = kms.OpenInfo(Where(), {record.data(), Kms::kInfoPrefix});
  CHECK(info.ok());
  LONGS_EQUAL(document.size(), info->version.size);
  CheckCode(Code::kCorruption, kms.OpenInfo(Where(), {record.data(), 100}));
  CheckCode(Code::kCorruption, kms.OpenInfo(Where(8), {record.data(), Kms::kInfoPrefix}));
}

inline void InfoMayFillThePrefix(Kms& kms) {
  SealedInfo info = InfoOf(kSmall);
  info.version.lock_id = std::string(7000, 'x');
  Result<Bytes> record = kms.Seal(Where(), info, kSmall);
  CHECK(record.ok());
  CHECK(kms.OpenInfo(Where(), {record->data(), std::min(record->size(), Kms::kInfoPrefix)}).ok());
  info.version.lock_id = std::string(9000, 'x');
  CheckCode(Code::kInvalidArgument, kms.Seal(Where(), info, kSmall));
}

inline void OpensOnlyWhereItWasSealed(Kms& kms) {
  const Bytes record = MustSeal(kms, Where(), StateText(2000));
  CheckOpens(kms, Where(), record, StateText(2000));
  SealContext other = Where();
  other.store_id = "00112233445566778899aabbccddeefe";
  CheckCode(Code::kCorruption, kms.Open(other, record));
  other = Where();
  other.id = StateId::Of({"", "network", "test"});
  CheckCode(Code::kCorruption, kms.Open(other, record));
  CheckCode(Code::kCorruption, kms.Open(Where(8), record));
  CheckCode(Code::kCorruption, kms.Open(Where(0), record));
}

inline void NoTwoRecordsAreAlike(Kms& kms) {
  const Bytes one = MustSeal(kms, Where(), StateText(200));
  const Bytes two = MustSeal(kms, Where(), StateText(200));
  CHECK(one.size() == two.size());
  CHECK(ByteView(one) != ByteView(two));
}

// What names the key, or holds it wrapped. When that is damaged, no key is known to be the
// record's.
inline bool NamesTheKey(const Bytes& record, size_t at) {
  Result<Header> header = ParseHeader(record);
  CHECK(header.ok());
  return (at >= 8 && at < 24) || (at >= kFixedHeader - 2 && at < header->size());
}

inline void DamageIsCorruption(Kms& kms) {
  const Bytes record = MustSeal(kms, Where(), StateText(2000));
  for (size_t i = 0; i < record.size(); i += 7) {
    Bytes damaged = record;
    damaged[i] = static_cast<uint8_t>(damaged[i] ^ 0x10);
    CheckCode(NamesTheKey(record, i) ? Code::kUnknownKey : Code::kCorruption,
              kms.Open(Where(), damaged));
    CheckCode(Code::kCorruption, kms.Open(Where(), {record.data(), i}));
  }
  Bytes longer = record;
  longer.push_back(0);
  CheckCode(Code::kCorruption, kms.Open(Where(), longer));
}

inline void ForeignBytesAreCorruption(Kms& kms) {
  const std::string longer = Noise(500);
  for (std::string_view bytes : {std::string_view(), std::string_view("STWD"),
                                 std::string_view("{\"version\":4}"), std::string_view(longer)}) {
    CheckCode(Code::kCorruption, kms.Open(Where(), bytes));
    CheckCode(Code::kCorruption, kms.OpenInfo(Where(), bytes));
    CHECK(kms.OpenLegacy(bytes).status().unreadable());
  }
}

inline void RecordIsNoLegacyBlob(Kms& kms) {
  CheckCode(Code::kUnknownKey, kms.OpenLegacy(MustSeal(kms, Where(), StateText(2000))));
}

inline void WrongArgumentsAreRefused(Kms& kms) {
  SealedInfo info = InfoOf(kSmall);
  info.version.size = 3;
  CheckCode(Code::kInvalidArgument, kms.Seal(Where(), info, kSmall));
  SealContext nowhere = Where();
  nowhere.id = StateId();
  CheckCode(Code::kInvalidArgument, kms.Seal(nowhere, InfoOf(kSmall), kSmall));
  nowhere = Where();
  nowhere.store_id = "short";
  CheckCode(Code::kInvalidArgument, kms.Seal(nowhere, InfoOf(kSmall), kSmall));
}

inline void CheckIsOk(Kms& kms) {
  const Status status = kms.Check();
  STRCMP_EQUAL("", status.detail().c_str());
  CHECK(!kms.Name().empty());
}

inline void ThreadsDoNotMix(Kms& kms) {
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&kms, &good, t] {
      const std::string document = StateText(5000 + 1000 * t);
      for (int i = 0; i < 50; ++i) {
        const Result<Bytes> record =
            AskAgain([&] { return kms.Seal(Where(t), InfoOf(document), document); });
        if (!record.ok()) continue;
        const Result<Opened> opened = AskAgain([&] { return kms.Open(Where(t), *record); });
        if (opened.ok() && ByteView(opened->document) == ByteView(document)) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  LONGS_EQUAL(200, good.load());
}

}  // namespace kms_cases
}  // namespace stateward

#define KMS_CASES(X, G)           \
  X(G, RoundTripsOfAllSizes)      \
  X(G, RoundTripOf20Megabytes)    \
  X(G, CompressesStates)          \
  X(G, AllOfTheInfoComesBack)     \
  X(G, InfoOpensFromThePrefix)    \
  X(G, InfoMayFillThePrefix)      \
  X(G, OpensOnlyWhereItWasSealed) \
  X(G, NoTwoRecordsAreAlike)      \
  X(G, DamageIsCorruption)        \
  X(G, ForeignBytesAreCorruption) \
  X(G, RecordIsNoLegacyBlob)      \
  X(G, WrongArgumentsAreRefused)  \
  X(G, CheckIsOk)                 \
  X(G, ThreadsDoNotMix)
#define KMS_TEST_(G, name) \
  TEST(G, name) { ::stateward::kms_cases::name(*kms); }
#define KMS_CONFORMS(G) KMS_CASES(KMS_TEST_, G)

#endif  // STATEWARD_TESTS_CONFORMANCE_KMS_CASES_H_
