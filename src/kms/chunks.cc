#include "kms/chunks.h"

#include <string>

#include "base/big_endian.h"
#include "base/hex.h"

namespace stateward {
namespace {

constexpr size_t kStoreIdBytes = 16;
constexpr size_t kStateIdBytes = 32;
// The counter has 32 bits in the nonce.
constexpr uint64_t kMaxChunks = uint64_t{1} << 32;

// 7 zeros, the chunk's number (4 bytes), 1 for the last chunk of the record. The key is the
// message's own, so numbers need not differ between messages.
Nonce NonceOf(uint64_t counter, bool last) {
  Nonce nonce{};
  for (size_t i = 0; i < 4; ++i) nonce[7 + i] = static_cast<uint8_t>(counter >> (24 - 8 * i));
  nonce[11] = last ? 1 : 0;
  return nonce;
}

bool AppendHex(const std::string& hex, size_t bytes, Bytes* out) {
  const size_t before = out->size();
  out->resize(before + bytes);
  return hex.size() == 2 * bytes && HexDecode(hex, out->data() + before, bytes);
}

}  // namespace

Status ChunkSealer::Add(ByteView plain, bool last) {
  if (counter_ >= kMaxChunks) return Status::Internal("more chunks than the counter can count");
  const size_t before = out_->size();
  out_->resize(before + plain.size() + kTagBytes);
  return gcm_.Seal(NonceOf(counter_++, last), aad_, plain, out_->data() + before);
}

Status ChunkOpener::Next(ByteView sealed, bool last, uint8_t* out) {
  if (counter_ >= kMaxChunks) return Status::Corruption("more chunks than the counter can count");
  return gcm_.Open(NonceOf(counter_++, last), aad_, sealed, out);
}

Result<Bytes> AssociatedData(const Header& header, const SealContext& where) {
  Bytes aad = EncodeHeader(header);
  aad.reserve(aad.size() + kStoreIdBytes + kStateIdBytes + 8);
  if (!AppendHex(where.store_id, kStoreIdBytes, &aad)) {
    return Status::InvalidArgument("a store id has 32 hex digits");
  }
  if (!AppendHex(where.id.hex(), kStateIdBytes, &aad)) {
    return Status::InvalidArgument("a state id has 64 hex digits");
  }
  PutBigEndian(where.n, 8, &aad);
  return aad;
}

Result<BodyLayout> LayOutBody(uint64_t body_bytes, size_t chunk_bytes) {
  const uint64_t full = chunk_bytes + kTagBytes;
  BodyLayout layout;
  layout.chunks = body_bytes / full;
  const uint64_t rest = body_bytes % full;
  // The last chunk may be short, but is empty only when it is the only one.
  if (rest != 0) ++layout.chunks;
  const bool short_tag = rest != 0 && rest < kTagBytes;
  const bool empty_last = rest == kTagBytes && layout.chunks > 1;
  if (layout.chunks == 0 || short_tag || empty_last) {
    return Status::Corruption("sealed record: truncated in the document");
  }
  layout.plain = body_bytes - layout.chunks * kTagBytes;
  return layout;
}

}  // namespace stateward
