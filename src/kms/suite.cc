#include "kms/suite.h"

#include <algorithm>
#include <cassert>
#include <climits>
#include <string>
#include <utility>

#include "base/sha256.h"

namespace stateward {
namespace {

Status Failed(const char* what) { return Status::Internal(std::string("libcrypto: ") + what); }

using HmacSha512 = HmacStream<Sha512Stream>;

// The first block of HKDF's output.
SecretBytes FirstBlock(HmacSha512 hmac, std::string_view info, size_t n) {
  constexpr uint8_t kFirst = 1;
  hmac.Update(info);
  hmac.Update({&kFirst, 1});
  Sha512Digest block = hmac.Finish();
  SecretBytes out(block.begin(), block.begin() + static_cast<ptrdiff_t>(n));
  WipeMemory(block.data(), block.size());
  return out;
}

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
  return std::shared_ptr<const Suite>(std::move(suite));
}

SecretBytes Suite::Extract(ByteView salt, ByteView input_key) const {
  HmacSha512 hmac(salt);
  hmac.Update(input_key);
  Sha512Digest prk = hmac.Finish();
  SecretBytes out(prk.begin(), prk.end());
  WipeMemory(prk.data(), prk.size());
  return out;
}

Result<SecretBytes> Suite::Expand(ByteView prk, std::string_view info, size_t n) const {
  if (n > sizeof(Sha512Digest)) return Failed("HKDF output of more than one block");
  return FirstBlock(HmacSha512(prk), info, n);
}

MessageSecrets Suite::Derive(ByteView input_key, const MessageId& message) const {
  const HmacSha512 keyed(Extract(message, input_key));
  MessageSecrets out;
  out.key = FirstBlock(keyed, "stateward v1 enc", kKeyBytes);
  const SecretBytes commitment = FirstBlock(keyed, "stateward v1 commit", kCommitmentBytes);
  std::copy(commitment.begin(), commitment.end(), out.commitment.begin());
  return out;
}

KeyId Suite::IdOf(ByteView key) const {
  const HmacSha512 keyed(Extract(ByteView(), key));
  const SecretBytes bytes = FirstBlock(keyed, "stateward key id", kKeyIdBytes);
  KeyId id{};
  std::copy(bytes.begin(), bytes.end(), id.begin());
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
