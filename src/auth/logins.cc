#include "auth/logins.h"

#include <openssl/hmac.h>

#include <iterator>
#include <utility>

#include "auth/jwt_verify.h"
#include "auth/password.h"
#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"

namespace stateward {

std::string NewMachineToken() { return std::string(kTokenPrefix) + RandomHex(32); }

bool LooksLikeMachineToken(std::string_view text) {
  return text.substr(0, kTokenPrefix.size()) == kTokenPrefix &&
         IsHex(text.substr(kTokenPrefix.size()), 64);
}

bool IsTokenText(std::string_view text) {
  return text.substr(0, kTokenPrefix.size()) == kTokenPrefix || LooksLikeToken(text);
}

Logins::Logins(const Clock& clock, Throttle& throttle, int request_threads,
               HashWorkers::Check check)
    : clock_(clock), throttle_(throttle), hashes_(request_threads, std::move(check)) {
  FillRandom(key_.data(), key_.size());
}

// Under a key of this process, so that what is remembered says nothing about the password; with the
// stored hash, so that a changed password is not remembered.
Logins::Digest Logins::KeyedDigest(const std::string& user, const std::string& hash,
                                   const SecretString& password) const {
  std::string_view text = password.Reveal();
  SecretBytes all;
  all.reserve(user.size() + hash.size() + text.size() + 2);
  all.insert(all.end(), user.begin(), user.end());
  all.push_back(0);  // no user name and no hash has a NUL
  all.insert(all.end(), hash.begin(), hash.end());
  all.push_back(0);
  all.insert(all.end(), text.begin(), text.end());
  Digest out{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), all.data(), all.size(), out.data(),
       &size);
  return out;
}

bool Logins::Remembered(const Digest& digest) {
  std::lock_guard<std::mutex> hold(remembered_mutex_);
  int64_t now = clock_.SteadyUs();
  auto it = remembered_.find(digest);
  if (it == remembered_.end() || now >= it->second) return false;
  it->second = now + kRememberUs;
  return true;
}

void Logins::Remember(const Digest& digest) {
  int64_t now = clock_.SteadyUs();
  std::lock_guard<std::mutex> hold(remembered_mutex_);
  if (remembered_.size() >= kMaxRemembered) {
    for (auto it = remembered_.begin(); it != remembered_.end();) {
      it = it->second <= now ? remembered_.erase(it) : std::next(it);
    }
  }
  // The digests are as good as random: any one may go.
  if (remembered_.size() >= kMaxRemembered) remembered_.erase(remembered_.begin());
  remembered_[digest] = now + kRememberUs;
}

Status Logins::CheckPassword(const Policy& policy, const std::string& user,
                             const SecretString& password, const std::string& address) {
  const PolicyUser* known = policy.FindUser(user);
  Digest digest{};
  if (known != nullptr) {
    digest = KeyedDigest(user, known->hash, password);
    if (throttle_.MayLook(address, user) && Remembered(digest)) return Status();
  }
  if (throttle_.MustWaitForUser(address, user)) {
    return {Code::kTooManyRequests, "too many failed logins of this user from there"};
  }
  // An unknown name is checked against the hash of a known one, always the same for the same name,
  // so that it takes as long as a known name would.
  const std::string* hash = known == nullptr ? nullptr : &known->hash;
  if (known == nullptr && !policy.users.empty()) {
    Digest name = KeyedDigest(user, "", SecretString());
    size_t pick = static_cast<size_t>(name[0]) << 8 | name[1];
    hash = &policy.users[pick % policy.users.size()].hash;
  }
  if (hash != nullptr) ++hash_calls_;
  Result<bool> right = hash == nullptr ? Result<bool>(false) : hashes_.Verify(password, *hash);
  if (!right.ok()) return std::move(right).status();
  if (*right && known != nullptr) {
    throttle_.CountSuccess(address, user);
    Remember(digest);
    return Status();
  }
  throttle_.CountFailure(address, user);
  return {Code::kUnauthenticated, "no such user, or another password"};
}

const PolicyToken* Logins::FindToken(const Policy& policy, const SecretString& text) {
  Sha256Digest digest = Sha256(text.Reveal());
  const PolicyToken* found = nullptr;
  for (const PolicyToken& token : policy.tokens) {
    if (EqualInConstantTime(token.sha256, digest)) found = &token;
  }
  return found;
}

}  // namespace stateward
