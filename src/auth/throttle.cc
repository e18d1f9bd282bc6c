#include "auth/throttle.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/network.h"

namespace stateward {
namespace {

// User names are up to 16 KiB of anything.
constexpr size_t kMaxKeyPart = 128;

std::string Part(const std::string& text) { return text.substr(0, kMaxKeyPart); }

// The kinds of keys in one table; the letter keeps them apart.
std::string PairKey(const std::string& address, const std::string& who) {
  return "p" + NetworkOf(address) + "\n" + Part(who);
}
std::string NetworkKey(const std::string& address) { return "n" + NetworkOf(address); }
std::string UserKey(const std::string& user) { return "u" + Part(user); }
std::string LookKey(const std::string& address, const std::string& user) {
  return "l" + NetworkOf(address) + "\n" + Part(user);
}
std::string NetworkLookKey(const std::string& address) { return "k" + NetworkOf(address); }

}  // namespace

bool Throttle::Holds(const std::string& key, const Limit& limit, int failures,
                     int64_t now_us) const {
  auto it = failures_.find(key);
  return it != failures_.end() && it->second > now_us + (failures - 1) * limit.forget_us;
}

bool Throttle::IsOpen(const Table& table, const std::string& key, int64_t now_us) const {
  auto it = table.find(key);
  return it != table.end() && it->second > now_us;
}

// What is forgotten anyway goes; then the half that will be forgotten first: who fills the
// table with names of one network stays counted by the network.
void Throttle::MakeRoom(Table* table, int64_t now_us) {
  std::vector<int64_t> ends;
  for (auto it = table->begin(); it != table->end();) {
    if (it->second <= now_us) {
      it = table->erase(it);
    } else {
      ends.push_back(it->second);
      ++it;
    }
  }
  if (table->size() < kMaxEntries) return;
  std::nth_element(ends.begin(), ends.begin() + static_cast<ptrdiff_t>(ends.size() / 2),
                   ends.end());
  int64_t limit = ends[ends.size() / 2];
  for (auto it = table->begin(); it != table->end();) {
    it = it->second <= limit ? table->erase(it) : std::next(it);
  }
}

void Throttle::Set(Table* table, const std::string& key, int64_t until_us, int64_t now_us) {
  if (table->size() >= kMaxEntries && table->count(key) == 0) MakeRoom(table, now_us);
  (*table)[key] = until_us;
}

void Throttle::Count(const std::string& key, const Limit& limit, int64_t now_us) {
  auto it = failures_.find(key);
  int64_t empty = it == failures_.end() ? now_us : std::max(it->second, now_us);
  Set(&failures_, key, empty + limit.forget_us, now_us);
}

bool Throttle::MustWaitForUser(const std::string& address, const std::string& user) {
  int64_t now = clock_.SteadyUs();
  const std::string pair = PairKey(address, user);
  std::lock_guard<std::mutex> hold(mutex_);
  if (Holds(pair, kPair, kTries, now)) return true;
  if (IsOpen(spared_, pair, now)) return false;
  if (Holds(NetworkKey(address), kNetwork, kTriesOfNetwork, now)) return true;
  if (Holds(UserKey(user), kUser, kTriesOfUser, now)) return true;
  return Holds(UserKey(user), kUser, kTriesOfUser / 2, now) && Holds(pair, kPair, 1, now);
}

void Throttle::CountFailure(const std::string& address, const std::string& user) {
  int64_t now = clock_.SteadyUs();
  std::lock_guard<std::mutex> hold(mutex_);
  Count(PairKey(address, user), kPair, now);
  Count(NetworkKey(address), kNetwork, now);
  Count(UserKey(user), kUser, now);
}

void Throttle::CountSuccess(const std::string& address, const std::string& user) {
  int64_t now = clock_.SteadyUs();
  std::lock_guard<std::mutex> hold(mutex_);
  Set(&spared_, PairKey(address, user), now + kSpareUs, now);
}

bool Throttle::MayLook(const std::string& address, const std::string& user) {
  int64_t now = clock_.SteadyUs();
  std::lock_guard<std::mutex> hold(mutex_);
  if (!Holds(PairKey(address, user), kPair, kTries, now)) return true;
  const std::string look = LookKey(address, user);
  if (Holds(look, kLook, kLooks, now)) return false;
  Count(look, kLook, now);
  return true;
}

bool Throttle::MustWait(const std::string& address, const std::string& tenant) {
  int64_t now = clock_.SteadyUs();
  std::lock_guard<std::mutex> hold(mutex_);
  if (!Holds(NetworkKey(address), kNetwork, kTriesOfNetwork, now)) return false;
  // That a secret is spared says that it is right: only so many may find that out.
  const std::string look = NetworkLookKey(address);
  if (Holds(look, kNetworkLook, kLooksOfNetwork, now)) return true;
  Count(look, kNetworkLook, now);
  return !IsOpen(spared_, PairKey(address, tenant), now);
}

void Throttle::CountUnknown(const std::string& address, const std::string& tenant) {
  int64_t now = clock_.SteadyUs();
  const std::string pair = PairKey(address, tenant);
  std::lock_guard<std::mutex> hold(mutex_);
  if (IsOpen(secrets_, pair, now)) return;
  Set(&secrets_, pair, now + kSameSecretUs, now);
  Count(NetworkKey(address), kNetwork, now);
}

void Throttle::CountKnown(const std::string& address, const std::string& tenant) {
  int64_t now = clock_.SteadyUs();
  const std::string pair = PairKey(address, tenant);
  std::lock_guard<std::mutex> hold(mutex_);
  Set(&spared_, pair, now + kSpareUs, now);
  if (secrets_.erase(pair) == 0) return;
  auto counted = failures_.find(NetworkKey(address));
  if (counted != failures_.end()) counted->second -= kNetwork.forget_us;
}

}  // namespace stateward
