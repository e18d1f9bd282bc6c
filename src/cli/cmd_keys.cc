#include "cli/cmd_keys.h"

#include <algorithm>
#include <cinttypes>
#include <map>

#include "cli/opened_store.h"

namespace stateward {
namespace {

struct Need {
  uint64_t versions = 0;
  uint64_t states = 0;
  uint64_t quarantined = 0;
  uint64_t all() const { return versions + quarantined; }
};

struct Counts {
  std::map<KeyTag, Need> by_key;
  uint64_t unreadable = 0;  // no record of ours, or not to be read
};

Status CountState(Storage& storage, const StateId& id, Counts* counts) {
  Result<std::vector<uint64_t>> versions = storage.Versions(id);
  if (!versions.ok()) return std::move(versions).status();
  std::map<KeyTag, uint64_t> here;
  for (uint64_t n : *versions) {
    Result<KeyTag> tag = TagOfRecord(storage, id, n);
    if (tag.ok()) {
      ++here[*tag];
    } else if (tag.status().code() == Code::kCorruption) {
      ++counts->unreadable;
    } else if (tag.status().code() != Code::kNotFound) {  // pruned meanwhile
      return std::move(tag).status();
    }
  }
  for (const auto& [tag, n] : here) {
    Need& need = counts->by_key[tag];
    need.versions += n;
    ++need.states;
  }
  return Status();
}

Result<Counts> Count(Storage& storage) {
  Counts counts;
  Result<std::vector<StateId>> states = AllStates(storage);
  if (!states.ok()) return std::move(states).status();
  for (const StateId& id : *states) STATEWARD_RETURN_IF_ERROR(CountState(storage, id, &counts));
  Result<std::vector<QuarantineEntry>> entries = storage.ListQuarantine();
  if (!entries.ok()) return std::move(entries).status();
  for (const QuarantineEntry& entry : *entries) {
    Result<Bytes> record = storage.GetQuarantined(entry);
    if (!record.ok() && record.status().code() == Code::kNotFound) continue;  // evicted meanwhile
    if (!record.ok()) return std::move(record).status();
    Result<Header> header = ParseHeader(*record);
    if (header.ok()) {
      ++counts.by_key[TagOf(*header)].quarantined;
    } else {
      ++counts.unreadable;
    }
  }
  return counts;
}

// Where the key is from; "" = none of these settings has it.
std::string LabelOf(const KeyTag& tag, const std::vector<KnownKey>& known) {
  for (const KnownKey& key : known) {
    if (key.id == tag.id) return key.label;
  }
  return "";
}

void Print(const CliContext& cli, const Counts& counts, const std::vector<KnownKey>& known,
           const Result<KeyTag>& sealing) {
  std::map<KeyTag, Need> rows = counts.by_key;
  if (sealing.ok()) rows[*sealing];
  (void)std::fprintf(cli.out, "%-38s %9s %7s %10s  %s\n", "KEY", "VERSIONS", "STATES", "QUARANTINE",
                     "FROM");
  for (const auto& [tag, need] : rows) {
    std::string label = LabelOf(tag, known);
    if (label.empty()) label = "UNKNOWN: what needs it cannot be read with these settings";
    if (sealing.ok() && tag == *sealing) label += "  (seals)";
    (void)std::fprintf(cli.out, "%-38s %9" PRIu64 " %7" PRIu64 " %10" PRIu64 "  %s\n",
                       TextOf(tag).c_str(), need.versions, need.states, need.quarantined,
                       label.c_str());
  }
  if (counts.unreadable > 0) {
    (void)std::fprintf(cli.out, "%" PRIu64 " records are damaged: their key is not known\n",
                       counts.unreadable);
  }
}

// An id without a version stands for all versions of that key.
bool Names(const std::string& text, const KeyTag& tag) {
  return text == TextOf(tag) || text == HexEncode(tag.id);
}

int CheckRetired(const CliContext& cli, const Counts& counts, const Result<KeyTag>& sealing,
                 const std::vector<std::string>& retired) {
  int code = kExitOk;
  for (const std::string& key : retired) {
    Need need;
    for (const auto& [tag, n] : counts.by_key) {
      if (!Names(key, tag)) continue;
      need.versions += n.versions;
      need.quarantined += n.quarantined;
    }
    std::string why;
    if (need.all() > 0) {
      why = std::to_string(need.versions) + " versions and " + std::to_string(need.quarantined) +
            " uploads in quarantine need it";
    } else if (sealing.ok() && Names(key, *sealing)) {
      why = "it seals new versions";
    } else if (counts.unreadable > 0) {
      why = "damaged records may need it";
    }
    if (!why.empty()) code = kExitFailed;
    Say(cli.out, key + (why.empty() ? ": nothing needs it\n" : ": NOT retired: " + why + "\n"));
  }
  return code;
}

}  // namespace

int CmdKeys(const CliContext& cli, const std::vector<std::string>& args) {
  std::vector<std::string> retired;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] != "--retired" || i + 1 == args.size()) {
      Say(cli.err, std::string("usage: statewardctl ") + kKeysHelp);
      return kExitUsage;
    }
    retired.push_back(args[++i]);
  }
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  Result<Counts> counts = store.ok() ? Count((*store)->storage()) : Result<Counts>(store.status());
  if (!counts.ok()) {
    Say(cli.err, "statewardctl: keys: " + counts.status().detail() + "\n");
    return kExitFailed;
  }
  // Without the key service the counts are still right; only where keys are from is not known.
  const Result<KeyTag> sealing = SealingTag(*(*store)->kms);
  if (!sealing.ok()) Say(cli.err, "statewardctl: keys: " + sealing.status().detail() + "\n");
  Result<std::vector<KnownKey>> known = (*store)->kms->Keys();
  Print(cli, *counts, known.ok() ? *known : std::vector<KnownKey>(), sealing);
  // What seals now must be known before anything is called retired.
  if (!retired.empty() && !sealing.ok()) return kExitFailed;
  return CheckRetired(cli, *counts, sealing, retired);
}

}  // namespace stateward
