// What stands in clear in front of a sealed record. docs/formats.md, "Envelope".
#ifndef STATEWARD_KMS_HEADER_H_
#define STATEWARD_KMS_HEADER_H_

#include <cstddef>
#include <cstdint>

#include "kms/suite.h"
#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/result.h"

namespace stateward {

constexpr size_t kFixedHeader = 92;
// A data key wrapped by RSA-4096 in base64 takes 700 bytes; there is room for what comes.
constexpr size_t kMaxWrapped = 4096;
// Names, lineage and lock texts: a client's longest operation and lock ID fit many times.
constexpr size_t kMaxInfo = 8192;
static_assert(kFixedHeader + kMaxWrapped + kMaxInfo + kTagBytes <= Kms::kInfoPrefix,
              "the prefix must be enough to open what lies in front");

// Below 4 KiB tags and set-up cost more than they give; above 16 MiB a chunk is no small buffer.
constexpr uint8_t kMinChunkLog2 = 12;
constexpr uint8_t kMaxChunkLog2 = 24;

struct Header {
  uint8_t format = 1;      // of the store when it was sealed
  bool zstd = false;       // the document is one zstd frame
  uint8_t chunk_log2 = 0;  // bytes of a chunk of plaintext, the last excepted
  KeyId key_id{};
  MessageId message_id{};
  Commitment commitment{};
  uint16_t info_size = 0;  // of the sealed info, without its tag
  Bytes wrapped;           // "" unless a key service wrapped the key

  size_t size() const { return kFixedHeader + wrapped.size(); }
  size_t chunk_bytes() const { return size_t{1} << chunk_log2; }
};

// The bytes that EncodeHeader gives are the first header.size() of the record.
// REQUIRES: wrapped.size() <= kMaxWrapped
Bytes EncodeHeader(const Header& header);

// Reads it from a record, or the first bytes of one. kUnknownKey: of a format that a newer build
// wrote. kCorruption: truncated, or not one.
// What it returns is not authenticated yet.
Result<Header> ParseHeader(ByteView record);

}  // namespace stateward

#endif  // STATEWARD_KMS_HEADER_H_
