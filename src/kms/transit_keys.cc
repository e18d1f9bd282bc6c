#include "kms/transit_keys.h"

#include <algorithm>
#include <optional>

#include "base/base64.h"
#include "base/json.h"
#include "base/random.h"
#include "base/sha256.h"
#include "kms/bound_key.h"
#include "kms/header.h"
#include "vault/vault_json.h"

namespace stateward {
namespace {

constexpr std::string_view kPrefix = "vault:v";
constexpr int64_t kSweepMs = int64_t{10} * 1000;
// Vault itself takes requests of 32 MiB at most, so no state of the original is larger.
constexpr uint64_t kMaxWholeState = uint64_t{48} << 20;
// Keys and their wrapped forms have some hundred bytes.
constexpr uint64_t kSmallAnswer = uint64_t{1} << 20;
// Rights are changed by people: within a minute is soon.
constexpr int64_t kRightsUs = int64_t{60} * 1000 * 1000;
// /ready says within 2 s what is wrong, and its own look may be 1.5 s old (app/app.cc).
constexpr int64_t kCheckUs = int64_t{400} * 1000;
// What Check encrypts: it can be taken for no key (its length) and for no state (it is no JSON).
constexpr std::string_view kSample = "stateward checks its key";
// Asks Vault whether there is a key: a version that no key has is refused before anything is
// decrypted, whatever the key's type (of RSA keys, what does not decrypt is a 500).
constexpr std::string_view kNoCiphertext = "vault:v999999999:AAAAAAAAAAAAAAAAAAAAAAAA";

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

// That this server may not ask Vault is nothing that a client can mend.
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
        "KMS_TRANSIT_ENGINE must be the path at which Transit is "
        "mounted, e.g. transit");
  }
  if (!IsPathPart(key, false)) {
    return Status::InvalidArgument("KMS_TRANSIT_KEY must be the name of a key of Transit");
  }
  std::unique_ptr<TransitKeys> keys(new TransitKeys(client, std::move(engine), std::move(key)));
  TransitKeys* self = keys.get();
  client->AddTask([self] {
    self->cache_.Sweep();
    return kSweepMs;
  });
  return keys;
}

// A 400 or 404. A ciphertext is refused when it is damaged, and also when it was made with a
// version that may not be used any more, or with another key of this name: Vault's texts tell them
// apart in part only. That the key or the engine is not there may be a slip of the operator, who
// can bring it back.
Status TransitKeys::Explain(const VaultAnswer& answer) const {
  const std::string where = "transit " + engine_ + "/" + key_ + ": ";
  if (answer.status == 404) return Status::Unavailable(where + "not there: 404 " + answer.error);
  if (answer.error.find("not found") != std::string::npos) {
    return Status::Unavailable(where + answer.error);
  }
  return Status::UnknownKey(where + (answer.error.empty() ? "400" : answer.error));
}

TransitKeys::TransitKeys(std::shared_ptr<VaultClient> client, std::string engine, std::string key)
    : client_(std::move(client)),
      engine_(std::move(engine)),
      key_(std::move(key)),
      id_(IdOf(key_)),
      cache_(client_->clock()),
      rights_(client_->clock(), kRightsUs, [this] { return LookUpRights(); }),
      check_(client_->clock(), kCheckUs, [this] { return TryBoth(); }) {}

Result<MessageKey> TransitKeys::NewMessageKey(const SealContext& where) {
  SecretBytes key(kKeyBytes);
  FillRandom(key.data(), key.size());
  Result<SecretBytes> bound = BindKey(key, where);
  if (!bound.ok()) return bound.status();
  Result<SecretString> wrapped = Encrypt(*bound);
  if (!wrapped.ok()) return wrapped.status();
  const std::string text(wrapped->Reveal());
  cache_.Put(text, *bound);
  return MessageKey{id_, std::move(key), Bytes(text.begin(), text.end())};
}

// {"<member>":"<text>"} to engine/verb/key. What stands in it may be a key: it is wiped.
Result<VaultAnswer> TransitKeys::Send(std::string_view verb, std::string_view member, ByteView text,
                                      uint64_t max_answer) {
  SecretBytes body;
  body.reserve(member.size() + text.size() + 8);
  for (ByteView part :
       {ByteView("{\"", 2), ByteView(member), ByteView("\":\"", 3), text, ByteView("\"}", 2)}) {
    body.insert(body.end(), part.begin(), part.end());
  }
  return client_->Call({"POST", engine_ + "/" + std::string(verb) + "/" + key_, body, max_answer});
}

// Vault's `encrypt` makes a key of this name when there is none and the token may create. Nobody
// could open with the new key what the old one sealed, so this is asked first.
Status TransitKeys::KeyIsThere() {
  Result<VaultAnswer> answer = Send("decrypt", "ciphertext", kNoCiphertext, kSmallAnswer);
  if (!answer.ok()) return Outage(answer.status());
  const bool gone = answer->status == 404 || answer->error.find("not found") != std::string::npos;
  return gone ? Explain(*answer) : Status();
}

