// SHA-256, SHA-512, HMAC with them, and, for the clients' Content-MD5 alone, MD5.
#ifndef STATEWARD_BASE_SHA256_H_
#define STATEWARD_BASE_SHA256_H_

#include <array>
#include <cstring>
#include <string_view>

#include "stateward/bytes.h"
#include "stateward/state.h"

namespace stateward {

using Sha512Digest = std::array<uint8_t, 64>;

Sha256Digest Sha256(ByteView bytes);
// RFC 2104.
Sha256Digest HmacSha256(ByteView key, ByteView text);
// HKDF (RFC 5869) with SHA-256, an empty salt, and 32 bytes of output: a key for one purpose from a
// secret that has others.
SecretBytes HkdfSha256(ByteView secret, std::string_view info);
// A checksum of the transport, never a proof of anything else.
std::array<uint8_t, 16> Md5(ByteView bytes);

// For what comes in pieces. A copy goes on from where the original was. Used by one thread; what it
// has seen is wiped with it.
class Sha256Stream {
 public:
  using Digest = Sha256Digest;
  static constexpr size_t kBlock = 64;

  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = default;
  Sha256Stream& operator=(const Sha256Stream&) = default;

  void Update(ByteView bytes);
  // REQUIRES: called once, last.
  Digest Finish();

 private:
  alignas(8) std::array<uint8_t, 112> state_{};  // OpenSSL's SHA256_CTX
};

class Sha512Stream {
 public:
  using Digest = Sha512Digest;
  static constexpr size_t kBlock = 128;

  Sha512Stream();
  ~Sha512Stream();
  Sha512Stream(const Sha512Stream&) = default;
  Sha512Stream& operator=(const Sha512Stream&) = default;

  void Update(ByteView bytes);
  // REQUIRES: called once, last.
  Digest Finish();

 private:
  alignas(8) std::array<uint8_t, 216> state_{};  // OpenSSL's SHA512_CTX
};

// HMAC (RFC 2104). A copy made before the first Update is a key that is ready for one more text.
// Used by one thread; wiped.
template <typename Hash>
class HmacStream {
 public:
  explicit HmacStream(ByteView key) {
    std::array<uint8_t, Hash::kBlock> block{};
    if (key.size() > block.size()) {
      Hash long_key;
      long_key.Update(key);
      const typename Hash::Digest digest = long_key.Finish();
      std::memcpy(block.data(), digest.data(), digest.size());
    } else if (!key.empty()) {
      std::memcpy(block.data(), key.data(), key.size());
    }
    for (uint8_t& byte : block) byte ^= kInner;
    inner_.Update(block);
    for (uint8_t& byte : block) byte ^= kInner ^ kOuter;
    outer_.Update(block);
    WipeMemory(block.data(), block.size());
  }
  void Update(ByteView text) { inner_.Update(text); }
  // REQUIRES: called once, last.
  typename Hash::Digest Finish() {
    outer_.Update(inner_.Finish());
    return outer_.Finish();
  }

 private:
  static constexpr uint8_t kInner = 0x36;
  static constexpr uint8_t kOuter = 0x5c;
  Hash inner_;
  Hash outer_;
};

}  // namespace stateward

#endif  // STATEWARD_BASE_SHA256_H_
