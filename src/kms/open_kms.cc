#include "kms/open_kms.h"

#include <string_view>
#include <utility>
#include <vector>

#include "kms/combined_keys.h"
#include "kms/exported_keys.h"
#include "kms/key_source.h"
#include "kms/key_text.h"
#include "kms/local_keys.h"
#include "kms/suite.h"
#include "kms/transit_keys.h"
#include "kms/vault_keys.h"

namespace stateward {
namespace {

using SuitePtr = std::shared_ptr<const Suite>;
using Source = std::shared_ptr<KeySource>;

struct Opening {
  const KmsSettings& settings;
  SuitePtr suite;
  std::shared_ptr<VaultClient> vault;  // made when the first source needs it
  const Log* log;
  const Clock& clock;

  Status NeedVault() {
    if (vault != nullptr) return Status();
    Result<std::unique_ptr<VaultClient>> made = VaultClient::New(settings.vault, clock, log);
    if (!made.ok()) return std::move(made).status();
    vault = *std::move(made);
    return Status();
  }
};

// A ring may hold comments alone: the default of a credential that is not there.
bool HasLocal(const KmsSettings& s) {
  const Result<std::vector<SecretBytes>> ring = ParseKeys(s.keyring.Reveal());
  return !s.key.empty() || !ring.ok() || !ring->empty();
}
bool HasVault(const KmsSettings& s) { return !s.vault_key_path.empty(); }
bool HasTransit(const KmsSettings& s) { return !s.transit_key.empty(); }
// A source that is named, but that the exported keys stand in for.
bool IsGone(const KmsSettings& s) {
  return s.only_opens && s.vault.address.empty() && !s.transit_exported.empty();
}

Result<Source> OpenLocal(Opening* o, bool seals) {
  STATEWARD_ASSIGN_OR_RETURN(std::unique_ptr<KeySource> keys,
                             NewLocalKeys(o->suite, o->settings.key, o->settings.keyring, seals));
  return Source(std::move(keys));
}

Result<Source> OpenVault(Opening* o, bool) {
  STATEWARD_RETURN_IF_ERROR(o->NeedVault());
  STATEWARD_ASSIGN_OR_RETURN(std::unique_ptr<VaultKeys> keys,
                             VaultKeys::New(o->suite, o->vault, o->settings.vault_key_path,
                                            o->settings.vault_poll_seconds));
  return Source(std::move(keys));
}

Result<Source> OpenTransit(Opening* o, bool) {
  STATEWARD_RETURN_IF_ERROR(o->NeedVault());
  STATEWARD_ASSIGN_OR_RETURN(
      std::unique_ptr<TransitKeys> keys,
      TransitKeys::New(o->vault, o->settings.transit_engine, o->settings.transit_key));
  return Source(std::move(keys));
}

bool HasExported(const KmsSettings& s) { return !s.transit_exported.empty(); }
Result<Source> OpenExported(Opening* o, bool) {
  STATEWARD_ASSIGN_OR_RETURN(std::unique_ptr<KeySource> keys,
                             ExportedKeys::New(o->suite, o->settings.transit_exported));
  return Source(std::move(keys));
}

struct Backend {
  std::string_view name;  // "" = it only opens
  bool (*is_set)(const KmsSettings& settings);
  Result<Source> (*open)(Opening* opening, bool seals);
};
// In the order in which a key is looked for: what costs no call first.
constexpr Backend kBackends[] = {
    {"local", HasLocal, OpenLocal},
    {"", HasExported, OpenExported},
    {"vault", HasVault, OpenVault},
    {"transit", HasTransit, OpenTransit},
};

Status UnknownBackend(const std::string& name) {
  std::string known;
  for (const Backend& backend : kBackends) {
    if (backend.name.empty()) continue;
    if (!known.empty()) known += ", ";
    known += backend.name;
  }
  return Status::InvalidArgument("KMS_BACKEND: \"" + name + "\" is unknown; there is: " + known);
}

bool Same(const SecretString& a, const SecretString& b) {
  return EqualInConstantTime(a.Reveal(), b.Reveal());
}

// A secret that is read from a file when it is needed does not count: only the file's name does.
bool SameSecret(const std::string& file_a, const SecretString& a, const std::string& file_b,
                const SecretString& b) {
  return file_a == file_b && (!file_a.empty() || Same(a, b));
}

bool SameAuth(const VaultAuth& a, const VaultAuth& b) {
  return SameSecret(a.token_file, a.token, b.token_file, b.token) &&
         a.approle_mount == b.approle_mount && a.approle_role_id == b.approle_role_id &&
         SameSecret(a.approle_secret_id_file, a.approle_secret_id, b.approle_secret_id_file,
                    b.approle_secret_id) &&
         a.kube_mount == b.kube_mount && a.kube_role == b.kube_role &&
         a.kube_token_file == b.kube_token_file;
}

}  // namespace

bool SameKms(const KmsSettings& a, const KmsSettings& b) {
  return a.backend == b.backend && Same(a.key, b.key) && Same(a.keyring, b.keyring) &&
         a.vault_key_path == b.vault_key_path && a.vault_poll_seconds == b.vault_poll_seconds &&
         a.transit_engine == b.transit_engine && a.transit_key == b.transit_key &&
         Same(a.transit_exported, b.transit_exported) && a.vault.address == b.vault.address &&
         a.vault.name_space == b.vault.name_space && a.vault.ca_file == b.vault.ca_file &&
         a.vault.client_cert == b.vault.client_cert && a.vault.client_key == b.vault.client_key &&
         a.vault.tls_server_name == b.vault.tls_server_name && SameAuth(a.vault.auth, b.vault.auth);
}

Result<std::unique_ptr<EnvelopeKms>> OpenEnvelopeKms(const KmsSettings& settings, const Log* log,
                                                     const Clock& clock) {
  Result<SuitePtr> suite = Suite::Load();
  if (!suite.ok()) return suite.status();
  Opening opening{settings, *suite, nullptr, log, clock};
  std::vector<Source> sources;
  size_t seals = SIZE_MAX;
  for (const Backend& backend : kBackends) {
    const bool primary = !backend.name.empty() && backend.name == settings.backend;
    if (!(primary && !settings.only_opens) && !backend.is_set(settings)) continue;
    if (backend.open == OpenTransit && IsGone(settings)) continue;
    if (primary || (settings.only_opens && seals == SIZE_MAX)) seals = sources.size();
    STATEWARD_ASSIGN_OR_RETURN(sources.emplace_back(),
                               backend.open(&opening, primary && !settings.only_opens));
  }
  if (sources.empty() && settings.only_opens) {
    return Status::InvalidArgument("no key is set: KMS_KEY, KMS_TRANSIT_EXPORTED, …");
  }
  if (seals == SIZE_MAX) return UnknownBackend(settings.backend);
  Source keys = sources.size() == 1 ? std::move(sources.front())
                                    : std::make_shared<CombinedKeys>(std::move(sources), seals);
  if (opening.vault != nullptr) opening.vault->Start();
  return std::make_unique<EnvelopeKms>(settings.backend, *suite, std::move(keys));
}

Result<std::unique_ptr<Kms>> OpenKms(const KmsSettings& settings, const Log* log,
                                     const Clock& clock) {
  Result<std::unique_ptr<EnvelopeKms>> kms = OpenEnvelopeKms(settings, log, clock);
  if (!kms.ok()) return std::move(kms).status();
  return std::unique_ptr<Kms>(*std::move(kms));
}

}  // namespace stateward
