#include "kms/transit_keys.h"

#include <algorithm>
#include <optional>

#include "base/base64.h"
#include "base/json.h"
#include "base/sha256.h"
#include "client/vault_json.h"
#include "kms/header.h"

namespace stateward {
namespace {

constexpr std::string_view kPrefix = "vault:v";
constexpr int64_t kSweepMs = int64_t{10} * 1000;
// Vault itself takes requests of 32 MiB at most, so no state of the original is larger.
constexpr uint64_t kMaxWholeState = uint64_t{48} << 20;

bool IsBase64(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
  });
}

// What Vault itself takes: what stands between slashes of its paths.
bool IsPathPart(std::string_view text, bool slashes) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [slashes](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || (slashes && c == '/');
  });
}

// That we may not ask Vault is no answer to a client of ours.
Status Outage(const Status& status) { return Status::Unavailable(status.detail()).At("transit"); }

}  // namespace

SecretBytes DataKeyCache::Get(const std::string& wrapped) {
  std::lock_guard<std::mutex> hold(mutex_);
  DropOld(clock_.SteadyUs());
  const auto it = by_wrapped_.find(wrapped);
  return it == by_wrapped_.end() ? SecretBytes() : it->second->key;
}

void DataKeyCache::Put(const std::string& wrapped, const SecretBytes& key) {
  std::lock_guard<std::mutex> hold(mutex_);
  const int64_t now = clock_.SteadyUs();
  DropOld(now);
  if (by_wrapped_.count(wrapped) > 0) return;
  if (entries_.size() == kMaxKeys) {
    by_wrapped_.erase(entries_.front().wrapped);
    entries_.pop_front();
  }
  entries_.push_back({wrapped, key, now + kLifeUs});
  by_wrapped_.emplace(wrapped, std::prev(entries_.end()));
}

void DataKeyCache::Sweep() {
  std::lock_guard<std::mutex> hold(mutex_);
  DropOld(clock_.SteadyUs());
}

void DataKeyCache::DropOld(int64_t now) {
  while (!entries_.empty() && entries_.front().until_us <= now) {
    by_wrapped_.erase(entries_.front().wrapped);
    entries_.pop_front();
  }
}

uint64_t TransitVersion(ByteView text) {
  const std::string_view all = text.AsString();
  if (all.substr(0, kPrefix.size()) != kPrefix) return 0;
  const size_t colon = all.find(':', kPrefix.size());
  if (colon == all.npos || !IsBase64(all.substr(colon + 1))) return 0;
  return ParseUint64(all.substr(kPrefix.size(), colon - kPrefix.size())).value_or(0);
}

KeyId TransitKeys::IdOf(const std::string& key) {
  const Sha256Digest digest = Sha256("stateward transit key v1:" + key);
  KeyId id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

Result<std::unique_ptr<TransitKeys>> TransitKeys::New(std::shared_ptr<VaultClient> client,
                                                      std::string engine, std::string key) {
  while (!engine.empty() && engine.back() == '/') engine.pop_back();
  if (!IsPathPart(engine, true)) {
    return Status::InvalidArgument(
        "KMS_TRANSIT_ENGINE is to be the path at which Transit is "
        "mounted, e.g. transit");
  }
  if (!IsPathPart(key, false)) {
    return Status::InvalidArgument("KMS_TRANSIT_KEY is to be the name of a key of Transit");
  }
  std::unique_ptr<TransitKeys> keys(new TransitKeys(client, std::move(engine), std::move(key)));
  TransitKeys* self = keys.get();
  client->AddTask([self] {
    self->cache_.Sweep();
    return kSweepMs;
  });
  return keys;
}

// A 400 or 404. That a ciphertext is refused is a proof; that the key or the engine is not there
// may be a slip of the operator, who can bring it back.
Status TransitKeys::Explain(const VaultAnswer& answer) const {
  const std::string where = "transit " + engine_ + "/" + key_ + ": ";
  if (answer.status == 404) return Status::Unavailable(where + "not there: 404 " + answer.error);
  if (answer.error.find("not found") != std::string::npos) {
    return Status::Unavailable(where + answer.error);
  }
  return Status::Corruption(where + (answer.error.empty() ? "400" : answer.error));
}

Result<MessageKey> TransitKeys::NewMessageKey() {
  // Not `encrypt`: that makes a key of this name when there is none.
  Result<VaultAnswer> answer = client_->Call(
      {"POST", engine_ + "/datakey/plaintext/" + key_, std::string_view("{\"bits\":256}")});
  if (!answer.ok()) return Outage(answer.status());
  if (answer->status != 200) return Status::Unavailable(Explain(*answer).detail());
  auto plain = JsonText(answer->body, {"data", "plaintext"});
  auto wrapped = JsonText(answer->body, {"data", "ciphertext"});
  std::optional<SecretBytes> key;
  if (plain.ok() && *plain) key = Base64Decode((*plain)->Reveal());
  const bool good = key && key->size() == kKeyBytes && wrapped.ok() && *wrapped &&
                    TransitVersion((*wrapped)->Reveal()) != 0 && (*wrapped)->size() <= kMaxWrapped;
  if (!good) return Status::Unavailable("transit: the answer is no data key");
  const std::string text((*wrapped)->Reveal());
  cache_.Put(text, *key);
  return MessageKey{id_, *std::move(key), Bytes(text.begin(), text.end())};
}

Result<SecretBytes> TransitKeys::Decrypt(ByteView text, uint64_t max_answer) {
  constexpr std::string_view kHead = "{\"ciphertext\":\"";
  constexpr std::string_view kTail = "\"}";
  Bytes body;
  body.reserve(kHead.size() + text.size() + kTail.size());
  body.insert(body.end(), kHead.begin(), kHead.end());
  body.insert(body.end(), text.begin(), text.end());
  body.insert(body.end(), kTail.begin(), kTail.end());
  Result<VaultAnswer> answer =
      client_->Call({"POST", engine_ + "/decrypt/" + key_, body, max_answer});
  if (!answer.ok()) return Outage(answer.status());
  if (answer->status != 200) return Explain(*answer);
  auto plain = JsonText(answer->body, {"data", "plaintext"});
  std::optional<SecretBytes> bytes;
  if (plain.ok() && *plain) bytes = Base64Decode((*plain)->Reveal());
  if (!bytes) return Status::Unavailable("transit: the answer is no plaintext");
  return *std::move(bytes);
}

Result<SecretBytes> TransitKeys::ResolveKey(const KeyId& id, ByteView wrapped) {
  if (wrapped.empty() || id != id_) return UnknownKey(id);
  if (TransitVersion(wrapped) == 0) return Status::Corruption("transit: not a wrapped key");
  const std::string text(wrapped.AsString());
  SecretBytes cached = cache_.Get(text);
  if (!cached.empty()) return cached;
  Result<SecretBytes> key = Decrypt(wrapped, uint64_t{1} << 20);
  if (!key.ok()) return key.status();
  if (key->size() != kKeyBytes) return Status::Corruption("transit: what was wrapped is no key");
  cache_.Put(text, *key);
  return key;
}

Result<SecretBytes> TransitKeys::OpenLegacy(ByteView blob) {
  if (TransitVersion(blob) == 0) return Status::Corruption("legacy blob: not a text of Transit");
  return Decrypt(blob, kMaxWholeState);
}

Result<std::vector<KnownKey>> TransitKeys::Keys() {
  return std::vector<KnownKey>{{id_, "transit: " + engine_ + "/" + key_}};
}

}  // namespace stateward
