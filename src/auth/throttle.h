// Slows guessing down, and does not keep out those who are known where they come from.
//
// Counts failures for each user at a network, for each network, and for each user over all
// networks. A network is an IPv4 address or an IPv6 prefix of 64 bits (base/network.h). The tables
// are bounded and belong to one process: with N workers a guesser has N times the tries.
// Thread-safe.
#ifndef STATEWARD_AUTH_THROTTLE_H_
#define STATEWARD_AUTH_THROTTLE_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "stateward/clock.h"
#include "stateward/secret_guard.h"

namespace stateward {

class Throttle : public SecretGuard {
 public:
  // A person mistypes a few times; then one try in 10 s, 8,640 a day: a password of four random
  // words lasts for longer than its owner.
  static constexpr int kTries = 10;
  // A network can be a company behind one address: ten people who all mistype at once.
  static constexpr int kTriesOfNetwork = 100;
  static constexpr int64_t kForgetUs = 10LL * 1000000;
  // A user over all networks: a person mistypes on two machines. Beyond it one try a second for all
  // networks together, not none: nobody can lock a user out by failing in their name. While half of
  // it is used up, a network whose own failures are not forgotten waits: new ones come first.
  static constexpr int kTriesOfUser = 20;
  static constexpr int64_t kForgetUserUs = 1000000;
  // Who succeeded at a network is spared what others do there, and what is done in the same name
  // elsewhere: for two days, so that who works each day is.
  static constexpr int64_t kSpareUs = 48LL * 3600 * 1000000;
  // Looks at what is remembered, for a user at a network that has no tries left: the requests of a
  // run at once, then one a second. Each is a quick guess as well.
  static constexpr int kLooks = 30;
  static constexpr int64_t kForgetLookUs = 1000000;
  // The same for all secrets of basic auth at a network that has no tries left: what a company's
  // runs ask in a second.
  static constexpr int kLooksOfNetwork = 500;
  static constexpr int64_t kForgetLookOfNetworkUs = 20000;
  // An unknown secret counts once in this time: a repeat learns nothing new.
  static constexpr int64_t kSameSecretUs = 3600LL * 1000000;
  // 200 bytes each.
  static constexpr size_t kMaxEntries = 8192;

  explicit Throttle(const Clock& clock) : clock_(clock) {}

  // Whether this user is to wait there: at most kForgetUs until the next try.
  bool MustWaitForUser(const std::string& address, const std::string& user);
  void CountFailure(const std::string& address, const std::string& user);
  void CountSuccess(const std::string& address, const std::string& user);
  // Whether what is remembered may be compared with this try. Counts it.
  bool MayLook(const std::string& address, const std::string& user);

  // SecretGuard: the same for the original's basic auth, where each other secret is another try.
  bool MustWait(const std::string& address, const std::string& tenant) override;
  void CountUnknown(const std::string& address, const std::string& tenant) override;
  void CountKnown(const std::string& address, const std::string& tenant) override;

 private:
  // Of a bucket: how many failures it holds, and how fast it forgets one.
  struct Limit {
    int tries;
    int64_t forget_us;
  };
  static constexpr Limit kPair{kTries, kForgetUs};
  static constexpr Limit kNetwork{kTriesOfNetwork, kForgetUs};
  static constexpr Limit kUser{kTriesOfUser, kForgetUserUs};
  static constexpr Limit kLook{kLooks, kForgetLookUs};
  static constexpr Limit kNetworkLook{kLooksOfNetwork, kForgetLookOfNetworkUs};

  // Key -> when it is empty again. The soonest go first when there is no room.
  using Table = std::unordered_map<std::string, int64_t>;

  static void MakeRoom(Table* table, int64_t now_us);
  static void Set(Table* table, const std::string& key, int64_t until_us, int64_t now_us);
  bool IsOpen(const Table& table, const std::string& key, int64_t now_us) const;
  bool Holds(const std::string& key, const Limit& limit, int failures, int64_t now_us) const;
  void Count(const std::string& key, const Limit& limit, int64_t now_us);

  const Clock& clock_;
  std::mutex mutex_;
  Table failures_;  // buckets: when all failures of each are forgotten
  Table spared_;    // who succeeded where, until when it is remembered
  Table secrets_;   // unknown secrets that were counted, until when they count no more
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_THROTTLE_H_
