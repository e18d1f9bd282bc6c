#include "cli/key_counts.h"

#include <utility>
#include <vector>

#include "base/counted.h"
#include "cli/opened_store.h"

namespace stateward {
namespace {

class Counter {
 public:
  Counter(Storage& storage, EnvelopeKms& kms) : storage_(storage), kms_(kms) {}

  Status Secret() {
    Result<StoreIdentity> marker = storage_.ReadIdentity();
    if (!marker.ok()) return std::move(marker).status();
    Add(ParseHeader(marker->sealed_secret), &KeyNeed::secrets);
    return Status();
  }

  Status State(const StateId& id) {
    Result<std::vector<uint64_t>> versions = storage_.Versions(id);
    if (!versions.ok()) return std::move(versions).status();
    std::map<KeyTag, uint64_t> here;
    for (uint64_t n : *versions) {
      Result<KeyTag> tag = TagOfRecord(storage_, id, n);
      if (tag.ok()) {
        ++here[*tag];
      } else if (tag.status().code() == Code::kCorruption) {
        ++counts_.unreadable;
      } else if (tag.status().code() != Code::kNotFound) {  // pruned meanwhile
        return std::move(tag).status();
      }
    }
    for (const auto& [tag, n] : here) {
      KeyNeed& need = counts_.by_key[tag];
      need.versions += n;
      ++need.states;
    }
    return Status();
  }

  Status Uploads() {
    Result<std::vector<KeptUpload>> entries = storage_.ListUploads();
    if (!entries.ok()) return std::move(entries).status();
    for (const KeptUpload& entry : *entries) {
      Result<Bytes> record = storage_.GetUploadPrefix(entry, kFixedHeader + kMaxWrapped);
      if (!record.ok() && record.status().code() == Code::kNotFound) continue;  // evicted meanwhile
      if (!record.ok()) return std::move(record).status();
      Add(ParseHeader(*record), &KeyNeed::uploads);
    }
    return Status();
  }

  // A blob names no key: the one that opens it is the one it needs.
  Status Originals() {
    std::vector<std::string> untouched;
    STATEWARD_RETURN_IF_ERROR(storage_.ListLegacy([&](const NameClaims::LegacyBlob& blob) {
      if (!blob.claimed) untouched.push_back(blob.legacy_id);
      return true;
    }));
    for (const std::string& legacy_id : untouched) {
      Result<Bytes> blob = storage_.GetLegacy(legacy_id);
      if (!blob.ok() && blob.status().code() == Code::kNotFound) continue;  // gone meanwhile
      if (!blob.ok() && blob.status().code() != Code::kCorruption) return std::move(blob).status();
      Result<LegacyPlain> opened =
          blob.ok() ? kms_.OpenLegacyWithKey(*blob) : Result<LegacyPlain>(blob.status());
      if (opened.ok()) {
        ++counts_.by_key[{opened->id, TransitVersion(*blob)}].originals;
      } else {
        ++counts_.unopened;
      }
    }
    return Status();
  }

  KeyCounts Take() { return std::move(counts_); }

 private:
  void Add(const Result<Header>& header, uint64_t KeyNeed::*what) {
    if (header.ok()) {
      ++(counts_.by_key[TagOf(*header)].*what);
    } else {
      ++counts_.unreadable;
    }
  }

  Storage& storage_;
  EnvelopeKms& kms_;
  KeyCounts counts_;
};

void AddPart(uint64_t n, std::string_view one, std::string_view many, std::string* to) {
  if (n == 0) return;
  if (!to->empty()) *to += ", ";
  *to += Counted(n, one, many);
}

}  // namespace

Result<KeyCounts> CountKeys(Storage& storage, EnvelopeKms& kms, bool originals) {
  Counter counter(storage, kms);
  STATEWARD_RETURN_IF_ERROR(counter.Secret());
  Result<std::vector<StateId>> states = AllStates(storage);
  if (!states.ok()) return std::move(states).status();
  for (const StateId& id : *states) STATEWARD_RETURN_IF_ERROR(counter.State(id));
  STATEWARD_RETURN_IF_ERROR(counter.Uploads());
  if (originals) STATEWARD_RETURN_IF_ERROR(counter.Originals());
  return counter.Take();
}

std::string Describe(const KeyNeed& need) {
  std::string text;
  AddPart(need.versions, "version", {}, &text);
  AddPart(need.uploads, "kept upload", {}, &text);
  AddPart(need.originals, "state of terraform-backend", "states of terraform-backend", &text);
  AddPart(need.secrets, "store secret", {}, &text);
  return text;
}

}  // namespace stateward
