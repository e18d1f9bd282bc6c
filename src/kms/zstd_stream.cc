// Progress and stable buffers stand in zstd's "static only" part; the shared library has them.
#define ZSTD_STATIC_LINKING_ONLY
#include "kms/zstd_stream.h"

#include <zstd.h>

#include <array>
#include <string>

namespace stateward {
namespace {

// Level 1: states are text that shrinks to a tenth with any level, and writing should cost little.
constexpr int kLevel = 1;
// 8 MiB, what RFC 8878 asks of every reader: bounds the memory that a frame can claim.
constexpr int kWindowLogMax = 23;
constexpr std::array<uint8_t, 4> kMagic = {0x28, 0xb5, 0x2f, 0xfd};

Status NoContext() { return Status::Internal("zstd: no memory for a context"); }
Status Broken(const std::string& why) { return Status::Corruption("compressed document: " + why); }

}  // namespace

size_t ZstdCompressor::Bound(size_t n) { return ZSTD_compressBound(n); }

Result<ZstdCompressor> ZstdCompressor::Start(Compressors& pool, ByteView document, size_t room) {
  Compressors::Lease ctx = pool.Get();
  // The document stays where it is, and so does a piece that surely holds all of it: the library
  // then needs no copies of its own, which would be made, and wiped, for each document.
  const int one_piece = room >= Bound(document.size()) ? 1 : 0;
  if (ctx == nullptr ||
      ZSTD_isError(ZSTD_CCtx_setParameter(ctx->context, ZSTD_c_compressionLevel, kLevel)) != 0 ||
      ZSTD_isError(ZSTD_CCtx_setParameter(ctx->context, ZSTD_c_stableInBuffer, 1)) != 0 ||
      ZSTD_isError(ZSTD_CCtx_setParameter(ctx->context, ZSTD_c_stableOutBuffer, one_piece)) != 0 ||
      ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(ctx->context, document.size())) != 0) {
    return NoContext();
  }
  return ZstdCompressor(std::move(ctx), document);
}

Result<size_t> ZstdCompressor::Next(uint8_t* out, size_t n) {
  ZSTD_inBuffer in = {document_.data(), document_.size(), consumed_};
  ZSTD_outBuffer to = {out, n, 0};
  while (!finished_ && to.pos < to.size) {
    const size_t left = ZSTD_compressStream2(ctx_->context, &to, &in, ZSTD_e_end);
    if (ZSTD_isError(left) != 0) {
      return Status::Internal(std::string("zstd: ") + ZSTD_getErrorName(left));
    }
    finished_ = left == 0;
  }
  consumed_ = in.pos;
  given_ += to.pos;
  return to.pos;
}

bool ZstdCompressor::Pays() const {
  uint64_t in = consumed_;
  uint64_t out = given_;
  if (!finished_) {  // some of both waits within the library
    const ZSTD_frameProgression progress = ZSTD_getFrameProgression(ctx_->context);
    in = progress.consumed;
    out = progress.produced;
  }
  return out <= in - in / 16;
}

Result<ZstdDecompressor> ZstdDecompressor::Start(Decompressors& pool, uint8_t* out, size_t size) {
  Decompressors::Lease ctx = pool.Get();
  if (ctx == nullptr ||
      ZSTD_isError(ZSTD_DCtx_setParameter(ctx->context, ZSTD_d_windowLogMax, kWindowLogMax)) != 0 ||
      // All pieces go to one place, so the library need not keep a copy of the window.
      ZSTD_isError(ZSTD_DCtx_setParameter(ctx->context, ZSTD_d_stableOutBuffer, 1)) != 0) {
    return NoContext();
  }
  return ZstdDecompressor(std::move(ctx), out, size);
}

Status ZstdDecompressor::Add(ByteView piece) {
  // The library would also read frames of zstd's drafts, and skip those that hold no text.
  if (!started_ &&
      (piece.size() < kMagic.size() || piece.Sub(0, kMagic.size()) != ByteView(kMagic))) {
    return Broken("not a zstd frame");
  }
  started_ = true;
  ZSTD_inBuffer in = {piece.data(), piece.size(), 0};
  ZSTD_outBuffer to = {out_, size_, produced_};
  while (in.pos < in.size) {
    if (finished_) return Broken("more than one frame");
    const size_t in_before = in.pos;
    const size_t out_before = to.pos;
    const size_t left = ZSTD_decompressStream(ctx_->context, &to, &in);
    if (ZSTD_isError(left) != 0) return Broken(ZSTD_getErrorName(left));
    finished_ = left == 0;
    if (in.pos == in_before && to.pos == out_before) return Broken("longer than it says");
  }
  produced_ = to.pos;
  return Status();
}

Status ZstdDecompressor::Finish() const {
  if (!finished_) return Broken("the frame does not end");
  if (produced_ != size_) return Broken("shorter than it says");
  return Status();
}

}  // namespace stateward
