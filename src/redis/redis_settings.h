// The REDIS_* settings.
#ifndef STATEWARD_REDIS_REDIS_SETTINGS_H_
#define STATEWARD_REDIS_REDIS_SETTINGS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "stateward/secret.h"

namespace stateward {

struct RedisOptions {
  std::string address = "localhost:6379";  // REDIS_ADDR
  std::string user;                        // REDIS_USER; "" = the default user
  SecretString password;                   // REDIS_PASSWORD
  SecretString sentinel_password;          // REDIS_SENTINEL_PASSWORD
  uint64_t database = 0;                   // REDIS_DB
  std::string cleartext = "warn";          // REDIS_CLEARTEXT: warn, allow, refuse
  size_t max_connections = 8;              // one for each thread is enough
};

}  // namespace stateward

#endif  // STATEWARD_REDIS_REDIS_SETTINGS_H_
