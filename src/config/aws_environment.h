// The standard AWS names that the S3 client heeds (docs/storage.md, "Keys"). They are no settings
// of Stateward: their meaning is AWS's.
#ifndef STATEWARD_CONFIG_AWS_ENVIRONMENT_H_
#define STATEWARD_CONFIG_AWS_ENVIRONMENT_H_

#include <string>
#include <string_view>

#include "config/env_file.h"
#include "stateward/secret.h"

namespace stateward {

struct AwsConfig {
  std::string access_key_id;
  SecretString secret_access_key;
  SecretString session_token;
  std::string region;
  std::string role_arn;
  std::string role_session_name;
  std::string web_identity_token_file;
  std::string sts_endpoint;
  std::string container_relative_uri;
  std::string container_full_uri;
  std::string container_token_file;
  SecretString container_token;
  std::string metadata_endpoint;
  bool metadata_disabled = false;
};

AwsConfig ReadAwsEnvironment(const EnvMap& env);
bool IsAwsName(std::string_view name);

}  // namespace stateward

#endif  // STATEWARD_CONFIG_AWS_ENVIRONMENT_H_
