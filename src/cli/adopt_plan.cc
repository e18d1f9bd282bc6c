#include "cli/adopt_plan.h"

#include <map>
#include <optional>
#include <utility>

#include "auth/basic.h"
#include "auth/policy_auth.h"
#include "base/state_name.h"
#include "cli/opened_store.h"
#include "history/forwarding.h"
#include "state/newest.h"

namespace stateward {
namespace {

// What the store holds of a state.
struct StoredState {
  StateKey key;
  bool live = false;     // its newest version is a document
  bool adopted = false;  // it was given to identified users
};

// kCorruption, kUnknownKey: its newest record does not open.
Result<StoredState> LookAt(Backends& b, const std::string& store_id, const StateId& id) {
  const History history(*b.storage, *b.kms, store_id);
  Result<NewestRecord> newest = history.Look(id);
  if (!newest.ok()) return std::move(newest).status();
  if (!newest->unreadable.ok()) return std::move(newest->unreadable).At("its newest version");
  if (newest->head == 0) return Status::Corruption("it has no version");
  Result<SealedInfo> info = history.Info(id, newest->head);
  if (!info.ok()) return std::move(info).status();
  StoredState stored;
  stored.key = std::move(info->key);
  stored.live = newest->version && newest->version->info.kind == RecordKind::kState;
  stored.adopted = newest->version && WasAdopted(stored.key, newest->version->info.moved_to);
  return stored;
}

// Candidates for one name of identified users, and why some are none.
class Planner {
 public:
  Planner(Backends& b, std::string store_id, AdoptSources sources)
      : b_(b), store_id_(std::move(store_id)), sources_(std::move(sources)) {}

  Result<AdoptPlan> Run() {
    STATEWARD_RETURN_IF_ERROR(b_.storage->ListLegacy([this](const NameClaims::LegacyBlob& blob) {
      blobs_[blob.legacy_id] = blob.claimed;
      return true;
    }));
    STATEWARD_RETURN_IF_ERROR(LookAtStore());
    std::set<StateName> all = sources_.given;
    all.insert(sources_.hinted.begin(), sources_.hinted.end());
    for (const StateName& name : all) STATEWARD_RETURN_IF_ERROR(TryPairs(name));
    SortOutBlobs();
    SortOutNames();
    return std::move(plan_);
  }

 private:
  struct Fit {
    Grant from;
    std::string legacy_id;  // "" = versions of this server
  };

  // The namespaces' states of these secrets; and the names of everybody's, which may fit a blob.
  Status LookAtStore() {
    std::map<std::string, const SecretString*> tenants;
    for (const SecretString& secret : sources_.secrets) {
      Result<Grant> grant = NamespaceGrant(secret, {"p", "n"});
      if (!grant.ok()) return std::move(grant).status().At("a line of the secrets");
      tenants[grant->key.tenant] = &secret;
    }
    Result<std::vector<StateId>> ids = AllStates(*b_.storage);
    if (!ids.ok()) return std::move(ids).status();
    for (const StateId& id : *ids) {
      Result<StoredState> stored = LookAt(b_, store_id_, id);
      if (!stored.ok() && stored.status().unreadable()) {
        plan_.refused.push_back("state " + id.hex() + ": " + stored.status().detail());
        continue;
      }
      if (!stored.ok()) return std::move(stored).status();
      const StateKey& key = stored->key;
      sources_.hinted.insert({key.project, key.name});
      auto secret = tenants.find(key.tenant);
      if (secret == tenants.end()) continue;
      Result<Grant> from = NamespaceGrant(*secret->second, {key.project, key.name});
      if (!from.ok()) return std::move(from).status();
      if (stored->adopted) plan_.ended.push_back(*from);
      if (stored->live) fits_[StateText(key)].push_back({std::move(*from), ""});
    }
    return Status();
  }

  Status TryPairs(const StateName& name) {
    STATEWARD_RETURN_IF_ERROR(TryPair(PlainGrant(name)));
    for (const SecretString& secret : sources_.secrets) {
      Result<Grant> grant = NamespaceGrant(secret, name);
      if (!grant.ok()) return std::move(grant).status();
      STATEWARD_RETURN_IF_ERROR(TryPair(*grant));
    }
    return Status();
  }

  // A blob that was claimed under this very name may be what a killed run left.
  Status TryPair(const Grant& from) {
    const std::string& legacy_id = from.legacy_ids.front();
    auto blob = blobs_.find(legacy_id);
    if (blob == blobs_.end()) return Status();
    if (blob->second) {
      StateId id = StateId::Of(from.key);
      Result<std::optional<StateId>> claim = b_.storage->LegacyClaim(legacy_id);
      if (!claim.ok()) return std::move(claim).status();
      if (!claim->has_value() || !(**claim == id)) return Status();
      Result<NewestRecord> newest = History(*b_.storage, *b_.kms, store_id_).Look(id);
      if (!newest.ok()) return std::move(newest).status();
      if (!newest->unreadable.ok()) return Status();
      if (newest->version) {
        plan_.ended.push_back(from);
        return Status();
      }
    }
    by_blob_[legacy_id].push_back(from);
    return Status();
  }

