#include "s3/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <ctime>

#include "base/hex.h"
#include "base/percent.h"
#include "base/sha256.h"

namespace stateward {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

SecretBytes Hmac(ByteView key, std::string_view text) {
  SecretBytes out(sizeof(Sha256Digest));
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
  out.resize(size);
  return out;
}

SecretBytes SigningKey(const SigningInput& in, const std::string& date,
                       const SecretString& secret_key) {
  std::string_view secret = secret_key.Reveal();
  SecretBytes first;
  first.reserve(secret.size() + 4);
  for (std::string_view part : {std::string_view("AWS4"), secret}) {
    first.insert(first.end(), part.begin(), part.end());
  }
  return Hmac(Hmac(Hmac(Hmac(first, date), in.region), in.service), "aws4_request");
}

}  // namespace

std::string UriEncode(std::string_view text, bool keep_slash) {
  return PercentEncode(text, keep_slash ? "/" : "");
}

std::string CanonicalQuery(const std::map<std::string, std::string>& query) {
  // Sorted by the encoded name; for the names of S3, which hold no character that is encoded, that
  // is the map's order.
  std::string out;
  for (const auto& [name, value] : query) {
    if (!out.empty()) out += '&';
    out.append(UriEncode(name, false)).append("=").append(UriEncode(value, false));
  }
  return out;
}

std::string AmzDate(int64_t now_ms) {
  time_t seconds = static_cast<time_t>(now_ms / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return {text, strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts)};
}

std::string SignV4(const SigningInput& in, const std::string& access_key,
                   const SecretString& secret_key) {
  std::string names;
  std::string date = in.amz_date.substr(0, 8);
  // Wiped: a session token may stand among the headers.
  SecretBytes canonical;
  auto add = [&](std::string_view text) {
    canonical.insert(canonical.end(), text.begin(), text.end());
  };
  for (std::string_view part :
       {std::string_view(in.method), std::string_view("\n"), std::string_view(in.path),
        std::string_view("\n"), std::string_view(in.query), std::string_view("\n")}) {
    add(part);
  }
  for (const auto& [name, value] : in.headers) {
    if (!names.empty()) names += ';';
    names += name;
    add(name);
    add(":");
    add(value);
    add("\n");
  }
  add("\n");
  add(names);
  add("\n");
  add(in.payload_sha256);
  std::string scope = date + "/" + in.region + "/" + in.service + "/aws4_request";
  std::string to_sign = std::string(kAlgorithm) + "\n" + in.amz_date + "\n" + scope + "\n" +
                        HexEncode(Sha256(canonical));
  std::string signature = HexEncode(Hmac(SigningKey(in, date, secret_key), to_sign));
  return std::string(kAlgorithm) + " Credential=" + access_key + "/" + scope +
         ", SignedHeaders=" + names + ", Signature=" + signature;
}

}  // namespace stateward
