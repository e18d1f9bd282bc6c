#include "kms/header.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <string_view>

#include "base/big_endian.h"
#include "base/store_format.h"

namespace stateward {
namespace {

constexpr std::string_view kMagic = "STWD";
constexpr uint8_t kSuite = 1;
constexpr uint8_t kFlagZstd = 1;

// Where each field of the fixed part starts.
enum At : size_t {
  kAtFormat = 4,
  kAtSuite = 5,
  kAtFlags = 6,
  kAtChunk = 7,
  kAtKeyId = 8,
  kAtMessageId = kAtKeyId + kKeyIdBytes,
  kAtCommitment = kAtMessageId + kMessageIdBytes,
  kAtInfoSize = kAtCommitment + kCommitmentBytes,
  kAtWrappedSize = kAtInfoSize + 2,
  kAtWrapped = kAtWrappedSize + 2,
};
static_assert(kAtWrapped == kFixedHeader, "the table and the constant must agree");

Status NotReadable(const std::string& why) { return Status::Corruption("sealed record: " + why); }

template <typename Array>
void Append(const Array& from, Bytes* out) {
  out->insert(out->end(), from.begin(), from.end());
}

template <typename Array>
void Take(ByteView record, size_t at, Array* to) {
  std::copy_n(record.begin() + at, to->size(), to->begin());
}

}  // namespace

Bytes EncodeHeader(const Header& header) {
  assert(header.wrapped.size() <= kMaxWrapped);
  Bytes out;
  out.reserve(header.size());
  Append(kMagic, &out);
  out.push_back(header.format);
  out.push_back(kSuite);
  out.push_back(header.zstd ? kFlagZstd : 0);
  out.push_back(header.chunk_log2);
  Append(header.key_id, &out);
  Append(header.message_id, &out);
  Append(header.commitment, &out);
  PutBigEndian(header.info_size, 2, &out);
  PutBigEndian(header.wrapped.size(), 2, &out);
  Append(header.wrapped, &out);
  return out;
}

Result<Header> ParseHeader(ByteView record) {
  if (record.size() < kMagic.size() || record.Sub(0, kMagic.size()) != ByteView(kMagic)) {
    return NotReadable("does not start with STWD");
  }
  if (record.size() < kFixedHeader) return NotReadable("truncated in the header");
  const uint8_t format = record[kAtFormat];
  if (format == 0 || format > NewestStoreFormat()) {
    // Another host may read it: nothing here may take its place.
    return Status::UnknownKey("sealed record: format version " + std::to_string(format) +
                              " is unknown");
  }
  if (record[kAtSuite] != kSuite) {
    return NotReadable("suite " + std::to_string(record[kAtSuite]) + " is unknown");
  }
  if ((record[kAtFlags] & ~kFlagZstd) != 0) return NotReadable("an unknown flag is set");
  Header header;
  header.format = format;
  header.zstd = (record[kAtFlags] & kFlagZstd) != 0;
  header.chunk_log2 = record[kAtChunk];
  if (header.chunk_log2 < kMinChunkLog2 || header.chunk_log2 > kMaxChunkLog2) {
    return NotReadable("the chunk size is out of bounds");
  }
  Take(record, kAtKeyId, &header.key_id);
  Take(record, kAtMessageId, &header.message_id);
  Take(record, kAtCommitment, &header.commitment);
  header.info_size = static_cast<uint16_t>(GetBigEndian(record.Sub(kAtInfoSize, 2)));
  if (header.info_size > kMaxInfo) return NotReadable("the sealed info is too long");
  const size_t wrapped = GetBigEndian(record.Sub(kAtWrappedSize, 2));
  if (wrapped > kMaxWrapped) return NotReadable("the wrapped key is too long");
  if (record.size() - kFixedHeader < wrapped) return NotReadable("truncated in the wrapped key");
  header.wrapped.assign(record.begin() + kFixedHeader, record.begin() + kFixedHeader + wrapped);
  return header;
}

}  // namespace stateward