  // "a-b","c" and "a","b-c" have one blob, and only the administrator can say whose it is: anybody
  // can have a line written to a log, and a rule may name a state that is still to come. What a
  // killed run has claimed was said to that one.
  void SortOutBlobs() {
    for (auto& [legacy_id, all] : by_blob_) {
      std::vector<Grant> given;
      for (const Grant& from : all) {
        if (sources_.given.count({from.key.project, from.key.name}) > 0) given.push_back(from);
      }
      const bool plain = all.size() == 1 && !all.front().legacy_ambiguous;
      const bool claimed = blobs_.at(legacy_id);
      if (given.empty() && (plain || claimed)) given = all;
      if (given.size() == 1) {
        given.front().legacy_ambiguous = false;
        fits_[StateText(given.front().key)].push_back({given.front(), legacy_id});
      } else {
        plan_.refused.push_back(WhyAmbiguous(given.empty() ? all : given));
      }
    }
  }

  // `all`: more than one that was given; or none was.
  static std::string WhyAmbiguous(const std::vector<Grant>& all) {
    std::string names;
    for (const Grant& from : all) names += (names.empty() ? "" : " and ") + StateText(from.key);
    if (all.size() > 1) {
      return names +
             ": terraform-backend kept both in one blob; put the right one into --names and leave "
             "the other out";
    }
    return names + ": terraform-backend's blob of it may be another state's, whose name joins to " +
           all.front().key.project + "-" + all.front().key.name +
           ", too; when it is this one's, put " + names + " into --names, else the other name";
  }

  void SortOutNames() {
    for (auto& [name, fits] : fits_) {
      if (fits.size() == 1) {
        plan_.ready.push_back(fits[0].from);
        continue;
      }
      std::string where;
      for (const Fit& fit : fits) {
        where += (where.empty() ? "" : ", ") + NamespaceTag(fit.from.key.tenant);
      }
      plan_.refused.push_back(name + ": " + std::to_string(fits.size()) +
                              " namespaces have a state of this name (" + where +
                              "); choose one with `statewardctl adopt PROJECT/NAME --from`, or "
                              "give its secret alone");
    }
  }

  Backends& b_;
  const std::string store_id_;
  AdoptSources sources_;
  AdoptPlan plan_;
  std::map<std::string, bool> blobs_;  // legacy id -> claimed
  std::map<std::string, std::vector<Grant>> by_blob_;
  std::map<std::string, std::vector<Fit>> fits_;  // PROJECT/NAME -> what would become it
};

}  // namespace

Result<AdoptPlan> MakeAdoptPlan(Backends& backends, const std::string& store_id,
                                AdoptSources sources) {
  return Planner(backends, store_id, std::move(sources)).Run();
}

Result<NamespacesStates> NamespacesOf(Backends& backends, const std::string& store_id,
                                      const StateName& name, const std::string& from) {
  Result<std::vector<StateId>> ids = AllStates(*backends.storage);
  if (!ids.ok()) return std::move(ids).status();
  NamespacesStates found;
  for (const StateId& id : *ids) {
    Result<StoredState> stored = LookAt(backends, store_id, id);
    if (!stored.ok() && stored.status().unreadable()) continue;
    if (!stored.ok()) return std::move(stored).status();
    const StateKey& key = stored->key;
    bool fits = (stored->live || stored->adopted) && !key.tenant.empty() &&
                StateName(key.project, key.name) == name &&
                key.tenant.compare(0, from.size(), from) == 0;
    if (!fits) continue;
    Grant grant;
    grant.key = key;
    grant.rights = Rights::All();
    (stored->live ? found.live : found.adopted).push_back(std::move(grant));
  }
  return found;
}

Result<Grant> NamespaceGrant(const SecretString& secret, const StateName& name) {
  Credentials credentials;
  credentials.user = "basic";
  credentials.secret = secret;
  // The adopter acts under a name of its own.
  BasicAuthenticator basic([](const std::string&) -> Result<std::string> { return std::string(); });
  return basic.Authorize(credentials, {"", name.first, name.second}, Verb::kRead);
}

Grant PlainGrant(const StateName& name) {
  return IdentifiedGrant({"", name.first, name.second}, {Rights::All(), false, {}});
}

std::string NamespaceTag(const std::string& tenant) {
  return tenant.empty() ? "no namespace" : tenant.substr(0, 16);
}

}  // namespace stateward
