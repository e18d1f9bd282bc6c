// The chunks of one record: chunk 0 is the sealed info, the others are the document's. Each is
// sealed under its number and whether it is the last, so none can be cut off, added or moved.
#ifndef STATEWARD_KMS_CHUNKS_H_
#define STATEWARD_KMS_CHUNKS_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "kms/header.h"
#include "kms/suite.h"
#include "stateward/bytes.h"
#include "stateward/kms.h"
#include "stateward/result.h"

namespace stateward {

// Appends sealed chunks to a record. For one message; not synchronised.
class ChunkSealer {
 public:
  // `out` must outlive this object and have room: growing copies what is there.
  ChunkSealer(Gcm gcm, Bytes aad, Bytes* out)
      : gcm_(std::move(gcm)), aad_(std::move(aad)), out_(out) {}
  Status Add(ByteView plain, bool last);

 private:
  Gcm gcm_;
  Bytes aad_;
  Bytes* out_;
  uint64_t counter_ = 0;
};

// Opens the chunks in the order in which they were sealed.
class ChunkOpener {
 public:
  ChunkOpener(Gcm gcm, Bytes aad) : gcm_(std::move(gcm)), aad_(std::move(aad)) {}
  // sealed.size() - kTagBytes bytes go to `out`. REQUIRES: sealed.size() >= kTagBytes
  Status Next(ByteView sealed, bool last, uint8_t* out);

 private:
  Gcm gcm_;
  Bytes aad_;
  uint64_t counter_ = 0;
};

// What each chunk is bound to: the encoded header, store, state and version.
// kInvalidArgument: the store or state id is not one.
Result<Bytes> AssociatedData(const Header& header, const SealContext& where);

// How the document's part of a record falls into chunks.
struct BodyLayout {
  uint64_t chunks = 0;  // at least 1
  uint64_t plain = 0;   // bytes in all of them, without tags
};
// kCorruption: no such length can come from whole chunks.
Result<BodyLayout> LayOutBody(uint64_t body_bytes, size_t chunk_bytes);

}  // namespace stateward

#endif  // STATEWARD_KMS_CHUNKS_H_
