// SHA-256, HMAC with it, and, for the clients' Content-MD5 alone, MD5.
#ifndef STATEWARD_BASE_SHA256_H_
#define STATEWARD_BASE_SHA256_H_

#include <array>
#include <memory>
#include <string_view>

#include "stateward/bytes.h"
#include "stateward/state.h"

namespace stateward {

Sha256Digest Sha256(ByteView bytes);
// RFC 2104.
Sha256Digest HmacSha256(ByteView key, ByteView text);
// HKDF (RFC 5869) with SHA-256, an empty salt, and 32 bytes of output: a key for one purpose from a
// secret that has others.
SecretBytes HkdfSha256(ByteView secret, std::string_view info);
// A checksum of the transport, never a proof of anything else.
std::array<uint8_t, 16> Md5(ByteView bytes);

// For what comes in pieces. Used by one thread.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void Update(ByteView bytes);
  // REQUIRES: called once, last.
  Sha256Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stateward

#endif  // STATEWARD_BASE_SHA256_H_
