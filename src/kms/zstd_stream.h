// zstd over buffers of the caller, so that no second copy of a document is made. Not synchronised:
// one per message.
#ifndef STATEWARD_KMS_ZSTD_STREAM_H_
#define STATEWARD_KMS_ZSTD_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "kms/zstd_pool.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

using Compressors = ZstdPool<ZSTD_CCtx>;
using Decompressors = ZstdPool<ZSTD_DCtx>;

// One document into one frame that tells its size, at zstd's fastest plain level.
class ZstdCompressor {
 public:
  // The document must outlive this object. `room`: of the first piece. kInternal: the library
  // failed (no memory).
  static Result<ZstdCompressor> Start(Compressors& pool, ByteView document, size_t room);
  // The most that a document of n bytes becomes.
  static size_t Bound(size_t n);

  // Fills `out` from its start; returns how many bytes. Less than n, or finished(): it was the
  // last piece.
  Result<size_t> Next(uint8_t* out, size_t n);
  bool finished() const { return finished_; }
  // Whether what was compressed so far became smaller by a sixteenth at least.
  bool Pays() const;

 private:
  ZstdCompressor(Compressors::Lease ctx, ByteView document)
      : ctx_(std::move(ctx)), document_(document) {}
  Compressors::Lease ctx_;
  ByteView document_;
  size_t consumed_ = 0;
  size_t given_ = 0;
  bool finished_ = false;
};

// One frame, piece by piece, into a place of exactly the document's size.
class ZstdDecompressor {
 public:
  static Result<ZstdDecompressor> Start(Decompressors& pool, uint8_t* out, size_t size);
  // kCorruption: not zstd, or more than one frame, or more than `size` bytes.
  Status Add(ByteView piece);
  // kCorruption: the frame did not end, or gave less than `size` bytes.
  Status Finish() const;

 private:
  ZstdDecompressor(Decompressors::Lease ctx, uint8_t* out, size_t size)
      : ctx_(std::move(ctx)), out_(out), size_(size) {}
  Decompressors::Lease ctx_;
  uint8_t* out_;
  size_t size_;
  size_t produced_ = 0;
  bool started_ = false;
  bool finished_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_ZSTD_STREAM_H_
