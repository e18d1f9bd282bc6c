// What a reader of the sealed format must notice.
#include "kms/envelope.h"

#include <CppUTest/TestHarness.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "base/hex.h"
#include "base/sha256.h"
#include "conformance/kms_cases.h"
#include "kms/chunks.h"
#include "kms/sealed_info.h"

namespace stateward {
namespace {

using kms_cases::InfoOf;
using kms_cases::Noise;
using kms_cases::StateText;
using kms_cases::Where;

constexpr uint8_t kSmallChunks = 12;

}  // namespace

TEST_GROUP(Envelope) {
  std::shared_ptr<const Suite> suite = *Suite::Load();
  MessageKey key;
  void setup() override {
    key.key.assign(kKeyBytes, 0x5a);
    key.id = suite->IdOf(key.key);
  }

  Bytes Seal(ByteView document, uint8_t chunk_log2 = kChunkLog2) {
    MessageId message{};
    message[0] = 1;
    Result<Bytes> record =
        SealEnvelope(*suite, key, message, Where(), InfoOf(document), document, chunk_log2);
    if (!record.ok()) FAIL(record.status().detail().c_str());
    return *std::move(record);
  }

  // As a key source would: the id must be the known one.
  Result<Opened> Open(ByteView record) {
    Result<Header> header = ParseHeader(record);
    if (!header.ok()) return header.status();
    if (header->key_id != key.id || !header->wrapped.empty()) return UnknownKey(header->key_id);
    return OpenEnvelope(*suite, key.key, *header, Where(), record);
  }

  void CheckRefused(ByteView record) {
    Result<Opened> opened = Open(record);
    CHECK_FALSE(opened.ok());
    CHECK(opened.status().code() == Code::kCorruption);
  }
  // When what names the key or the format is damaged, it is of none that is known.
  void CheckBitRefused(const Bytes& record, size_t at) {
    Result<Opened> opened = Open(record);
    CHECK_FALSE(opened.ok());
    const bool unknown = at == 4 || (at >= 8 && at < 24);
    const bool wrapped_size = at >= kFixedHeader - 2 && at < kFixedHeader;
    if (wrapped_size) {
      CHECK(opened.status().unreadable());
    } else {
      CHECK(opened.status().code() == (unknown ? Code::kUnknownKey : Code::kCorruption));
    }
  }

  void CheckEveryBit(Bytes record) {
    CHECK(Open(record).ok());
    for (size_t bit = 0; bit < record.size() * 8; ++bit) {
      const auto mask = static_cast<uint8_t>(1U << bit % 8);
      record[bit / 8] = static_cast<uint8_t>(record[bit / 8] ^ mask);
      CheckBitRefused(record, bit / 8);
      record[bit / 8] = static_cast<uint8_t>(record[bit / 8] ^ mask);
    }
    CHECK(Open(record).ok());
  }

  void CheckEveryLength(const Bytes& record) {
    for (size_t n = 0; n < record.size(); ++n) CheckRefused({record.data(), n});
    Bytes longer = record;
    for (int i = 0; i < 40; ++i) {
      longer.push_back(0);
      CheckRefused(longer);
    }
  }
};

TEST(Envelope, EveryBitOfA2KibStateCounts) {
  const Bytes record = Seal(Noise(2048));
  CHECK(record.size() * 8 >= 16384);
  CheckEveryBit(record);
}

TEST(Envelope, EveryBitOfACompressedStateCounts) { CheckEveryBit(Seal(StateText(2048))); }

TEST(Envelope, EveryBitOfAnEmptyDocumentsRecordCounts) { CheckEveryBit(Seal({})); }

TEST(Envelope, EveryLengthButTheRightOneIsRefused) {
  CheckEveryLength(Seal(Noise(2048)));
  CheckEveryLength(Seal(StateText(2048)));
  CheckEveryLength(Seal({}));
  CheckEveryLength(Seal(Noise(2 * 4096), kSmallChunks));
}

TEST(Envelope, ChunksCannotBeMovedDroppedOrRepeated) {
  const Bytes record = Seal(Noise(3 * 4096), kSmallChunks);
  const size_t full = 4096 + kTagBytes;
  const size_t body = record.size() - 3 * full;
  const auto at = [&](size_t chunk) { return static_cast<ptrdiff_t>(body + chunk * full); };
  Bytes swapped = record;
  std::swap_ranges(swapped.begin() + at(0), swapped.begin() + at(1), swapped.begin() + at(1));
  CheckRefused(swapped);
  Bytes dropped = record;
  dropped.erase(dropped.begin() + at(1), dropped.begin() + at(2));
  CheckRefused(dropped);
  Bytes cut(record.begin(), record.begin() + at(2));
  CheckRefused(cut);
  Bytes repeated = record;
  repeated.insert(repeated.end(), record.begin() + at(1), record.begin() + at(2));
  CheckRefused(repeated);
}

TEST(Envelope, ChunksOfAnotherRecordDoNotFit) {
  Bytes one = Seal(Noise(2048));
  MessageId message{};
  message[0] = 2;
  const std::string document = Noise(2048);
  const Bytes two = *SealEnvelope(*suite, key, message, Where(), InfoOf(document), document);
  CHECK(one.size() == two.size());
  const auto body = static_cast<ptrdiff_t>(one.size() - 2048 - kTagBytes);
  std::copy(two.begin() + body, two.end(), one.begin() + body);
  CheckRefused(one);
}

TEST(Envelope, RandomMutationsAreRefused) {
  std::mt19937 random(20240229);  // always the same run
  const Bytes record = Seal(StateText(500));
  for (int i = 0; i < 20000; ++i) {
    Bytes mutated = record;
    const size_t changes = 1 + random() % 4;
    for (size_t j = 0; j < changes; ++j) {
      // The header is where lengths are, so it gets half of them.
      const size_t range = random() % 2 == 0 ? kFixedHeader : mutated.size();
      mutated[random() % range] = static_cast<uint8_t>(random());
    }
    if (random() % 4 == 0) mutated.resize(random() % (2 * mutated.size()));
    if (mutated == record) continue;
    CHECK(Open(mutated).status().unreadable());
  }
}

TEST(Envelope, AnotherKeyOfTheSameIdIsRefusedByTheCommitment) {
  const Bytes record = Seal(Noise(100));
  key.key.assign(kKeyBytes, 0x5b);  // keeps the id
  Result<Opened> opened = Open(record);
  CHECK_FALSE(opened.ok());
  STRCMP_CONTAINS("another key than it names", opened.status().detail().c_str());
}

TEST(Envelope, AWrappedKeyComesBackAndIsAuthenticated) {
  key.wrapped.assign(kMaxWrapped, 'w');
  const std::string document = Noise(50);
  SealedInfo info = InfoOf(document);
  info.version.lock_id = std::string(kMaxInfo - 400, 'x');  // all limits at once
  const Bytes record = *SealEnvelope(*suite, key, MessageId{}, Where(), info, document);
  Result<Header> header = ParseHeader(record);
  CHECK(header.ok());
  CHECK(header->wrapped == key.wrapped);
  CHECK(OpenEnvelope(*suite, key.key, *header, Where(), record).ok());
  CHECK(
      OpenEnvelopeInfo(*suite, key.key, *header, Where(), {record.data(), Kms::kInfoPrefix}).ok());
  Bytes damaged = record;
  damaged[kFixedHeader + 7] = 'W';
  header = ParseHeader(damaged);
  CHECK_FALSE(OpenEnvelope(*suite, key.key, *header, Where(), damaged).ok());
}

TEST(Envelope, HeadersOutOfBoundsAreRefused) {
  const Bytes record = Seal(Noise(100));
  const auto refused = [&record](size_t at, uint8_t value) {
    Bytes changed = record;
    changed[at] = value;
    return ParseHeader(changed).status().detail();
  };
  STRCMP_CONTAINS("format version 2 is unknown", refused(4, 2).c_str());
  STRCMP_CONTAINS("suite 9 is unknown", refused(5, 9).c_str());
  STRCMP_CONTAINS("unknown flag", refused(6, 2).c_str());
  STRCMP_CONTAINS("chunk size", refused(7, kMinChunkLog2 - 1).c_str());
  STRCMP_CONTAINS("chunk size", refused(7, kMaxChunkLog2 + 1).c_str());
  STRCMP_CONTAINS("chunk size", refused(7, 255).c_str());
  STRCMP_CONTAINS("info is too long", refused(88, 0xff).c_str());
  STRCMP_CONTAINS("wrapped key is too long", refused(90, 0xff).c_str());
  STRCMP_CONTAINS("truncated in the wrapped key", refused(90, 0x0f).c_str());
}

TEST(Envelope, BodiesThatNoSealerMakesAreRefused) {
  const size_t chunk = 4096;
  const size_t full = chunk + kTagBytes;
  for (size_t bytes : {size_t{0}, size_t{15}, full + 1, full + 15, full + 16}) {
    CHECK_FALSE(LayOutBody(bytes, chunk).ok());
  }
  LONGS_EQUAL(1, LayOutBody(16, chunk)->chunks);
  LONGS_EQUAL(0, LayOutBody(16, chunk)->plain);
  LONGS_EQUAL(1, LayOutBody(full, chunk)->chunks);
  LONGS_EQUAL(2, LayOutBody(full + 17, chunk)->chunks);
  LONGS_EQUAL(chunk + 1, LayOutBody(full + 17, chunk)->plain);
}

TEST(Envelope, SizesThatLieAreRefused) {
  // Sealed by somebody who has the key, with a size that the document has not.
  for (bool zstd : {false, true}) {
    for (uint64_t size : {uint64_t{0}, uint64_t{1999}, uint64_t{2001}, kMaxDocument + 1}) {
      const std::string document = zstd ? StateText(2000) : Noise(2000);
      SealedInfo info = InfoOf(document);
      const SecretBytes honest = *EncodeSealedInfo(info);
      info.version.size = size;
      const SecretBytes lie = *EncodeSealedInfo(info);
      LONGS_EQUAL(honest.size(), lie.size());
      Bytes record = Seal(document);
      const Header header = *ParseHeader(record);
      ChunkSealer chunks(*suite->Sealer(suite->Derive(key.key, header.message_id).key),
                         *AssociatedData(header, Where()), &record);
      CHECK(chunks.Add(lie, false).ok());  // chunk 0 once more, at the end
      const auto sealed = record.end() - static_cast<ptrdiff_t>(lie.size() + kTagBytes);
      std::copy(sealed, record.end(), record.begin() + kFixedHeader);
      record.erase(sealed, record.end());
      CheckRefused(record);
      CHECK(OpenEnvelopeInfo(*suite, key.key, header, Where(), record).ok());
    }
  }
}

TEST(Envelope, LegacyAndSealedFormsAreNeverTakenForEachOther) {
  for (const char* id : {"3db09e98ba51cd0e852cb5f389ff1e79edcdd1be4cac1eeee9d70a9b226b467f",
                         "0d2cf0a51cfa39a34c78c9873dc448eb38d3931ad5b349ba21863b0715d85a2d"}) {
    std::ifstream file("tests/data/seed/fs/" + std::string(id) + ".tfstate", std::ios::binary);
    const std::string blob((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    CHECK(blob.size() > 100);
    CheckRefused(std::string_view(blob));
  }
}

}  // namespace stateward
