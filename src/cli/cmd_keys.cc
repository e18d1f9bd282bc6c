#include <algorithm>
#include <cinttypes>
#include <map>

#include "cli/cmd.h"
#include "cli/key_counts.h"
#include "cli/opened_store.h"
#include "state/key_notice.h"

namespace stateward {
namespace {

// Where the key is from; "" = none of these settings has it.
std::string LabelOf(const KeyTag& tag, const std::vector<KnownKey>& known) {
  for (const KnownKey& key : known) {
    if (key.id == tag.id) return key.label;
  }
  return "";
}

void Print(const CliContext& cli, const KeyCounts& counts, const std::vector<KnownKey>& known,
           const Result<KeyTag>& sealing) {
  std::map<KeyTag, KeyNeed> rows = counts.by_key;
  if (sealing.ok()) rows[*sealing];
  (void)std::fprintf(cli.out, "%-38s %9s %7s %8s %9s %7s  %s\n", "KEY", "VERSIONS", "STATES",
                     "UPLOADS", "ORIGINAL", "SECRET", "FROM");
  for (const auto& [tag, need] : rows) {
    std::string label = LabelOf(tag, known);
    if (label.empty()) label = "UNKNOWN: what needs it cannot be read with these settings";
    if (sealing.ok() && tag == *sealing) label += "  (seals)";
    (void)std::fprintf(
        cli.out, "%-38s %9" PRIu64 " %7" PRIu64 " %8" PRIu64 " %9" PRIu64 " %7" PRIu64 "  %s\n",
        TextOf(tag).c_str(), need.versions, need.states, need.uploads, need.originals, need.secrets,
        label.c_str());
  }
  if (counts.unreadable > 0) {
    (void)std::fprintf(cli.out, "%" PRIu64 " records are damaged: their key is not known\n",
                       counts.unreadable);
  }
  if (counts.unopened > 0) {
    (void)std::fprintf(
        cli.out, "%" PRIu64 " states of terraform-backend open with no key that is set here\n",
        counts.unopened);
  }
}

// An id without a version stands for all versions of that key.
bool Names(const std::string& text, const KeyTag& tag) {
  return text == TextOf(tag) || text == HexEncode(tag.id);
}

int CheckRetired(const CliContext& cli, Storage& storage, const KeyCounts& counts,
                 const Result<KeyTag>& sealing, const std::vector<std::string>& retired) {
  const int64_t now_ms = SystemClock().NowMs();
  int code = kExitOk;
  for (const std::string& key : retired) {
    KeyNeed need;
    for (const auto& [tag, n] : counts.by_key) {
      if (!Names(key, tag)) continue;
      need.versions += n.versions;
      need.uploads += n.uploads;
      need.originals += n.originals;
      need.secrets += n.secrets;
    }
    // Of a version of a Transit key nobody knows who seals with it: Vault chooses the newest.
    Result<KeyUsers> users = UsersOfKey(storage, key.substr(0, key.find(':')), now_ms);
    if (!users.ok()) return Fail(cli, users.status());
    std::string why;
    if (need.all() > 0) {
      why = "needed by " + Describe(need);
    } else if (sealing.ok() && Names(key, *sealing)) {
      why = "it seals new versions";
    } else if (!users->seal.empty() && key.find(':') == key.npos) {
      why = "running servers seal with it: " + users->seal.front() +
            (users->seal.size() > 1 ? " and others" : "");
    } else if (counts.unreadable > 0) {
      why = "damaged records may need it";
    } else if (counts.unopened > 0) {
      why = "states of terraform-backend that do not open with the keys set here may need it";
    }
    if (!why.empty()) code = kExitFailed;
    Say(cli.out, key + (why.empty() ? ": nothing needs it\n" : ": NOT retired: " + why + "\n"));
  }
  return code;
}

}  // namespace

int CmdKeys(const CliContext& cli, const Args& args) {
  const std::vector<std::string>& retired = args.All("retired");
  Result<std::unique_ptr<OpenedStore>> store = OpenStore(cli);
  Result<KeyCounts> counts = store.ok() ? CountKeys((*store)->storage(), *(*store)->kms,
                                                    (*store)->config.rules.write.legacy_read)
                                        : Result<KeyCounts>(store.status());
  if (!counts.ok()) {
    return Fail(cli, counts.status());
  }
  // Without the key service the counts are still right; only where keys are from is not known.
  const Result<KeyTag> sealing = SealingTag(*(*store)->kms);
  if (!sealing.ok()) Fail(cli, sealing.status());
  Result<std::vector<KnownKey>> known = (*store)->kms->Keys();
  Print(cli, *counts, known.ok() ? *known : std::vector<KnownKey>(), sealing);
  // What seals now must be known before anything is called retired.
  if (!retired.empty() && !sealing.ok()) return ExitOf(sealing.status().code());
  return CheckRetired(cli, (*store)->storage(), *counts, sealing, retired);
}

}  // namespace stateward
