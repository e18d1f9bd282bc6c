// Sealing and opening one record, given its key. docs/formats.md, "Envelope".
#ifndef STATEWARD_KMS_ENVELOPE_H_
#define STATEWARD_KMS_ENVELOPE_H_

#include <cstdint>

#include "kms/header.h"
#include "kms/key_source.h"
#include "kms/suite.h"
#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/result.h"

namespace stateward {

// 128 KiB: what fits a core's cache together with its output. A tag and a nonce cost 0.3 us, so
// larger chunks gain nothing (bench/seal.cc).
constexpr uint8_t kChunkLog2 = 17;
// Far above any MAX_STATE_BYTES, and below what 32 bits of chunks can count.
constexpr uint64_t kMaxDocument = uint64_t{1} << 32;

// One document becomes one record. `message` must be random and never used twice.
// kInvalidArgument: `where` is not a place, or the info is too long or gives another size than the
// document has. Memory: the output, and one chunk.
Result<Bytes> SealEnvelope(const Suite& suite, const MessageKey& key, const MessageId& message,
                           const SealContext& where, const SealedInfo& info, ByteView document,
                           uint8_t chunk_log2 = kChunkLog2);

// `header` is what ParseHeader gave for this record and `key` what its source gave for the header.
// All is verified before anything is returned. kCorruption as in Kms::Open.
Result<Opened> OpenEnvelope(const Suite& suite, ByteView key, const Header& header,
                            const SealContext& where, ByteView record);
// The same for what lies in front; the record may be cut after it.
Result<SealedInfo> OpenEnvelopeInfo(const Suite& suite, ByteView key, const Header& header,
                                    const SealContext& where, ByteView prefix);

}  // namespace stateward

#endif  // STATEWARD_KMS_ENVELOPE_H_
