// AWS Signature Version 4: the Authorization header of one request. Pure; thread-safe.
//
// Our own and not libcurl's: the one of 7.88 sorts "x-amz-server-side-encryption" behind
// "x-amz-server-side-encryption-aws-kms-key-id", and a request with both is then refused.
#ifndef STATEWARD_S3_SIGV4_H_
#define STATEWARD_S3_SIGV4_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "stateward/secret.h"

namespace stateward {

// Everything but A-Z a-z 0-9 - . _ ~ as %XX; '/' stays when `keep_slash`.
std::string UriEncode(std::string_view text, bool keep_slash);
// "k=v&k=v", both encoded, sorted by name; a name without a value keeps its '='.
std::string CanonicalQuery(const std::map<std::string, std::string>& query);
// 20130524T000000Z
std::string AmzDate(int64_t now_ms);

struct SigningInput {
  std::string method;
  std::string path;   // encoded, as it stands in the URL
  std::string query;  // CanonicalQuery's
  // Every header that must be signed, "host" and "x-amz-date" among them: name in lower case,
  // value without blanks around it.
  std::map<std::string, std::string_view> headers;
  std::string payload_sha256;  // 64 hex digits
  std::string amz_date;
  std::string region;
  std::string service = "s3";
};

// The value of the Authorization header.
std::string SignV4(const SigningInput& in, const std::string& access_key,
                   const SecretString& secret_key);

}  // namespace stateward

#endif  // STATEWARD_S3_SIGV4_H_
