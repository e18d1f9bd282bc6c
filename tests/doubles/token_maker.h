// Makes keys and tokens by libjwt, which shares no code with src/auth. (RS* and ES* only.)
#ifndef STATEWARD_TESTS_DOUBLES_TOKEN_MAKER_H_
#define STATEWARD_TESTS_DOUBLES_TOKEN_MAKER_H_

#include <jwt.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "base/base64.h"
#include "stateward/bytes.h"

namespace stateward::token_maker {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Jwt = std::unique_ptr<jwt_t, decltype(&jwt_free)>;

inline std::string Pem(EVP_PKEY* key, bool with_private) {
  std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (with_private) {
    PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  } else {
    PEM_write_bio_PUBKEY(out.get(), key);
  }
  char* text = nullptr;
  long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

inline std::string Url(std::string text) {
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text.substr(0, text.find('='));
}

inline std::string Param(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  Bytes bytes(static_cast<size_t>(BN_num_bytes(number)));
  BN_bn2bin(number, bytes.data());
  BN_free(number);
  return Url(Base64Encode(bytes));
}

// A set of this one key, without kid. curve: "" for RSA.
inline std::string KeySetOf(EVP_PKEY* key, const std::string& curve) {
  if (curve.empty()) {
    return R"({"keys":[{"kty":"RSA","n":")" + Param(key, OSSL_PKEY_PARAM_RSA_N) + R"(","e":")" +
           Param(key, OSSL_PKEY_PARAM_RSA_E) + R"("}]})";
  }
  return R"({"keys":[{"kty":"EC","crv":")" + curve + R"(","x":")" +
         Param(key, OSSL_PKEY_PARAM_EC_PUB_X) + R"(","y":")" +
         Param(key, OSSL_PKEY_PARAM_EC_PUB_Y) + R"("}]})";
}

// For `issuer`, audience stateward, every state of project p.
inline std::string Sign(const std::string& pem, jwt_alg_t alg, long expires_s,
                        const std::string& issuer = "https://issuer.example") {
  jwt_t* made = nullptr;
  if (jwt_new(&made) != 0) return "";
  Jwt token(made, jwt_free);
  jwt_set_alg(made, alg, reinterpret_cast<const unsigned char*>(pem.data()),
              static_cast<int>(pem.size()));
  jwt_add_grant(made, "iss", issuer.c_str());
  jwt_add_grant(made, "sub", "runner");
  jwt_add_grant(made, "aud", "stateward");
  jwt_add_grant_int(made, "exp", expires_s);
  jwt_add_grants_json(made, R"({"terraform-backend":{"project":"p","state":"*"}})");
  std::unique_ptr<char, decltype(&std::free)> text(jwt_encode_str(made), std::free);
  return text ? text.get() : "";
}

}  // namespace stateward::token_maker

#endif  // STATEWARD_TESTS_DOUBLES_TOKEN_MAKER_H_
