// Slows guessing down: counts failed attempts for each (address, user) and for each address.
//
// The table is bounded and belongs to one process: with N workers a guesser has N times the tries.
// Thread-safe.
#ifndef STATEWARD_AUTH_THROTTLE_H_
#define STATEWARD_AUTH_THROTTLE_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "stateward/clock.h"

namespace stateward {

class Throttle {
 public:
  // A person mistypes a few times; then one try in 10 s. Names are guessed from one address more
  // often than passwords are mistyped behind it, so an address has more.
  static constexpr int kTries = 10;
  static constexpr int kTriesOfAddress = 100;
  static constexpr int64_t kForgetOneUs = 10LL * 1000000;
  // 100 bytes each.
  static constexpr size_t kMaxEntries = 8192;

  explicit Throttle(const Clock& clock) : clock_(clock) {}

  // Whether this user is to wait there: at most kForgetOneUs until the next try.
  bool MustWait(const std::string& address, const std::string& user);
  void CountFailure(const std::string& address, const std::string& user);

 private:
  struct Entry {
    int64_t empty_us = 0;  // when all failures are forgotten
  };
  bool IsFull(const std::string& key, int tries, int64_t now_us) const;
  void Count(const std::string& key, int64_t now_us);
  void MakeRoom(int64_t now_us);

  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_THROTTLE_H_
