#include "kms/vault_keys.h"

#include <algorithm>
#include <optional>

#include "base/hex.h"
#include "kms/key_text.h"
#include "vault/vault_json.h"

namespace stateward {
namespace {

constexpr int64_t kSecondUs = int64_t{1000} * 1000;
// Before the first success: who starts before Vault is there should not wait long after it.
constexpr int64_t kFirstGapUs = 1 * kSecondUs;
// An unknown key id may come with every request; each is looked up once in this time, and of all of
// them so many.
constexpr int64_t kUnknownGapUs = 5 * kSecondUs;
constexpr size_t kLookUps = 8;
// Requests that find no key at all wait for one reading, not for one each.
constexpr int64_t kRequestGapUs = kSecondUs / 2;

Status Trouble(const std::string& path, const std::string& what) {
  return Status::Unavailable("KMS_VAULT_KEY_PATH " + path + ": " + what);
}

}  // namespace

Result<std::unique_ptr<VaultKeys>> VaultKeys::New(std::shared_ptr<const Suite> suite,
                                                  std::shared_ptr<VaultClient> client,
                                                  std::string path, uint64_t poll_seconds) {
  while (!path.empty() && path.front() == '/') path.erase(0, 1);
  const size_t data = path.find("/data/");
  if (data == 0 || data == path.npos || data + 6 == path.size()) {
    return Status::InvalidArgument(
        "KMS_VAULT_KEY_PATH must be MOUNT/data/NAME of a KV engine, "
        "version 2, e.g. kv/data/terraform-backend");
  }
  std::unique_ptr<VaultKeys> keys(
      new VaultKeys(std::move(suite), client, std::move(path), poll_seconds));
  VaultKeys* self = keys.get();
  client->AddTask([self] { return self->Poll(); });
  return keys;
}

VaultKeys::KnownPtr VaultKeys::Have() {
  std::lock_guard<std::mutex> hold(mutex_);
  return known_;
}

Result<VaultKeys::KnownPtr> VaultKeys::Ring() {
  KnownPtr known = Have();
  if (known != nullptr) return known;
  const Status loaded = Refresh(kRequestGapUs);
  known = Have();
  if (known != nullptr) return known;
  return loaded.ok() ? Status::Unavailable("no key was read yet") : loaded;
}

Result<MessageKey> VaultKeys::NewMessageKey(const SealContext&) {
  Result<KnownPtr> known = Ring();
  if (!known.ok()) return known.status();
  return (*known)->ring.NewMessageKey();
}

Result<SecretBytes> VaultKeys::ResolveKey(const KeyId& id, ByteView wrapped, const SealContext&) {
  if (!wrapped.empty()) return UnknownKey(id);
  Result<KnownPtr> known = Ring();
  if (!known.ok()) return known.status();
  Result<SecretBytes> key = (*known)->ring.ResolveKey(id, wrapped);
  if (key.ok()) return key;
  return LookUp(id);
}

Result<LegacyPlain> VaultKeys::OpenLegacy(ByteView blob) {
  Result<KnownPtr> known = Ring();
  if (!known.ok()) return known.status();
  return (*known)->ring.OpenLegacy(blob);
}

Status VaultKeys::Check() {
  Result<KnownPtr> known = Ring();
  return known.ok() ? Status() : std::move(known).status();
}

Result<std::vector<KnownKey>> VaultKeys::Keys() {
  Result<KnownPtr> known = Ring();
  if (!known.ok()) return known.status();
  return (*known)->labels;
}

Status VaultKeys::Refresh(int64_t not_within_us) {
  std::lock_guard<std::mutex> hold(load_mutex_);
  if (loaded_us_ != 0 && client_->clock().SteadyUs() - loaded_us_ < not_within_us) return loaded_;
  return LoadAndSay(false);
}

Status VaultKeys::LoadAndSay(bool all) {
  loaded_ = Load(all);
  loaded_us_ = client_->clock().SteadyUs();
  const std::string trouble = loaded_.ok() ? "" : loaded_.detail();
  if (!trouble.empty() && trouble != said_) client_->Say(LogLevel::kError, trouble);
  said_ = trouble;
  return loaded_;
}

// Another server may have sealed with a version that is new. Only Vault can say that there is none,
// so without an answer nothing is known.
Result<SecretBytes> VaultKeys::LookUp(const KeyId& id) {
  std::lock_guard<std::mutex> hold(load_mutex_);
  Result<SecretBytes> key = Have()->ring.ResolveKey(id, {});
  if (key.ok()) return key;  // another thread was faster
  const int64_t now = client_->clock().SteadyUs();
  if (now - looked_up_us_ >= kUnknownGapUs) {
    unknown_.clear();
    looked_up_us_ = now;
  }
  if (std::find(unknown_.begin(), unknown_.end(), id) != unknown_.end()) return UnknownKey(id);
  if (unknown_.size() >= kLookUps) {
    return Status::Unavailable("key " + HexEncode(id) + " is looked up in some seconds");
  }
  STATEWARD_RETURN_IF_ERROR(LoadAndSay(true));
  key = Have()->ring.ResolveKey(id, {});
  if (!key.ok()) unknown_.push_back(id);
  return key;
}

int64_t VaultKeys::Poll() {
  const Status done = Refresh(0);
  if (done.ok()) return static_cast<int64_t>(poll_seconds_) * 1000;
  return Have() == nullptr ? kFirstGapUs / 1000
                           : std::min<int64_t>(static_cast<int64_t>(poll_seconds_), 5) * 1000;
}

// number 0: the newest.
Result<VaultKeys::Read> VaultKeys::ReadVersion(uint64_t number) {
  const std::string query = number == 0 ? "" : "?version=" + std::to_string(number);
  Result<VaultAnswer> answer = client_->Call({"GET", path_ + query});
  if (!answer.ok()) return Trouble(path_, answer.status().detail());
  if (answer->status == 400) return Trouble(path_, "400 " + answer->error);
  Result<std::optional<uint64_t>> version =
      JsonNumber(answer->body, {"data", "metadata", "version"});
  Read read;
  if (answer->status == 404) {
    // A version that is gone comes with its number; a path that is not there, with none.
    if (number == 0 && (!version.ok() || !*version)) {
      return Trouble(path_, "Vault holds no secret there");
    }
    read.number = number != 0 ? number : **version;
    return read;
  }
  if (!version.ok() || !*version || (number != 0 && **version != number)) {
    return Trouble(path_, "the answer is not one of a KV engine of version 2");
  }
  read.number = **version;
  read.alive = true;
  const std::string where = "version " + std::to_string(read.number) + ": ";
  Result<std::optional<SecretString>> text = JsonText(answer->body, {"data", "data", "key"});
  if (!text.ok() || !*text) {
    read.trouble = where + "has no text in the field \"key\"";
    return read;
  }
  Result<SecretBytes> key = ParseKey((*text)->Reveal());
  if (key.ok()) {
    read.key = *std::move(key);
  } else {
    read.trouble = where + "the field \"key\" " + key.status().detail();
  }
  return read;
}

Status VaultKeys::Load(bool all) {
  Result<Read> newest = ReadVersion(0);
  if (!newest.ok()) return newest.status();
  if (!newest->trouble.empty()) return Trouble(path_, newest->trouble);
  const KnownPtr known = Have();
  const bool same = known != nullptr && newest->number == known->newest &&
                    ByteView(newest->key) == ByteView(known->newest_key);
  return same && !all ? Status() : Adopt(*std::move(newest));
}

Result<std::vector<VaultKeys::Read>> VaultKeys::ReadOlder(uint64_t top) {
  std::vector<Read> out;
  for (uint64_t number = top; number-- > 1 && out.size() < kMaxKeys - 1;) {
    if (top - number >= kMaxKeys) break;
    Result<Read> read = ReadVersion(number);
    if (!read.ok()) return read.status();
    if (!read->trouble.empty()) {
      client_->Say(LogLevel::kWarning, path_ + ": passed over: " + read->trouble);
    } else if (read->alive) {
      out.push_back(*std::move(read));
    }
  }
  return out;
}

Status VaultKeys::Adopt(Read newest) {
  Result<std::vector<Read>> versions = ReadOlder(newest.number);
  if (!versions.ok()) return versions.status();
  if (newest.alive) {
    versions->insert(versions->begin(), newest);
  } else {
    client_->Say(LogLevel::kWarning, "version " + std::to_string(newest.number) + " of " + path_ +
                                         " is deleted; the newest that is not seals");
  }
  if (versions->empty()) return Trouble(path_, "every version is deleted or destroyed");
  return Exchange(newest, *versions);
}

// The keys of Vault first, newest first; then those that only this process still has.
Status VaultKeys::Exchange(const Read& newest, const std::vector<Read>& versions) {
  const KnownPtr known = Have();
  std::vector<SecretBytes> keys;
  std::vector<std::string> texts;
  for (const Read& read : versions) {
    keys.push_back(read.key);
    texts.push_back("vault: version " + std::to_string(read.number) + " of " + path_);
  }
  if (known != nullptr) {
    for (const Keyring::Entry& entry : known->ring.entries()) {
      if (keys.size() == kMaxKeys) break;
      keys.push_back(entry.key);
      texts.emplace_back("vault: no longer in " + path_);
    }
  }
  std::vector<KnownKey> labels;
  for (size_t i = 0; i < keys.size(); ++i) {
    const KeyId id = suite_->IdOf(keys[i]);
    const bool twice = std::any_of(labels.begin(), labels.end(),
                                   [&id](const KnownKey& key) { return key.id == id; });
    if (!twice) labels.push_back({id, texts[i]});
  }
  Result<Keyring> ring = Keyring::Of(suite_, std::move(keys));
  if (!ring.ok()) return ring.status();
  if (known == nullptr || known->ring.primary().id != ring->primary().id) {
    client_->Say(LogLevel::kInfo, "version " + std::to_string(versions.front().number) + " of " +
                                      path_ + " seals from now on");
  }
  auto next = std::make_shared<const Known>(
      Known{*std::move(ring), std::move(labels), newest.number, newest.key});
  std::lock_guard<std::mutex> hold(mutex_);
  known_ = std::move(next);
  return Status();
}

}  // namespace stateward
