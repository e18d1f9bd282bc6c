#include "kms/combined_keys.h"

namespace stateward {
namespace {

// How much a failure says: that a key is not in one source says nothing of the others, damage was
// proved by a source that has the key, and an outage of one source leaves the question open.
int Weight(const Status& status) {
  if (status.ok()) return 0;
  if (status.code() == Code::kUnknownKey) return 1;
  return status.code() == Code::kCorruption ? 2 : 3;
}

// The first that succeeds.
template <typename Found, typename Ask>
Result<Found> FirstThatHas(const std::vector<std::shared_ptr<KeySource>>& sources, const Ask& ask) {
  Status failed;
  for (const std::shared_ptr<KeySource>& source : sources) {
    Result<Found> found = ask(*source);
    if (found.ok()) return found;
    if (Weight(found.status()) > Weight(failed)) failed = found.status();
  }
  return failed;
}

}  // namespace

Result<SecretBytes> CombinedKeys::ResolveKey(const KeyId& id, ByteView wrapped,
                                             const SealContext& where) {
  return FirstThatHas<SecretBytes>(
      sources_, [&](KeySource& source) { return source.ResolveKey(id, wrapped, where); });
}

Result<LegacyPlain> CombinedKeys::OpenLegacy(ByteView blob) {
  return FirstThatHas<LegacyPlain>(sources_,
                                   [&](KeySource& source) { return source.OpenLegacy(blob); });
}

Result<std::vector<KnownKey>> CombinedKeys::Keys() {
  Result<std::vector<KnownKey>> all = sources_[seals_]->Keys();
  for (size_t i = 0; i < sources_.size() && all.ok(); ++i) {
    if (i == seals_) continue;
    Result<std::vector<KnownKey>> more = sources_[i]->Keys();
    if (!more.ok()) return more;
    all->insert(all->end(), more->begin(), more->end());
  }
  return all;
}

std::string CombinedKeys::Warning() {
  std::string all;
  for (size_t i = 0; i < sources_.size(); ++i) {
    std::string one = sources_[i]->Warning();
    if (one.empty() && i != seals_ && !sources_[i]->Check().ok()) {
      one = "a key service that opens older records cannot be used now";
    }
    if (!one.empty()) all += (all.empty() ? "" : "; ") + one;
  }
  return all;
}

}  // namespace stateward
