#include "auth/issuers.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "auth/issuer.h"
#include "auth/jwt_verify.h"
#include "auth/key_fetch.h"
#include "base/hex.h"
#include "base/random.h"
#include "base/sha256.h"

namespace stateward {
namespace {

constexpr int64_t kRememberMs = int64_t{60} * 1000;
// Clients that are at work within one minute; some KiB of claims for each.
constexpr size_t kMaxRemembered = 1000;

struct Remembered {
  VerifiedToken token;
  TokenTimes times;
  Issuer::Keys keys;  // that verified it
  Issuer* issuer = nullptr;
  int64_t until_ms = 0;
};

// By a digest under a key of this process: the memory holds no token, and nobody can choose what
// falls together.
class TokenMemory {
 public:
  TokenMemory() { FillRandom(key_.data(), key_.size()); }

  std::string NameOf(const SecretString& token) const {
    Sha256Stream stream;
    stream.Update(key_);
    stream.Update(token.Reveal());
    return std::string(ByteView(stream.Finish()).AsString());
  }
  std::shared_ptr<const Remembered> Find(const std::string& name, int64_t now_ms) {
    std::lock_guard<std::mutex> hold(mutex_);
    auto it = entries_.find(name);
    if (it == entries_.end() || it->second->until_ms <= now_ms) return nullptr;
    return it->second;
  }
  void Add(const std::string& name, Remembered what, int64_t now_ms) {
    auto entry = std::make_shared<const Remembered>(std::move(what));
    std::lock_guard<std::mutex> hold(mutex_);
    if (entries_.size() >= kMaxRemembered) Sweep(now_ms);
    entries_[name] = std::move(entry);
  }

 private:
  void Sweep(int64_t now_ms) {
    for (auto it = entries_.begin(); it != entries_.end();) {
      it = it->second->until_ms <= now_ms ? entries_.erase(it) : std::next(it);
    }
    if (entries_.size() >= kMaxRemembered) entries_.clear();
  }

  std::array<uint8_t, 32> key_{};
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Remembered>> entries_;
};

class Issuers : public TokenVerifier {
 public:
  struct Entry {
    TokenRules rules;
    std::unique_ptr<Issuer> issuer;
  };

  Issuers(std::vector<Entry> entries, const Clock& clock)
      : entries_(std::move(entries)), clock_(clock) {}

  Result<VerifiedToken> Verify(const SecretString& token) override;

 private:
  Result<Remembered> VerifyAnew(const SecretString& token, int64_t now_s);
  const Entry* Find(const std::string& issuer) const;

  const std::vector<Entry> entries_;
  const Clock& clock_;
  TokenMemory memory_;
};

Result<VerifiedToken> Issuers::Verify(const SecretString& token) {
  if (token.size() > kMaxTokenBytes) {
    return Status(Code::kUnauthenticated, "token: longer than 16 KiB");
  }
  int64_t now_ms = clock_.NowMs();
  std::string name = memory_.NameOf(token);
  std::shared_ptr<const Remembered> known = memory_.Find(name, now_ms);
  if (known != nullptr && known->keys == known->issuer->Current() &&
      now_ms / 1000 + kTokenLeewayS >= known->times.not_before_s) {
    VerifiedToken out = known->token;
    out.expired = IsExpired(known->times, now_ms / 1000);
    return out;
  }
  Result<Remembered> fresh = VerifyAnew(token, now_ms / 1000);
  if (!fresh.ok()) return std::move(fresh).status();
  fresh->until_ms = now_ms + kRememberMs;
  VerifiedToken out = fresh->token;
  memory_.Add(name, std::move(*fresh), now_ms);
  return out;
}

Result<Remembered> Issuers::VerifyAnew(const SecretString& token, int64_t now_s) {
  Result<ParsedToken> parsed = ParseToken(token.Reveal());
  if (!parsed.ok()) return std::move(parsed).status();
  const Entry* entry = Find(parsed->issuer);
  if (entry == nullptr) {
    return Status(Code::kUnauthenticated, "claims: iss is no issuer that is known here");
  }
  // Before a key is asked for: what will be refused anyway must not make us ask.
  Result<TokenTimes> times = CheckClaims(*parsed, entry->rules, now_s);
  if (!times.ok()) return std::move(times).status();
  Result<Issuer::Keys> keys = entry->issuer->KeysFor(parsed->kid);
  if (!keys.ok()) return std::move(keys).status();
  STATEWARD_RETURN_IF_ERROR(CheckSignature(*parsed, **keys));
  std::string subject = parsed->claims.String("sub").value_or("");
  VerifiedToken out{parsed->issuer,   std::move(subject),       std::move(parsed->claims),
                    times->expires_s, IsExpired(*times, now_s), HexEncode(Sha256(token.Reveal()))};
  return Remembered{std::move(out), *times, std::move(*keys), entry->issuer.get(), 0};
}

const Issuers::Entry* Issuers::Find(const std::string& issuer) const {
  for (const Entry& entry : entries_) {
    if (entry.rules.issuer == issuer) return &entry;
  }
  return nullptr;
}

Status CheckSettings(const std::vector<IssuerSettings>& issuers) {
  if (issuers.size() > kMaxIssuers) {
    return Status::InvalidArgument("more than " + std::to_string(kMaxIssuers) + " issuers");
  }
  for (size_t i = 0; i < issuers.size(); ++i) {
    std::string name = "issuer " + issuers[i].url;
    STATEWARD_RETURN_IF_ERROR(CheckIssuerUrl(issuers[i].url).At(name));
    for (size_t j = 0; j < i; ++j) {
      if (issuers[j].url == issuers[i].url) return Status::InvalidArgument(name + " stands twice");
    }
    if (issuers[i].audiences.empty() && !issuers[i].any_audience) {
      return Status::InvalidArgument(name + " needs an audience");
    }
  }
  return Status();
}

}  // namespace

Result<std::unique_ptr<TokenVerifier>> NewTokenVerifier(const std::vector<IssuerSettings>& issuers,
                                                        const std::string& runtime_folder,
                                                        Disk& disk, const Clock& clock,
                                                        const Log& log, const Connect& connect) {
  STATEWARD_RETURN_IF_ERROR(CheckSettings(issuers));
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (const IssuerSettings& settings : issuers) {
    HttpClientOptions options;
    options.allow_http = settings.url.substr(0, 7) == "http://";
    options.ca_file = settings.ca_file;
    Result<std::unique_ptr<HttpClient>> client = connect(options);
    if (!client.ok()) return std::move(client).status().At("issuer " + settings.url);
    clients.push_back(std::move(*client));
  }
  std::vector<Issuers::Entry> entries;
  for (size_t i = 0; i < issuers.size(); ++i) {
    const IssuerSettings& settings = issuers[i];
    TokenRules rules{settings.url, settings.audiences, settings.any_audience};
    IssuerOptions options;
    options.url = settings.url;
    options.cache_folder = runtime_folder;
    entries.push_back(
        {std::move(rules),
         std::make_unique<Issuer>(std::move(options), std::move(clients[i]), disk, clock, log)});
  }
  return std::unique_ptr<TokenVerifier>(std::make_unique<Issuers>(std::move(entries), clock));
}

}  // namespace stateward
