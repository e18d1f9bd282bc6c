#include "cli/export_layout.h"

#include <map>
#include <utility>

#include "auth/basic.h"
#include "base/state_name.h"
#include "cli/adopt_plan.h"
#include "kms/legacy_sealer.h"

namespace stateward {
namespace {

class Plain : public ExportLayout {
 public:
  Result<std::optional<std::string>> FileOf(const StateKey& key) override {
    if (!key.tenant.empty()) return std::optional<std::string>();
    return std::optional<std::string>(StateText(key) + ".tfstate");
  }
  Status Write(const std::string& file, ByteView document, int64_t time_ms,
               TarWriter* tar) const override {
    return tar->Add(file, document, time_ms);
  }
};

class Original : public ExportLayout {
 public:
  explicit Original(LegacySealer sealer) : sealer_(std::move(sealer)) {}

  Status AddSecret(const SecretString& secret) {
    Result<Grant> grant = NamespaceGrant(secret, {"p", "n"});
    if (!grant.ok()) return std::move(grant).status().At("a line of the secrets");
    secrets_[grant->key.tenant] = secret;
    return Status();
  }

  Result<std::optional<std::string>> FileOf(const StateKey& key) override {
    std::string id;
    if (key.tenant.empty()) {
      id = LegacyId(key);
    } else {
      auto secret = secrets_.find(key.tenant);
      if (secret == secrets_.end()) return std::optional<std::string>();
      id = LegacyId(secret->second, key);
    }
    const std::string name = StateText(key);
    const auto [here, first] = taken_.emplace(id, name);
    // There a-b/c and a/b-c are one state.
    if (!first) {
      return Status(Code::kConflict, name + ": terraform-backend keeps it where " + here->second +
                                         " is; rename one of them");
    }
    return std::optional<std::string>(id + ".tfstate");
  }

  Status Write(const std::string& file, ByteView document, int64_t time_ms,
               TarWriter* tar) const override {
    Result<Bytes> blob = sealer_.Seal(document);
    if (!blob.ok()) return std::move(blob).status();
    return tar->Add(file, *blob, time_ms);
  }

 private:
  const LegacySealer sealer_;
  std::map<std::string, SecretString> secrets_;  // by tenant
  std::map<std::string, std::string> taken_;     // by id: the state that lies there
};

}  // namespace

std::unique_ptr<ExportLayout> PlainLayout() { return std::make_unique<Plain>(); }

Result<std::unique_ptr<ExportLayout>> OriginalLayout(SecretBytes key,
                                                     const std::vector<SecretString>& secrets) {
  Result<LegacySealer> sealer = LegacySealer::Of(std::move(key));
  if (!sealer.ok()) return std::move(sealer).status();
  auto layout = std::make_unique<Original>(*std::move(sealer));
  for (const SecretString& secret : secrets) {
    STATEWARD_RETURN_IF_ERROR(layout->AddSecret(secret));
  }
  return std::unique_ptr<ExportLayout>(std::move(layout));
}

}  // namespace stateward
