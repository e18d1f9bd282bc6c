#include "auth/issuers.h"

#include <algorithm>
#include <array>
#include <atomic>
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
constexpr int64_t kReopenUs = 10LL * 1000000;

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

// An issuer that may not work yet: its trouble (a CA file that is not there) is its own, and ends
// without a restart.
class IssuerSlot {
 public:
  using Open = std::function<Result<std::unique_ptr<Issuer>>()>;

  IssuerSlot(Open open, const Clock& clock) : open_(std::move(open)), clock_(clock) { (void)Get(); }

  // Valid as long as this is.
  Result<Issuer*> Get() {
    std::lock_guard<std::mutex> hold(mutex_);
    int64_t now = clock_.SteadyUs();
    if (issuer_ == nullptr && now >= next_us_) {
      Result<std::unique_ptr<Issuer>> made = open_();
      next_us_ = now + kReopenUs;
      if (made.ok()) issuer_ = std::move(*made);
      if (!made.ok()) problem_ = Status::Unavailable(made.status().detail());
    }
    if (issuer_ == nullptr) return problem_;
    return issuer_.get();
  }

 private:
  const Open open_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<Issuer> issuer_;
  Status problem_;
  int64_t next_us_ = 0;
};

class Issuers : public TokenVerifier {
 public:
  struct Entry {
    TokenRules rules;
    std::unique_ptr<IssuerSlot> slot;
  };

  Issuers(std::vector<Entry> entries, const SecondVerifier& second, const Clock& clock,
          const Log& log, Observer& observer)
      : entries_(std::move(entries)),
        second_(second),
        clock_(clock),
        log_(log),
        observer_(observer) {}

  Result<VerifiedToken> Verify(const SecretString& token) override;

 private:
  Result<Remembered> VerifyAgain(const SecretString& token, int64_t now_s);
  Status AskSecond(const SecretString& text, const ParsedToken& token, const VerifyKey& key);
  const Entry* Find(const std::string& issuer) const;

  const std::vector<Entry> entries_;
  const SecondVerifier& second_;
  const Clock& clock_;
  const Log& log_;
  Observer& observer_;
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
  Result<Remembered> fresh = VerifyAgain(token, now_ms / 1000);
  if (!fresh.ok()) return std::move(fresh).status();
  fresh->until_ms = now_ms + kRememberMs;
  VerifiedToken out = fresh->token;
  memory_.Add(name, std::move(*fresh), now_ms);
  return out;
}

Result<Remembered> Issuers::VerifyAgain(const SecretString& token, int64_t now_s) {
  Result<ParsedToken> parsed = ParseToken(token.Reveal());
  if (!parsed.ok()) return std::move(parsed).status();
  const Entry* entry = Find(parsed->issuer);
  if (entry == nullptr) {
    return Status(Code::kUnauthenticated, "claims: iss is no issuer that is known here");
  }
  // Before a key is asked for: what will be refused anyway must not make us ask.
  Result<TokenTimes> times = CheckClaims(parsed->claims, entry->rules, now_s);
  if (!times.ok()) return std::move(times).status();
  Result<Issuer*> issuer = entry->slot->Get();
  if (!issuer.ok()) return std::move(issuer).status();
  Result<Issuer::Keys> keys = (*issuer)->KeysFor(parsed->kid);
  if (!keys.ok()) return std::move(keys).status();
  Result<const VerifyKey*> signer = CheckSignature(*parsed, **keys);
  if (!signer.ok()) return std::move(signer).status();
  STATEWARD_RETURN_IF_ERROR(AskSecond(token, *parsed, **signer));
  std::string subject = parsed->claims.String("sub").value_or("");
  VerifiedToken out{parsed->issuer,   std::move(subject),       std::move(parsed->claims),
                    times->expires_s, IsExpired(*times, now_s), HexEncode(Sha256(token.Reveal()))};
  return Remembered{std::move(out), *times, std::move(*keys), *issuer, 0};
}

// It sees no token that the first verifier refused.
Status Issuers::AskSecond(const SecretString& text, const ParsedToken& token,
                          const VerifyKey& key) {
  if (!second_.CanJudge(token)) return Status();
  Result<bool> accepts = second_.Accepts(text.Reveal(), token, key);
  if (!accepts.ok()) return std::move(accepts).status();
  if (*accepts) return Status();
  // Only who can sign for the issuer gets here: this cannot flood the log.
  observer_.OnTokenDisagreement();
  log_.Error(
      "OpenSSL accepts the signature of a token and libjwt does not; it is refused. issuer " +
      token.issuer + ", alg " + std::string(JwtAlgName(token.alg)));
  return {Code::kUnauthenticated, "signature: the two verifiers disagree"};
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
                                                        const Log& log, Observer& observer,
                                                        const TokenParts& parts) {
  STATEWARD_RETURN_IF_ERROR(CheckSettings(issuers));
  std::vector<Issuers::Entry> entries;
  auto waiting = std::make_shared<std::atomic<int>>(0);
  for (const IssuerSettings& settings : issuers) {
    auto open = [settings, runtime_folder, waiting, connect = parts.connect,
                 wait_ms = parts.wait_ms, &disk, &clock,
                 &log]() -> Result<std::unique_ptr<Issuer>> {
      HttpClientOptions options;
      options.allow_http = settings.url.substr(0, 7) == "http://";
      options.ca_file = settings.ca_file;
      Result<std::unique_ptr<HttpClient>> client = connect(options);
      if (!client.ok()) return std::move(client).status().At("issuer " + settings.url);
      IssuerOptions issuer;
      issuer.url = settings.url;
      issuer.cache_folder = runtime_folder;
      issuer.wait_ms = wait_ms;
      issuer.waiting = waiting;
      return std::make_unique<Issuer>(std::move(issuer), std::move(*client), disk, clock, log);
    };
    entries.push_back({{settings.url, settings.audiences, settings.any_audience},
                       std::make_unique<IssuerSlot>(open, clock)});
  }
  return std::unique_ptr<TokenVerifier>(
      std::make_unique<Issuers>(std::move(entries), *parts.second, clock, log, observer));
}

}  // namespace stateward
