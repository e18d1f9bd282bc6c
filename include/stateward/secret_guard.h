// Slows down guesses of secrets that are in use, where a secret alone is the whole access.
#ifndef STATEWARD_SECRET_GUARD_H_
#define STATEWARD_SECRET_GUARD_H_

#include <string>

namespace stateward {

// Thread-safe. `address`: the client's; `tenant`: the digest of the secret (StateKey).
class SecretGuard {
 public:
  virtual ~SecretGuard() = default;
  // Whether the secret must not even be looked at now: too many unknown ones came from there.
  virtual bool MustWait(const std::string& address, const std::string& tenant) = 0;
  // Nothing is stored under it.
  virtual void CountUnknown(const std::string& address, const std::string& tenant) = 0;
  // Something is, or was stored just now: then it was no guess.
  virtual void CountKnown(const std::string& address, const std::string& tenant) = 0;
};

}  // namespace stateward

#endif  // STATEWARD_SECRET_GUARD_H_