Result<SecretString> TransitKeys::Encrypt(ByteView plain) {
  const Rights rights = rights_.Get();
  if (!rights.known || rights.create) STATEWARD_RETURN_IF_ERROR(KeyIsThere());
  const SecretString text = SecretBase64(plain);
  Result<VaultAnswer> answer = Send("encrypt", "plaintext", text.Reveal(), kSmallAnswer);
  if (!answer.ok()) return Outage(answer.status());
  if (answer->status != 200) return Status::Unavailable(Explain(*answer).detail());
  auto wrapped = JsonText(answer->body, {"data", "ciphertext"});
  const bool good = wrapped.ok() && *wrapped && TransitVersion((*wrapped)->Reveal()) != 0 &&
                    (*wrapped)->size() <= kMaxWrapped;
  if (!good) return Status::Unavailable("transit: the answer is no ciphertext");
  return **std::move(wrapped);
}

Result<SecretBytes> TransitKeys::Decrypt(ByteView text, uint64_t max_answer) {
  Result<VaultAnswer> answer = Send("decrypt", "ciphertext", text, max_answer);
  if (!answer.ok()) return Outage(answer.status());
  if (answer->status != 200) return Explain(*answer);
  auto plain = JsonText(answer->body, {"data", "plaintext"});
  std::optional<SecretBytes> bytes;
  if (plain.ok() && *plain) bytes = Base64Decode((*plain)->Reveal());
  if (!bytes) return Status::Unavailable("transit: the answer is no plaintext");
  return *std::move(bytes);
}

Result<SecretBytes> TransitKeys::ResolveKey(const KeyId& id, ByteView wrapped,
                                            const SealContext& where) {
  if (wrapped.empty() || id != id_) return UnknownKey(id);
  if (TransitVersion(wrapped) == 0) return Status::UnknownKey("transit: not a wrapped key");
  const std::string text(wrapped.AsString());
  SecretBytes bound = cache_.Get(text);
  const bool cached = !bound.empty();
  if (!cached) {
    Result<SecretBytes> opened = Decrypt(wrapped, kSmallAnswer);
    if (!opened.ok()) return opened.status();
    bound = *std::move(opened);
  }
  Result<SecretBytes> key = UnbindKey(bound, where);
  if (!key.ok()) return std::move(key).status().At("transit");
  if (!cached) cache_.Put(text, bound);
  return key;
}

// Of 403 Vault does not say why; this does, where the token may ask.
TransitKeys::Rights TransitKeys::LookUpRights() {
  const std::string encrypt = engine_ + "/encrypt/" + key_;
  const std::string decrypt = engine_ + "/decrypt/" + key_;
  JsonWriter w;
  w.BeginObject().Key("paths").BeginArray().String(encrypt).String(decrypt).EndArray().EndObject();
  Rights rights;
  Result<VaultAnswer> answer = client_->Call({"POST", "sys/capabilities-self", w.text()});
  if (!answer.ok() || answer->status != 200) return rights;
  Result<JsonObject> json = ParseSmallJson(answer->body);
  std::optional<JsonObject> data = json.ok() ? json->Object("data") : std::nullopt;
  if (!data) return rights;
  const auto may = [&data](const std::string& path, std::string_view right) {
    const std::vector<std::string> all = data->Strings(path).value_or(std::vector<std::string>());
    return std::any_of(all.begin(), all.end(),
                       [right](const std::string& one) { return one == right || one == "root"; });
  };
  rights.known = data->Strings(encrypt) && data->Strings(decrypt);
  rights.encrypt = may(encrypt, "update");
  rights.decrypt = may(decrypt, "update");
  rights.create = may(encrypt, "create");
  return rights;
}

std::string TransitKeys::Rights::Text() const {
  if (!known) return "";
  std::string lacks = encrypt ? "" : "encrypt/KMS_TRANSIT_KEY";
  if (!decrypt) lacks += std::string(lacks.empty() ? "" : " and ") + "decrypt/KMS_TRANSIT_KEY";
  if (!lacks.empty()) return "the token for Vault lacks the right to update " + lacks;
  if (!create) return "";
  return "the token for Vault may create encrypt/KMS_TRANSIT_KEY, which makes a key where there is "
         "none; the right to update is enough";
}

Status TransitKeys::TryBoth() {
  Result<SecretString> sealed = Encrypt(kSample);
  Result<SecretBytes> opened =
      sealed.ok() ? Decrypt(sealed->Reveal(), kSmallAnswer) : Result<SecretBytes>(sealed.status());
  if (!opened.ok()) {
    rights_.Forget();  // perhaps they were changed
    const std::string lacks = Warning();
    return Status(opened.status()).At(lacks.empty() ? "kms check" : "kms check: " + lacks);
  }
  if (ByteView(*opened) == ByteView(kSample)) return Status();
  return Status::Internal("kms check: what was decrypted is not what was encrypted");
}

Result<LegacyPlain> TransitKeys::OpenLegacy(ByteView blob) {
  if (TransitVersion(blob) == 0) return Status::UnknownKey("legacy blob: not a text of Transit");
  Result<SecretBytes> plain = Decrypt(blob, kMaxWholeState);
  if (!plain.ok()) return plain.status();
  return LegacyPlain{id_, *std::move(plain)};
}

Result<std::vector<KnownKey>> TransitKeys::Keys() {
  return std::vector<KnownKey>{{id_, "transit: " + engine_ + "/" + key_}};
}

}  // namespace stateward
