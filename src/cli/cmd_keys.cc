#include <algorithm>
#include <cinttypes>
#include <map>
#include <vector>

#include "cli/cmd.h"
#include "cli/key_counts.h"
#include "cli/opened_store.h"
#include "cli/text_table.h"
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

using C = ColumnKind;
constexpr Column kColumns[] = {
    {"key", C::kText, "KEY", "its id; behind it :vN, the version of a Transit key"},
    {"versions", C::kNumber, "VERSIONS", "records that it opens"},
    {"states", C::kNumber, "STATES", "that these belong to"},
    {"uploads", C::kNumber, "UPLOADS", "kept uploads that it opens"},
    {"original", C::kNumber, "ORIGINAL", "untouched blobs of terraform-backend that it opens"},
    {"secret", C::kNumber, "SECRET", "1: the store's own secret is sealed with it"},
    {"from", C::kText, "FROM", "where these settings have it from; null: they have not"},
    {"seals", C::kFlag, "SEALS", "new records are sealed with it"},
};

struct Line {
  KeyTag tag;
  KeyNeed need;
  std::string from;  // "" = none of these settings has it
  bool seals;
};

std::vector<Line> LinesOf(const KeyCounts& counts, const std::vector<KnownKey>& known,
                          const Result<KeyTag>& sealing) {
  std::map<KeyTag, KeyNeed> keys = counts.by_key;
  if (sealing.ok()) keys[*sealing];
  std::vector<Line> lines;
  for (const auto& [tag, need] : keys) {
    lines.push_back({tag, need, LabelOf(tag, known), sealing.ok() && tag == *sealing});
  }
  return lines;
}

void PrintJson(const CliContext& cli, const std::vector<Line>& lines) {
  std::vector<Row> rows;
  for (const Line& line : lines) {
    const KeyNeed& need = line.need;
    rows.push_back({TextOf(line.tag), need.versions, need.states, need.uploads, need.originals,
                    need.secrets, TextOrNull(line.from), line.seals});
  }
  PrintJsonRows(cli.out, kColumns, rows);
}

void PrintTable(const CliContext& cli, const std::vector<Line>& lines) {
  (void)std::fprintf(cli.out, "%-38s %9s %7s %8s %9s %7s  %s\n", "KEY", "VERSIONS", "STATES",
                     "UPLOADS", "ORIGINAL", "SECRET", "FROM");
  for (const auto& [tag, need, from, seals] : lines) {
    const std::string known =
        from.empty() ? "UNKNOWN: what needs it cannot be read with these settings" : from;
    (void)std::fprintf(
        cli.out, "%-38s %9" PRIu64 " %7" PRIu64 " %8" PRIu64 " %9" PRIu64 " %7" PRIu64 "  %s\n",
        TextOf(tag).c_str(), need.versions, need.states, need.uploads, need.originals, need.secrets,
        (known + (seals ? "  (seals)" : "")).c_str());
  }
}

void Print(const CliContext& cli, const KeyCounts& counts, const std::vector<KnownKey>& known,
           const Result<KeyTag>& sealing) {
  const std::vector<Line> lines = LinesOf(counts, known, sealing);
  if (cli.json) PrintJson(cli, lines);
  if (!cli.json) PrintTable(cli, lines);
  FILE* const notes = cli.json ? cli.err : cli.out;
  if (counts.unreadable > 0) {
    (void)std::fprintf(notes, "%" PRIu64 " records are damaged: their key is not known\n",
                       counts.unreadable);
  }
  if (counts.unopened > 0) {
    (void)std::fprintf(
        notes, "%" PRIu64 " states of terraform-backend open with no key that is set here\n",
        counts.unopened);
  }
}

// An id without a version stands for all versions of that key.
bool Names(const std::string& text, const KeyTag& tag) {
  return text == TextOf(tag) || text == HexEncode(tag.id);
}

// The id, and the version of a Transit key.
bool IsKey(const std::string& text) {
  const size_t end = text.find(':');
  if (!IsHex(text.substr(0, end), 2 * kKeyIdBytes)) return false;
  if (end == text.npos) return true;
  const std::string version = text.substr(end + 1);
  return version.size() > 1 && version[0] == 'v' &&
         version.find_first_not_of("0123456789", 1) == version.npos;
}

// A key that nothing knows is none that was in use: its id is mistyped, or the store another one.
// Only Transit's have versions.
Result<bool> IsKnown(Storage& storage, const KeyCounts& counts, const std::vector<KnownKey>& known,
                     const std::string& text, int64_t now_ms) {
  const std::string id = text.substr(0, text.find(':'));
  for (const KnownKey& key : known) {
    if (HexEncode(key.id) == id && id != text) return key.label.rfind("transit:", 0) == 0;
    if (HexEncode(key.id) == id) return true;
  }
  for (const auto& [tag, need] : counts.by_key) {
    if (Names(text, tag)) return true;
  }
  if (id != text) return false;
  Result<Servers> servers = ServersOf(storage, now_ms);
  if (!servers.ok()) return std::move(servers).status();
  for (const KeyNotice& server : servers->running) {
    if (std::count(server.opens.begin(), server.opens.end(), id) > 0) return true;
  }
  return false;
}

// kInvalidArgument: one is no key's id, or nobody knows it.
Status CheckKeys(Storage& storage, const KeyCounts& counts, const std::vector<KnownKey>& known,
                 const std::vector<std::string>& retired) {
  for (const std::string& key : retired) {
    Result<bool> is = IsKnown(storage, counts, known, key, SystemClock().NowMs());
    if (!is.ok()) return std::move(is).status();
    if (*is) continue;
    return Status::InvalidArgument("neither these settings nor the store know a key " + key);
  }
  return Status();
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
    Say(cli.json ? cli.err : cli.out,
        key + (why.empty() ? ": nothing needs it\n" : ": NOT retired: " + why + "\n"));
  }
  return code;
}

}  // namespace

int CmdKeys(const CliContext& cli, const Args& args) {
  const std::vector<std::string>& retired = args.All("retired");
  for (const std::string& key : retired) {
    if (!IsKey(key)) {
      return FailUsage(cli, "--retired " + key +
                                ": a key's id has 32 digits of 0-9 and a-f; a Transit key's :vN "
                                "behind them");
    }
  }
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
  // What seals now must be known before anything is called retired, and which keys there are.
  if (!retired.empty() && !sealing.ok()) return ExitOf(sealing.status().code());
  if (!retired.empty() && !known.ok()) return Fail(cli, known.status());
  if (!retired.empty()) {
    const Status keys = CheckKeys((*store)->storage(), *counts, *known, retired);
    if (!keys.ok()) return Fail(cli, keys);
  }
  return CheckRetired(cli, (*store)->storage(), *counts, sealing, retired);
}

}  // namespace stateward
