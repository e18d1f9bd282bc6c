// OpenSSL 3 calls these functions deprecated and has them all the same. What it offers instead
// looks up its implementation and allocates for each digest: that costs five times the digest of a
// hundred bytes, and a request makes a dozen of them.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

#include <new>
#include <string>

namespace stateward {
namespace {

template <typename Context, size_t n>
Context* As(std::array<uint8_t, n>* state) {
  static_assert(sizeof(Context) == n && alignof(Context) <= 8, "the state has room");
  return reinterpret_cast<Context*>(state->data());
}

}  // namespace

Sha256Digest Sha256(ByteView bytes) {
  Sha256Stream stream;
  stream.Update(bytes);
  return stream.Finish();
}

Sha256Digest HmacSha256(ByteView key, ByteView text) {
  HmacStream<Sha256Stream> hmac(key);
  hmac.Update(text);
  return hmac.Finish();
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
  MD5_CTX context;
  MD5_Init(&context);
  MD5_Update(&context, bytes.data(), bytes.size());
  MD5_Final(digest.data(), &context);
  WipeMemory(&context, sizeof context);
  return digest;
}

Sha256Stream::Sha256Stream() { SHA256_Init(new (As<SHA256_CTX>(&state_)) SHA256_CTX); }
Sha256Stream::~Sha256Stream() { WipeMemory(state_.data(), state_.size()); }

void Sha256Stream::Update(ByteView bytes) {
  SHA256_Update(As<SHA256_CTX>(&state_), bytes.data(), bytes.size());
}

Sha256Digest Sha256Stream::Finish() {
  Sha256Digest digest;
  SHA256_Final(digest.data(), As<SHA256_CTX>(&state_));
  return digest;
}

Sha512Stream::Sha512Stream() { SHA512_Init(new (As<SHA512_CTX>(&state_)) SHA512_CTX); }
Sha512Stream::~Sha512Stream() { WipeMemory(state_.data(), state_.size()); }

void Sha512Stream::Update(ByteView bytes) {
  SHA512_Update(As<SHA512_CTX>(&state_), bytes.data(), bytes.size());
}

Sha512Digest Sha512Stream::Finish() {
  Sha512Digest digest;
  SHA512_Final(digest.data(), As<SHA512_CTX>(&state_));
  return digest;
}

}  // namespace stateward
