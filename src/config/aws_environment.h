// The standard AWS names that the S3 client heeds (docs/storage.md, "Keys"). They are no settings
// of Stateward: their meaning is AWS's.
#ifndef STATEWARD_CONFIG_AWS_ENVIRONMENT_H_
#define STATEWARD_CONFIG_AWS_ENVIRONMENT_H_

#include <string_view>

#include "config/env_file.h"
#include "s3/s3_settings.h"

namespace stateward {

AwsEnvironment ReadAwsEnvironment(const EnvMap& env);
bool IsAwsName(std::string_view name);
bool IsAwsSecret(std::string_view name);

}  // namespace stateward

#endif  // STATEWARD_CONFIG_AWS_ENVIRONMENT_H_
