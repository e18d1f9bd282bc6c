// The STORAGE_S3_* settings, and the standard AWS names of the environment.
#ifndef STATEWARD_S3_S3_SETTINGS_H_
#define STATEWARD_S3_S3_SETTINGS_H_

#include <cstdint>
#include <string>

#include "stateward/secret.h"

namespace stateward {

// The AWS names of the process environment that are heeded (config/aws_environment.h).
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

struct S3Settings {
  std::string endpoint;  // host[:port]
  bool use_ssl = true;
  std::string bucket;
  std::string region;               // "" = as the service says; us-east-1 until it does
  std::string prefix;               // in front of every key; "" or with its '/' at the end
  std::string path_style = "auto";  // "auto", "true", "false"
  std::string ca_file;
  std::string sse;  // "", "AES256", "aws:kms"
  std::string sse_kms_key_id;
  S3CredentialSettings credentials;
  bool read_only = false;    // READ_ONLY: nothing is written, not even to try what it does
  uint32_t repeat_ms = 100;  // about the first wait before a repeat; the next are longer
};

}  // namespace stateward

#endif  // STATEWARD_S3_S3_SETTINGS_H_
