#include "auth/ecdsa_signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <memory>

namespace stateward {
namespace {

using Bn = std::unique_ptr<BIGNUM, decltype(&BN_free)>;

Status Refuse(const char* why) { return {Code::kUnauthenticated, why}; }

Bn Number(ByteView bytes) {
  return Bn(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr), BN_free);
}

}  // namespace

Result<Bytes> EcdsaToDer(evp_pkey_st* key, ByteView signature) {
  size_t half = (static_cast<size_t>(EVP_PKEY_get_bits(key)) + 7) / 8;
  if (signature.size() != 2 * half) return Refuse("signature: wrong length");
  BIGNUM* order_raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &order_raw) != 1) {
    return Status::Internal("signature: a curve without order");
  }
  Bn order(order_raw, BN_free);
  Bn r = Number(signature.Sub(0, half));
  Bn s = Number(signature.Sub(half, half));
  std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(ECDSA_SIG_new(), ECDSA_SIG_free);
  if (!r || !s || !pair) return Status::Internal("signature: no memory");
  for (const Bn* number : {&r, &s}) {
    if (BN_is_zero(number->get()) || BN_cmp(number->get(), order.get()) >= 0) {
      return Refuse("signature: r or s out of range");
    }
  }
  ECDSA_SIG_set0(pair.get(), r.release(), s.release());
  unsigned char* der = nullptr;
  int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return Status::Internal("signature: no memory");
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace stateward
