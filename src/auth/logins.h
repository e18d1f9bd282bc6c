// Checks users' passwords and machine tokens against a policy, without helping a guesser.
//
// One for each process. Thread-safe.
#ifndef STATEWARD_AUTH_LOGINS_H_
#define STATEWARD_AUTH_LOGINS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "auth/hash_workers.h"
#include "auth/policy.h"
#include "auth/throttle.h"
#include "stateward/clock.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// Machine tokens begin so: they are told from passwords, and found by scanners of leaked secrets.
inline constexpr std::string_view kTokenPrefix = "swt_";
// The prefix and 64 hex digits: 256 random bits.
std::string NewMachineToken();
bool LooksLikeMachineToken(std::string_view text);
// What no login takes for a password, whatever the user's name: it begins like a machine token, or
// has the form of a JSON Web Token.
bool IsTokenText(std::string_view text);

class Logins {
 public:
  // After the last use: a run asks again within seconds, and a guesser at work must not keep it
  // out.
  static constexpr int64_t kRememberUs = 60LL * 1000000;
  static constexpr size_t kMaxRemembered = 4096;

  // What is given must outlive it. `request_threads`: as HashWorkers.
  Logins(const Clock& clock, Throttle& throttle, int request_threads,
         HashWorkers::Check check = VerifyPassword);

  // kUnauthenticated: no such user, or another password; both cost one hash call.
  // kTooManyRequests: too many of these from there. kOverloaded: too many logins at once.
  Status CheckPassword(const Policy& policy, const std::string& user, const SecretString& password,
                       const std::string& address);

  // The token of this text, also one that has expired; nullptr: none. Its time depends on how many
  // tokens the policy has, on nothing else.
  static const PolicyToken* FindToken(const Policy& policy, const SecretString& text);

  // For tests: how often crypt(3) was called.
  int64_t hash_calls() const { return hash_calls_; }

 private:
  using Digest = std::array<uint8_t, 32>;
  Digest KeyedDigest(const std::string& user, const std::string& hash,
                     const SecretString& password) const;
  bool Remembered(const Digest& digest);
  void Remember(const Digest& digest);

  const Clock& clock_;
  std::array<uint8_t, 32> key_{};  // of this process; random
  Throttle& throttle_;
  HashWorkers hashes_;
  std::atomic<int64_t> hash_calls_{0};

  std::mutex remembered_mutex_;
  std::map<Digest, int64_t> remembered_;  // digest -> when it is forgotten
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_LOGINS_H_
