// Where the keys of S3 requests come from; the first of these that is set up is used:
//   1. STORAGE_S3_ACCESS_KEY and STORAGE_S3_SECRET_KEY, or their files
//   2. STORAGE_S3_CREDENTIALS_FILE, looked at again when it changes
//   3. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
//   4. web identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, by STS
//   5. a container's: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
//   6. the machine's: EC2 instance metadata, version 2
// The keys of 4 to 6 expire; they are fetched anew before that, and the old ones serve meanwhile.
#ifndef STATEWARD_CLIENT_S3_CREDENTIALS_H_
#define STATEWARD_CLIENT_S3_CREDENTIALS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "client/http_client.h"
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

// The AWS names of the process environment that are heeded.
struct AwsEnvironment {
  std::string access_key_id;
  SecretString secret_access_key;
  SecretString session_token;
  std::string region;                   // AWS_REGION, AWS_DEFAULT_REGION
  std::string role_arn;                 // AWS_ROLE_ARN
  std::string role_session_name;        // AWS_ROLE_SESSION_NAME
  std::string web_identity_token_file;  // AWS_WEB_IDENTITY_TOKEN_FILE
  std::string sts_endpoint;             // AWS_ENDPOINT_URL_STS
  std::string container_relative_uri;   // AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
  std::string container_full_uri;       // AWS_CONTAINER_CREDENTIALS_FULL_URI
  std::string container_token_file;     // AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
  SecretString container_token;         // AWS_CONTAINER_AUTHORIZATION_TOKEN
  std::string metadata_endpoint;        // AWS_EC2_METADATA_SERVICE_ENDPOINT
  bool metadata_disabled = false;       // AWS_EC2_METADATA_DISABLED
};

struct S3CredentialSettings {
  // Each from the file when that is named; looked at again when it changes.
  SecretString access_key;
  std::string access_key_file;
  SecretString secret_key;
  std::string secret_key_file;
  SecretString session_token;
  std::string session_token_file;
  std::string credentials_file;
  std::string region;  // "" = us-east-1
  AwsEnvironment aws;
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

#endif  // STATEWARD_CLIENT_S3_CREDENTIALS_H_
