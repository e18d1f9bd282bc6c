#include "base/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <string>

namespace stateward {

// Freed through OpenSSL, which wipes the state.
struct Sha256Stream::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  &EVP_MD_CTX_free};
};

Sha256Digest Sha256(ByteView bytes) {
  Sha256Digest digest;
  SHA256(bytes.data(), bytes.size(), digest.data());
  return digest;
}

Sha256Digest HmacSha256(ByteView key, ByteView text) {
  Sha256Digest digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), text.data(), text.size(),
       digest.data(), &size);
  return digest;
}

SecretBytes HkdfSha256(ByteView secret, std::string_view info) {
  const Sha256Digest prk = HmacSha256(ByteView(), secret);  // an empty key is one of zeros
  std::string block(info);
  block.push_back(1);
  const Sha256Digest out = HmacSha256(prk, block);
  return {out.begin(), out.end()};
}

std::array<uint8_t, 16> Md5(ByteView bytes) {
  std::array<uint8_t, 16> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr);
  return digest;
}

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr);
}
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Update(ByteView bytes) {
  EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size());
}

Sha256Digest Sha256Stream::Finish() {
  Sha256Digest digest;
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size);
  return digest;
}

}  // namespace stateward
