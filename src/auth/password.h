// Passwords as crypt(3) keeps them: yescrypt or bcrypt, nothing weaker. Thread-safe (no state).
#ifndef STATEWARD_AUTH_PASSWORD_H_
#define STATEWARD_AUTH_PASSWORD_H_

#include <string>
#include <string_view>

#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// bcrypt ignores what is beyond; nobody types more.
inline constexpr size_t kMaxPasswordBytes = 72;

// Whether `hash` is one that VerifyPassword can check in reasonable time: yescrypt up to cost 7
// (64 MiB) or bcrypt from cost 4 to 14 (1 s).
bool IsPasswordHash(std::string_view hash);

// False also for a password that is empty, too long, or has a NUL byte. Such a one costs a hash
// call, too. kOverloaded: no memory for it just now.
Result<bool> VerifyPassword(const SecretString& password, const std::string& hash);

// A new yescrypt hash. kInvalidArgument: empty, too long, or a NUL byte.
Result<std::string> HashPassword(const SecretString& password);

}  // namespace stateward

#endif  // STATEWARD_AUTH_PASSWORD_H_
