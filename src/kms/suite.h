// The primitives of the sealed format's suite 1: HKDF-SHA512 and AES-256-GCM, from OpenSSL 3.
// docs/formats.md, "Envelope".
#ifndef STATEWARD_KMS_SUITE_H_
#define STATEWARD_KMS_SUITE_H_

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "kms/zstd_pool.h"
#include "stateward/bytes.h"
#include "stateward/result.h"

namespace stateward {

constexpr size_t kKeyBytes = 32;    // AES-256
constexpr size_t kTagBytes = 16;    // the whole tag of GCM
constexpr size_t kNonceBytes = 12;  // GCM's own length
constexpr size_t kKeyIdBytes = 16;
constexpr size_t kMessageIdBytes = 32;
constexpr size_t kCommitmentBytes = 32;

using KeyId = std::array<uint8_t, kKeyIdBytes>;
using MessageId = std::array<uint8_t, kMessageIdBytes>;
using Commitment = std::array<uint8_t, kCommitmentBytes>;
using Nonce = std::array<uint8_t, kNonceBytes>;

struct FreeOpenSsl {
  void operator()(EVP_CIPHER* p) const { EVP_CIPHER_free(p); }
  void operator()(EVP_CIPHER_CTX* p) const { EVP_CIPHER_CTX_free(p); }
};

// AES-256-GCM under one key, in one direction. For one message; not synchronised.
class Gcm {
 public:
  // plain.size() + kTagBytes bytes go to `out`, which does not overlap. kInternal: OpenSSL failed.
  Status Seal(const Nonce& nonce, ByteView aad, ByteView plain, uint8_t* out);
  // sealed.size() - kTagBytes bytes go to `out`. kCorruption: the tag does not fit; then `out`
  // holds bytes that must not be used. REQUIRES: sealed.size() >= kTagBytes
  Status Open(const Nonce& nonce, ByteView aad, ByteView sealed, uint8_t* out);

 private:
  friend class Suite;
  explicit Gcm(std::unique_ptr<EVP_CIPHER_CTX, FreeOpenSsl> ctx) : ctx_(std::move(ctx)) {}
  bool Start(const Nonce& nonce, ByteView aad, bool seal);
  std::unique_ptr<EVP_CIPHER_CTX, FreeOpenSsl> ctx_;  // OpenSSL wipes the key in it when freed
};

// What one message's key makes.
struct MessageSecrets {
  SecretBytes key;  // kKeyBytes, for Gcm
  Commitment commitment{};
};

// The algorithms, looked up once (a look-up costs more than sealing a small state).
// Thread-safe; shared by all threads.
class Suite {
 public:
  // kInternal: this libcrypto lacks one of them.
  static Result<std::shared_ptr<const Suite>> Load();

  MessageSecrets Derive(ByteView input_key, const MessageId& message) const;
  // Names a key without giving it away.
  KeyId IdOf(ByteView key) const;

  // REQUIRES: key.size() == kKeyBytes
  Result<Gcm> Sealer(ByteView key) const { return NewGcm(key, 1); }
  Result<Gcm> Opener(ByteView key) const { return NewGcm(key, 0); }

  ZstdPool<ZSTD_CCtx>& compressors() const { return compressors_; }
  ZstdPool<ZSTD_DCtx>& decompressors() const { return decompressors_; }

  // HKDF (RFC 5869) with SHA-512. An empty salt is one of zeros. Expand gives at most 64 bytes.
  SecretBytes Extract(ByteView salt, ByteView input_key) const;
  Result<SecretBytes> Expand(ByteView prk, std::string_view info, size_t n) const;

 private:
  Suite() = default;
  Result<Gcm> NewGcm(ByteView key, int encrypt) const;

  std::unique_ptr<EVP_CIPHER, FreeOpenSsl> gcm_;
  mutable ZstdPool<ZSTD_CCtx> compressors_;
  mutable ZstdPool<ZSTD_DCtx> decompressors_;
};

}  // namespace stateward

#endif  // STATEWARD_KMS_SUITE_H_
