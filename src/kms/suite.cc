#include "kms/suite.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <algorithm>
#include <cassert>
#include <climits>
#include <string>
#include <utility>

namespace stateward {
namespace {

constexpr size_t kSha512Bytes = 64;

Status Failed(const char* what) { return Status::Internal(std::string("libcrypto: ") + what); }

struct FreeMac {
  void operator()(EVP_MAC* p) const { EVP_MAC_free(p); }
};

}  // namespace

bool Gcm::Start(const Nonce& nonce, ByteView aad, bool seal) {
  int n = 0;
  assert(aad.size() <= INT_MAX);
  // The key and the direction are set already: only the nonce is new.
  return EVP_CipherInit_ex2(ctx_.get(), nullptr, nullptr, nonce.data(), seal ? 1 : 0, nullptr) ==
             1 &&
         (aad.empty() ||
          EVP_CipherUpdate(ctx_.get(), nullptr, &n, aad.data(), static_cast<int>(aad.size())) == 1);
}

Status Gcm::Seal(const Nonce& nonce, ByteView aad, ByteView plain, uint8_t* out) {
  int n = 0;
  int rest = 0;
  if (plain.size() > INT_MAX - kTagBytes) return Failed("too much for one chunk");
  if (!Start(nonce, aad, true) ||
      (!plain.empty() &&
       EVP_EncryptUpdate(ctx_.get(), out, &n, plain.data(), static_cast<int>(plain.size())) != 1) ||
      EVP_EncryptFinal_ex(ctx_.get(), out + n, &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(ctx_.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, out + plain.size()) != 1) {
    return Failed("AES-256-GCM");
  }
  return Status();
}

Status Gcm::Open(const Nonce& nonce, ByteView aad, ByteView sealed, uint8_t* out) {
  assert(sealed.size() >= kTagBytes);
  const size_t size = sealed.size() - kTagBytes;
  std::array<uint8_t, kTagBytes> tag{};
  std::copy(sealed.begin() + size, sealed.end(), tag.begin());
  int n = 0;
  int rest = 0;
  if (size > INT_MAX) return Failed("too much for one chunk");
  if (!Start(nonce, aad, false) ||
      (size != 0 &&
       EVP_DecryptUpdate(ctx_.get(), out, &n, sealed.data(), static_cast<int>(size)) != 1) ||
      EVP_CIPHER_CTX_ctrl(ctx_.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) != 1) {
    return Failed("AES-256-GCM");
  }
  if (EVP_DecryptFinal_ex(ctx_.get(), out + n, &rest) != 1) {
    return Status::Corruption("does not open: tampered with, or moved from where it was sealed");
  }
  return Status();
}

Result<std::shared_ptr<const Suite>> Suite::Load() {
  std::shared_ptr<Suite> suite(new Suite());
  suite->gcm_.reset(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
  if (suite->gcm_ == nullptr) return Failed("no AES-256-GCM");
  std::unique_ptr<EVP_MAC, FreeMac> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  if (mac == nullptr) return Failed("no HMAC");
  suite->hmac_.reset(EVP_MAC_CTX_new(mac.get()));
  char digest[] = "SHA512";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, sizeof(digest) - 1),
      OSSL_PARAM_construct_end()};
  if (suite->hmac_ == nullptr || EVP_MAC_CTX_set_params(suite->hmac_.get(), params) != 1) {
    return Failed("no HMAC-SHA512");
  }
  return std::shared_ptr<const Suite>(std::move(suite));
}

Result<SecretBytes> Suite::Hmac(ByteView key, std::initializer_list<ByteView> parts) const {
  std::unique_ptr<EVP_MAC_CTX, FreeOpenSsl> ctx(EVP_MAC_CTX_dup(hmac_.get()));
  if (ctx == nullptr || EVP_MAC_init(ctx.get(), key.data(), key.size(), nullptr) != 1) {
    return Failed("HMAC-SHA512");
  }
  for (ByteView part : parts) {
    if (EVP_MAC_update(ctx.get(), part.data(), part.size()) != 1) return Failed("HMAC-SHA512");
  }
  SecretBytes out(kSha512Bytes);
  size_t n = 0;
  if (EVP_MAC_final(ctx.get(), out.data(), &n, out.size()) != 1 || n != out.size()) {
    return Failed("HMAC-SHA512");
  }
  return out;
}

Result<SecretBytes> Suite::Extract(ByteView salt, ByteView input_key) const {
  // OpenSSL takes an empty key for "the one of before"; HMAC pads it with zeros to the block
  // anyway.
  constexpr uint8_t kZeros[kSha512Bytes] = {};
  return Hmac(salt.empty() ? ByteView(kZeros, sizeof(kZeros)) : salt, {input_key});
}

Result<SecretBytes> Suite::Expand(ByteView prk, std::string_view info, size_t n) const {
  if (n > kSha512Bytes) return Failed("HKDF output of more than one block");
  constexpr uint8_t kFirstBlock = 1;
  Result<SecretBytes> block = Hmac(prk, {info, ByteView(&kFirstBlock, 1)});
  if (block.ok()) block->resize(n);
  return block;
}

Result<MessageSecrets> Suite::Derive(ByteView input_key, const MessageId& message) const {
  Result<SecretBytes> prk = Extract(message, input_key);
  if (!prk.ok()) return prk.status();
  Result<SecretBytes> key = Expand(*prk, "stateward v1 enc", kKeyBytes);
  if (!key.ok()) return key.status();
  Result<SecretBytes> commitment = Expand(*prk, "stateward v1 commit", kCommitmentBytes);
  if (!commitment.ok()) return commitment.status();
  MessageSecrets out;
  out.key = *std::move(key);
  std::copy(commitment->begin(), commitment->end(), out.commitment.begin());
  return out;
}

Result<KeyId> Suite::IdOf(ByteView key) const {
  Result<SecretBytes> prk = Extract(ByteView(), key);
  if (!prk.ok()) return prk.status();
  Result<SecretBytes> bytes = Expand(*prk, "stateward key id", kKeyIdBytes);
  if (!bytes.ok()) return bytes.status();
  KeyId id;
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return id;
}

Result<Gcm> Suite::NewGcm(ByteView key, int encrypt) const {
  if (key.size() != kKeyBytes) return Failed("a key of another length");
  std::unique_ptr<EVP_CIPHER_CTX, FreeOpenSsl> ctx(EVP_CIPHER_CTX_new());
  if (ctx == nullptr ||
      EVP_CipherInit_ex2(ctx.get(), gcm_.get(), key.data(), nullptr, encrypt, nullptr) != 1) {
    return Failed("AES-256-GCM");
  }
  return Gcm(std::move(ctx));
}

}  // namespace stateward
