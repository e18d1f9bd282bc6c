#include "auth/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/json.h"

namespace stateward {
namespace {

constexpr int kMinRsaBits = 2048;
// A signature by a larger key takes milliseconds to check, and every request may make us check one.
constexpr int kMaxRsaBits = 8192;
// OpenSSL takes no larger exponent together with a large modulus either.
constexpr int kMaxExponentBits = 64;
constexpr size_t kMaxKid = 256;
constexpr size_t kMaxDepth = 16;  // as for tokens; a key set is 3 deep

struct AlgRow {
  std::string_view name;
  JwtAlg alg;
  std::string_view kind;  // as KindOf()
};
constexpr AlgRow kAlgs[] = {
    {"RS256", JwtAlg::kRs256, "RSA"},   {"RS384", JwtAlg::kRs384, "RSA"},
    {"RS512", JwtAlg::kRs512, "RSA"},   {"PS256", JwtAlg::kPs256, "RSA"},
    {"ES256", JwtAlg::kEs256, "P-256"}, {"ES384", JwtAlg::kEs384, "P-384"},
    {"ES512", JwtAlg::kEs512, "P-521"}, {"EdDSA", JwtAlg::kEdDsa, "Ed25519"},
};

struct CurveRow {
  const char* name;   // of RFC 7518
  const char* group;  // OpenSSL's
  size_t bytes;       // of a coordinate
};
constexpr CurveRow kCurves[] = {
    {"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

template <auto F>
struct Free {
  template <typename T>
  void operator()(T* p) const {
    F(p);
  }
};
using Bn = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using Key = std::shared_ptr<EVP_PKEY>;

Status Ignored(const char* why) { return Status::InvalidArgument(why); }

Key Own(EVP_PKEY* key) {
  return Key(key, [](EVP_PKEY* p) { EVP_PKEY_free(p); });
}

Result<Key> Build(const char* type, OSSL_PARAM_BLD* builder) {
  Params params(OSSL_PARAM_BLD_to_param(builder));
  Context make(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  bool ok = params && make && EVP_PKEY_fromdata_init(make.get()) == 1 &&
            EVP_PKEY_fromdata(make.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) == 1;
  Key key = Own(made);
  if (ok) {
    Context check(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
    ok = check && EVP_PKEY_public_check(check.get()) == 1;
  }
  ERR_clear_error();
  if (!ok) return Ignored("not a valid public key");
  return key;
}

std::optional<SecretBytes> Decoded(const JsonObject& jwk, const char* name) {
  std::optional<std::string> text = jwk.String(name);
  if (!text || text->empty()) return std::nullopt;
  return Base64UrlDecode(*text);
}

Bn Number(const SecretBytes& bytes) {
  return Bn(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

Result<Key> BuildRsa(const JsonObject& jwk) {
  auto modulus = Decoded(jwk, "n");
  auto exponent = Decoded(jwk, "e");
  if (!modulus || !exponent) return Ignored("n or e is not base64url");
  if (modulus->size() > kMaxRsaBits / 8 + 1) return Ignored("RSA of more than 8192 bits");
  if (exponent->size() > kMaxExponentBits / 8) return Ignored("e of more than 64 bits");
  Bn n = Number(*modulus);
  Bn e = Number(*exponent);
  Builder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder) return Ignored("no memory");
  if (BN_num_bits(n.get()) < kMinRsaBits) return Ignored("RSA of less than 2048 bits");
  if (BN_num_bits(n.get()) > kMaxRsaBits) return Ignored("RSA of more than 8192 bits");
  if (!BN_is_odd(e.get()) || BN_is_one(e.get())) return Ignored("e is even or below 3");
  if (OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return Ignored("no memory");
  }
  return Build("RSA", builder.get());
}

// Some issuers leave leading zeros out.
bool AppendPadded(const SecretBytes& number, size_t size, Bytes* out) {
  if (number.size() > size) return false;
  out->insert(out->end(), size - number.size(), 0);
  out->insert(out->end(), number.begin(), number.end());
  return true;
}

Result<Key> BuildEc(const JsonObject& jwk, const CurveRow& curve) {
  auto x = Decoded(jwk, "x");
  auto y = Decoded(jwk, "y");
  if (!x || !y) return Ignored("x or y is not base64url");
  Bytes point(1, 4);  // uncompressed
  if (!AppendPadded(*x, curve.bytes, &point) || !AppendPadded(*y, curve.bytes, &point)) {
    return Ignored("x or y is too long");
  }
  Builder builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return Ignored("no memory");
  }
  return Build("EC", builder.get());
}

Result<Key> BuildEd25519(const JsonObject& jwk) {
  auto x = Decoded(jwk, "x");
  if (!x || x->size() != 32) return Ignored("x is not base64url of 32 bytes");
  Key key = Own(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, x->data(), x->size()));
  ERR_clear_error();
  if (!key) return Ignored("not a valid public key");
  return key;
}

// "" when there is no memory for it.
std::string PublicPem(EVP_PKEY* key) {
  std::unique_ptr<BIO, Free<BIO_free>> out(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!out || PEM_write_bio_PUBKEY(out.get(), key) != 1) return "";
  long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

// The family of algorithms: "RSA", or the curve's name; "" for kinds that we do not know.
std::string KindOf(const JsonObject& jwk) {
  std::string type = jwk.String("kty").value_or("");
  std::string curve = jwk.String("crv").value_or("");
  if (type == "RSA") return type;
  if (type == "OKP" && curve == "Ed25519") return curve;
  bool ec = type == "EC" && std::any_of(std::begin(kCurves), std::end(kCurves),
                                        [&](const CurveRow& row) { return curve == row.name; });
  return ec ? curve : "";
}

Result<uint32_t> AlgsOf(const JsonObject& jwk, std::string_view kind) {
  std::optional<std::string> only = jwk.String("alg");
  if (jwk.Has("alg") && !only) return Ignored("alg is not text");
  uint32_t algs = 0;
  for (const AlgRow& row : kAlgs) {
    if (row.kind == kind && (!only || *only == row.name)) {
      algs |= 1U << static_cast<unsigned>(row.alg);
    }
  }
  if (algs == 0) return Ignored("its alg is not taken, or not for keys of this type");
  return algs;
}

Status CheckUse(const JsonObject& jwk) {
  if (jwk.Has("use") && jwk.String("use").value_or("") != "sig") return Ignored("use is not sig");
  if (jwk.Has("key_ops")) {
    auto ops = jwk.Strings("key_ops").value_or(std::vector<std::string>());
    if (std::find(ops.begin(), ops.end(), "verify") == ops.end()) {
      return Ignored("key_ops lacks verify");
    }
  }
  // Who has read the set can sign with it.
  if (jwk.Has("d")) return Ignored("the private key is published with it");
  return Status();
}

Result<VerifyKey> ParseKey(const JsonObject& jwk) {
  STATEWARD_RETURN_IF_ERROR(CheckUse(jwk));
  VerifyKey out;
  out.kid = jwk.String("kid").value_or("");
  if (jwk.Has("kid") && (out.kid.empty() || out.kid.size() > kMaxKid)) {
    return Ignored("kid is not a text of 1 to 256 bytes");
  }
  std::string kind = KindOf(jwk);
  if (kind.empty()) return Ignored("kty or crv is not taken");
  Result<uint32_t> algs = AlgsOf(jwk, kind);
  if (!algs.ok()) return std::move(algs).status();
  out.algs = *algs;
  Result<Key> key = Ignored("kty or crv is not taken");
  if (kind == "RSA") key = BuildRsa(jwk);
  if (kind == "Ed25519") key = BuildEd25519(jwk);
  for (const CurveRow& curve : kCurves) {
    if (kind == curve.name) key = BuildEc(jwk, curve);
  }
  if (!key.ok()) return std::move(key).status();
  out.key = std::move(*key);
  if (kind != "Ed25519") {
    out.pem = PublicPem(out.key.get());
    if (out.pem.empty()) return Ignored("no memory");
  }
  return out;
}

}  // namespace

const JwtAlg* FindJwtAlg(std::string_view name) {
  for (const AlgRow& row : kAlgs) {
    if (row.name == name) return &row.alg;
  }
  return nullptr;
}

std::string_view JwtAlgName(JwtAlg alg) { return kAlgs[static_cast<size_t>(alg)].name; }

Result<KeySet> KeySet::Parse(ByteView json) {
  Result<JsonObject> set = ParseSmallJson(json, {kMaxKeySetBytes, kMaxDepth});
  if (!set.ok()) return std::move(set).status().At("key set");
  std::optional<std::vector<JsonObject>> keys = set->Objects("keys");
  if (!keys) return Status::InvalidArgument("key set: no list of keys");
  if (keys->size() > kMaxKeys) {
    return Status::InvalidArgument("key set: " + std::to_string(keys->size()) +
                                   " keys, more than " + std::to_string(kMaxKeys));
  }
  KeySet out;
  for (size_t i = 0; i < keys->size(); ++i) {
    Result<VerifyKey> key = ParseKey((*keys)[i]);
    if (key.ok()) {
      out.keys_.push_back(std::move(*key));
    } else {
      out.ignored_.push_back("key " + std::to_string(i + 1) + ": " + key.status().detail());
    }
  }
  if (out.keys_.empty()) {
    return Status::InvalidArgument("key set: no usable key" +
                                   (out.ignored_.empty() ? "" : "; " + out.ignored_.front()));
  }
  return out;
}

bool KeySet::HasKid(std::string_view kid) const {
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const VerifyKey& key) { return key.kid == kid; });
}

}  // namespace stateward
