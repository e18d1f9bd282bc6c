#include "config/aws_environment.h"

#include <string>

namespace stateward {
namespace {

constexpr struct {
  std::string_view name;
  std::string AwsEnvironment::*text;
  SecretString AwsEnvironment::*secret;
} kNames[] = {
    {"AWS_ACCESS_KEY_ID", &AwsEnvironment::access_key_id, nullptr},
    {"AWS_SECRET_ACCESS_KEY", nullptr, &AwsEnvironment::secret_access_key},
    {"AWS_SESSION_TOKEN", nullptr, &AwsEnvironment::session_token},
    {"AWS_DEFAULT_REGION", &AwsEnvironment::region, nullptr},
    {"AWS_REGION", &AwsEnvironment::region, nullptr},  // wins: it stands behind
    {"AWS_ROLE_ARN", &AwsEnvironment::role_arn, nullptr},
    {"AWS_ROLE_SESSION_NAME", &AwsEnvironment::role_session_name, nullptr},
    {"AWS_WEB_IDENTITY_TOKEN_FILE", &AwsEnvironment::web_identity_token_file, nullptr},
    {"AWS_ENDPOINT_URL_STS", &AwsEnvironment::sts_endpoint, nullptr},
    {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", &AwsEnvironment::container_relative_uri, nullptr},
    {"AWS_CONTAINER_CREDENTIALS_FULL_URI", &AwsEnvironment::container_full_uri, nullptr},
    {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &AwsEnvironment::container_token_file, nullptr},
    {"AWS_CONTAINER_AUTHORIZATION_TOKEN", nullptr, &AwsEnvironment::container_token},
    {"AWS_EC2_METADATA_SERVICE_ENDPOINT", &AwsEnvironment::metadata_endpoint, nullptr},
};
constexpr std::string_view kDisabled = "AWS_EC2_METADATA_DISABLED";

}  // namespace

AwsEnvironment ReadAwsEnvironment(const EnvMap& env) {
  AwsEnvironment out;
  for (const auto& row : kNames) {
    auto found = env.find(std::string(row.name));
    if (found == env.end() || found->second.empty()) continue;
    if (row.text != nullptr) out.*row.text = std::string(found->second.Reveal());
    if (row.secret != nullptr) out.*row.secret = found->second;
  }
  auto disabled = env.find(std::string(kDisabled));
  out.metadata_disabled = disabled != env.end() && disabled->second.Reveal() == "true";
  return out;
}

bool IsAwsName(std::string_view name) {
  for (const auto& row : kNames) {
    if (row.name == name) return true;
  }
  return name == kDisabled;
}

bool IsAwsSecret(std::string_view name) {
  for (const auto& row : kNames) {
    if (row.name == name) return row.secret != nullptr;
  }
  return false;
}

}  // namespace stateward
