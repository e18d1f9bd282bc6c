#include "kms/open_kms.h"

#include <string_view>
#include <utility>

#include "kms/envelope_kms.h"
#include "kms/key_source.h"
#include "kms/local_keys.h"
#include "kms/suite.h"

namespace stateward {
namespace {

using SuitePtr = std::shared_ptr<const Suite>;

Result<std::unique_ptr<KeySource>> OpenLocal(const SuitePtr& suite, const KmsSettings& settings) {
  return NewLocalKeys(suite, settings.key, settings.keyring);
}

struct Backend {
  std::string_view name;
  Result<std::unique_ptr<KeySource>> (*open)(const SuitePtr& suite, const KmsSettings& settings);
};
constexpr Backend kBackends[] = {
    {"local", OpenLocal},
};

Status UnknownBackend(const std::string& name) {
  std::string known;
  for (const Backend& backend : kBackends) {
    if (!known.empty()) known += ", ";
    known += backend.name;
  }
  return Status::InvalidArgument("KMS_BACKEND: \"" + name + "\" is unknown; there is: " + known);
}

}  // namespace

Result<std::unique_ptr<Kms>> OpenKms(const KmsSettings& settings) {
  for (const Backend& backend : kBackends) {
    if (backend.name != settings.backend) continue;
    Result<SuitePtr> suite = Suite::Load();
    if (!suite.ok()) return suite.status();
    Result<std::unique_ptr<KeySource>> keys = backend.open(*suite, settings);
    if (!keys.ok()) return keys.status();
    return std::unique_ptr<Kms>(
        std::make_unique<EnvelopeKms>(settings.backend, *suite, *std::move(keys)));
  }
  return UnknownBackend(settings.backend);
}

}  // namespace stateward
