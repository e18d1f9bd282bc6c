// Where the keys of S3 requests come from; the first of these that is set up is used:
//   1. STORAGE_S3_ACCESS_KEY and STORAGE_S3_SECRET_KEY, or their files
//   2. STORAGE_S3_CREDENTIALS_FILE, looked at again when it changes
//   3. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
//   4. web identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, by STS
//   5. a container's: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
//   6. the machine's: EC2 instance metadata, version 2
// The keys of 4 to 6 expire; they are fetched again before that, and the old ones serve meanwhile.
#ifndef STATEWARD_S3_S3_CREDENTIALS_H_
#define STATEWARD_S3_S3_CREDENTIALS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "http_client/http_client.h"
#include "s3/s3_settings.h"
#include "stateward/clock.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

struct S3Credentials {
  std::string access_key;
  SecretString secret_key;
  SecretString session_token;  // empty: none
  int64_t expires_ms = 0;      // wall clock; 0: never
};

// Thread-safe.
class S3CredentialSource {
 public:
  virtual ~S3CredentialSource() = default;
  // kUnavailable: there are none now. Never returns null.
  virtual Result<std::shared_ptr<const S3Credentials>> Get() = 0;
};

// `http` reaches the services of 4 to 6 and must allow clear text: those of 5 and 6 have no TLS.
// `http` and `clock` must outlive it.
std::unique_ptr<S3CredentialSource> NewS3CredentialSource(const S3CredentialSettings& settings,
                                                          HttpClient& http, const Clock& clock);

}  // namespace stateward

#endif  // STATEWARD_S3_S3_CREDENTIALS_H_
