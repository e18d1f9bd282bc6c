#include "config/aws_environment.h"

namespace stateward {
namespace {

constexpr struct {
  std::string_view name;
  std::string AwsConfig::*text;
  SecretString AwsConfig::*secret;
} kNames[] = {
    {"AWS_ACCESS_KEY_ID", &AwsConfig::access_key_id, nullptr},
    {"AWS_SECRET_ACCESS_KEY", nullptr, &AwsConfig::secret_access_key},
    {"AWS_SESSION_TOKEN", nullptr, &AwsConfig::session_token},
    {"AWS_DEFAULT_REGION", &AwsConfig::region, nullptr},
    {"AWS_REGION", &AwsConfig::region, nullptr},  // wins: it stands behind
    {"AWS_ROLE_ARN", &AwsConfig::role_arn, nullptr},
    {"AWS_ROLE_SESSION_NAME", &AwsConfig::role_session_name, nullptr},
    {"AWS_WEB_IDENTITY_TOKEN_FILE", &AwsConfig::web_identity_token_file, nullptr},
    {"AWS_ENDPOINT_URL_STS", &AwsConfig::sts_endpoint, nullptr},
    {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", &AwsConfig::container_relative_uri, nullptr},
    {"AWS_CONTAINER_CREDENTIALS_FULL_URI", &AwsConfig::container_full_uri, nullptr},
    {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &AwsConfig::container_token_file, nullptr},
    {"AWS_CONTAINER_AUTHORIZATION_TOKEN", nullptr, &AwsConfig::container_token},
    {"AWS_EC2_METADATA_SERVICE_ENDPOINT", &AwsConfig::metadata_endpoint, nullptr},
};
constexpr std::string_view kDisabled = "AWS_EC2_METADATA_DISABLED";

}  // namespace

AwsConfig ReadAwsEnvironment(const EnvMap& env) {
  AwsConfig out;
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

}  // namespace stateward
