// zstd over buffers of the caller, so that no second copy of a document is made. What the library
// holds inside is wiped when it is freed. Not synchronised: one per message.
#ifndef STATEWARD_KMS_ZSTD_STREAM_H_
#define STATEWARD_KMS_ZSTD_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "stateward/bytes.h"
#include "stateward/result.h"

using ZSTD_CCtx = struct ZSTD_CCtx_s;
using ZSTD_DCtx = struct ZSTD_DCtx_s;

namespace stateward {

struct FreeZstd {
  void operator()(ZSTD_CCtx* p) const;
  void operator()(ZSTD_DCtx* p) const;
};

// One document into one frame that tells its size, at zstd's fastest plain level.
class ZstdCompressor {
 public:
  // The document must outlive this object. kInternal: the library failed (no memory).
  static Result<ZstdCompressor> Start(ByteView document);
  // The most that a document of n bytes becomes.
  static size_t Bound(size_t n);

  // Fills `out` from its start; returns how many bytes. Less than n, or finished(): it was the
  // last piece.
  Result<size_t> Next(uint8_t* out, size_t n);
  bool finished() const { return finished_; }
  // Whether what was compressed so far became smaller by a sixteenth at least.
  bool Pays() const;

 private:
  ZstdCompressor(std::unique_ptr<ZSTD_CCtx, FreeZstd> ctx, ByteView document)
      : ctx_(std::move(ctx)), document_(document) {}
  std::unique_ptr<ZSTD_CCtx, FreeZstd> ctx_;
  ByteView document_;
  size_t consumed_ = 0;
  size_t given_ = 0;
  bool finished_ = false;
};

// One frame, piece by piece, into a place of exactly the document's size.
class ZstdDecompressor {
 public:
  static Result<ZstdDecompressor> Start(uint8_t* out, size_t size);
  // kCorruption: not zstd, or more than one frame, or more than `size` bytes.
  Status Add(ByteView piece);
  // kCorruption: the frame did not end, or gave less than `size` bytes.
  Status Finish() const;

 private:
  ZstdDecompressor(std::unique_ptr<ZSTD_DCtx, FreeZstd> ctx, uint8_t* out, size_t size)
      : ctx_(std::move(ctx)), out_(out), size_(size) {}
  std::unique_ptr<ZSTD_DCtx, FreeZstd> ctx_;
  uint8_t* out_;
  size_t size_;
  size_t produced_ = 0;
  bool finished_ = false;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_ZSTD_STREAM_H_
