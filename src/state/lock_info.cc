#include "state/lock_info.h"

#include <algorithm>
#include <cctype>
#include <ctime>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/json_text.h"

namespace stateward {
namespace {

// Added to the client's document (docs/formats.md, "Lock record").
constexpr char kTokenEnd[] = "stateward_token_exp";
constexpr uint64_t kLastSecond = 253402300799;  // of the year 9999

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(a[i])) !=
        std::tolower(static_cast<unsigned char>(b[i]))) {
      return false;
    }
  }
  return true;
}

// A member of the top-level object as it stands in the text.
struct Member {
  std::string_view name;   // without quotes, escapes as they are
  std::string_view value;  // as it stands
};

size_t SkipBlank(std::string_view s, size_t i) {
  while (i < s.size() && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r')) ++i;
  return i;
}

// REQUIRES: s[i] == '"'. The index after the closing quote.
size_t SkipString(std::string_view s, size_t i) {
  for (++i; i < s.size() && s[i] != '"'; ++i) {
    if (s[i] == '\\') ++i;
  }
  return i + 1;
}

size_t SkipValue(std::string_view s, size_t i) {
  int depth = 0;
  while (i < s.size()) {
    char c = s[i];
    if (c == '"') {
      i = SkipString(s, i);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) break;
      --depth;
    }
    if (c == ',' && depth == 0) break;
    ++i;
  }
  return i;
}

// REQUIRES: `json` passed ParseSmallJson, so that the grammar needs no second check.
std::vector<Member> SplitMembers(std::string_view json) {
  std::vector<Member> members;
  size_t i = SkipBlank(json, 0) + 1;  // behind '{'
  for (;;) {
    i = SkipBlank(json, i);
    if (i >= json.size() || json[i] != '"') return members;
    size_t name_end = SkipString(json, i);
    Member member;
    member.name = json.substr(i + 1, name_end - i - 2);
    i = SkipBlank(json, name_end) + 1;  // behind ':'
    i = SkipBlank(json, i);
    size_t value_end = SkipValue(json, i);
    member.value = json.substr(i, value_end - i);
    while (!member.value.empty() && std::isspace(static_cast<unsigned char>(member.value.back()))) {
      member.value.remove_suffix(1);
    }
    members.push_back(member);
    i = value_end + 1;  // behind ',' or '}'
  }
}

bool AllDigits(std::string_view s, size_t from, size_t n) {
  for (size_t i = from; i < from + n; ++i) {
    if (i >= s.size() || s[i] < '0' || s[i] > '9') return false;
  }
  return true;
}

int TwoDigits(std::string_view s, size_t i) { return (s[i] - '0') * 10 + (s[i + 1] - '0'); }

// RFC 3339 as Go's time.Time reads it from JSON: a Go client gives up on the document otherwise.
bool IsRfc3339(std::string_view s) {
  if (s.size() < 20 || !AllDigits(s, 0, 4) || s[4] != '-' || !AllDigits(s, 5, 2) || s[7] != '-' ||
      !AllDigits(s, 8, 2) || s[10] != 'T' || !AllDigits(s, 11, 2) || s[13] != ':' ||
      !AllDigits(s, 14, 2) || s[16] != ':' || !AllDigits(s, 17, 2)) {
    return false;
  }
  constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int month = TwoDigits(s, 5);
  if (month < 1 || month > 12) return false;
  int year = TwoDigits(s, 0) * 100 + TwoDigits(s, 2);
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  int days = month == 2 && !leap ? 28 : kDays[month - 1];
  int day = TwoDigits(s, 8);
  if (day < 1 || day > days) return false;
  if (TwoDigits(s, 11) > 23 || TwoDigits(s, 14) > 59 || TwoDigits(s, 17) > 59) return false;
  size_t i = 19;
  if (s[i] == '.') {
    size_t from = ++i;
    while (i < s.size() && s[i] >= '0' && s[i] <= '9') ++i;
    if (i == from) return false;
  }
  if (i >= s.size()) return false;
  if (s[i] == 'Z') return i + 1 == s.size();
  return (s[i] == '+' || s[i] == '-') && s.size() == i + 6 && AllDigits(s, i + 1, 2) &&
         s[i + 3] == ':' && AllDigits(s, i + 4, 2) && TwoDigits(s, i + 1) < 24 &&
         TwoDigits(s, i + 4) < 60;
}

std::string Age(int64_t ms) {
  int64_t seconds = ms < 0 ? 0 : ms / 1000;
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < int64_t{120} * 60) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds / 3600) + " h";
}

LockClient ClientOf(const JsonObject& json) {
  return {json.String("Who").value_or(""), json.String("Version").value_or(""),
          json.String("Info").value_or(""),
          static_cast<int64_t>(std::min(json.Uint(kTokenEnd).value_or(0), kLastSecond))};
}

std::string PrincipalOf(const LockRecord& holder) {
  return holder.principal.empty() ? "a client of terraform-backend" : holder.principal;
}

// `id` as one word of a shell. A client chooses the ID of its lock, and others paste the command.
std::string ShellWord(const std::string& id) {
  const bool plain =
      !id.empty() && id.front() != '-' && std::all_of(id.begin(), id.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
      });
  if (plain) return id;
  std::string word = "'";
  for (const char c : id) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string InfoText(const LockRecord& holder, const StateKey& key, int64_t now_ms, Freeing freeing,
                     const LockClient& client) {
  std::string text = "held";
  if (holder.time_ms != 0) {
    text += " since " + FormatTime(holder.time_ms) + " (" + Age(now_ms - holder.time_ms) + ")";
  }
  text += " by " + PrincipalOf(holder);
  const std::string ended = TokenEnded(client, now_ms);
  if (!ended.empty()) text += "; " + ended;
  text += "; state " + key.project + "/" + key.name + "; when its run is gone: ";
  text += freeing == Freeing::kByForce ? "terraform force-unlock " + ShellWord(holder.id)
                                       : "ask its holder or an administrator to free it";
  if (holder.unconfirmed) {
    text += "; its LOCK was not answered yet, or with an error: a repeat of it completes it";
  }
  if (!client.info.empty()) text.append("; its holder says: ").append(client.info);
  return text;
}

}  // namespace

bool IsLockId(std::string_view id) {
  if (id.empty() || id.size() > 128) return false;
  for (char c : id) {
    if (c <= 0x20 || c >= 0x7f) return false;
  }
  return true;
}

Result<ParsedLockInfo> ParseLockInfo(ByteView body) {
  if (body.size() > kMaxLockInfoBytes) {
    return Status(Code::kTooLarge, "lock info: more than 16 KiB");
  }
  Result<JsonObject> json = ParseSmallJson(body);
  if (!json.ok()) return std::move(json).status().At("lock info");
  ParsedLockInfo info;
  info.id = json->String("ID").value_or("");
  info.operation = json->String("Operation").value_or("");
  if (!info.id.empty() && !IsLockId(info.id)) {
    return Status::InvalidArgument("lock info: ID must be 1 to 128 visible ASCII characters");
  }
  return info;
}

std::string LockIdText(ByteView body) {
  Result<JsonObject> json = ParseSmallJson(body);
  return json.ok() ? json->String("ID").value_or("") : "";
}

LockClient ReadLockClient(const std::string& info) {
  Result<JsonObject> json = ParseSmallJson(info);
  return json.ok() ? ClientOf(*json) : LockClient();
}

std::string HolderInWords(const LockRecord& holder) {
  std::string text = "held by " + PrincipalOf(holder);
  if (holder.time_ms != 0) text += " since " + FormatTime(holder.time_ms);
  const LockClient client = ReadLockClient(holder.info);
  if (!holder.operation.empty()) text += " for " + holder.operation;
  if (!client.who.empty()) text += " from " + client.who;
  if (!client.info.empty()) text += " (" + client.info + ")";
  return text + " with the lock ID " + holder.id;
}

bool NamesTokenEnd(ByteView body) {
  const std::vector<Member> members = SplitMembers(body.AsString());
  return std::any_of(members.begin(), members.end(),
                     [](const Member& m) { return JsonKeyFoldsTo(m.name, kTokenEnd); });
}

std::string NoteTokenEnd(ByteView body, int64_t ends_s) {
  std::string text(body.AsString());
  if (ends_s <= 0) return text;
  const std::string member = ",\"" + std::string(kTokenEnd) + "\":" + std::to_string(ends_s);
  if (text.size() + member.size() > kMaxLockInfoBytes) return text;
  return text.insert(text.rfind('}'), member);
}

std::string TokenEnded(const LockClient& client, int64_t now_ms) {
  const int64_t ends_ms = client.token_ends_s * 1000;
  if (ends_ms == 0 || now_ms < ends_ms) return "";
  return "its token expired " + Age(now_ms - ends_ms) + " ago";
}

std::string FormatTime(int64_t ms) {
  time_t seconds = static_cast<time_t>(ms / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return {text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string RenderHolder(const LockRecord& holder, const StateKey& key, int64_t now_ms,
                         Freeing freeing) {
  Result<JsonObject> parsed = ParseSmallJson(holder.info);
  std::vector<Member> members;
  LockClient client;
  if (parsed.ok()) {
    members = SplitMembers(holder.info);
    client = ClientOf(*parsed);
  }
  bool has_id = false;
  bool has_created = false;
  JsonWriter w;
  w.BeginObject();
  for (const Member& member : members) {
    if (EqualIgnoringCase(member.name, "Info") || EqualIgnoringCase(member.name, "Path")) continue;
    if (member.name == kTokenEnd) continue;
    if (EqualIgnoringCase(member.name, "Created")) {
      std::string created = parsed->String(std::string(member.name)).value_or("");
      if (!IsRfc3339(created)) continue;
      has_created = true;
    }
    has_id = has_id || EqualIgnoringCase(member.name, "ID");
    w.Key(member.name).Raw(member.value);
  }
  if (!has_id) w.Key("ID").String(holder.id);
  if (!has_created) w.Key("Created").String(FormatTime(holder.time_ms));
  w.Key("Path").String(key.project + "/" + key.name);
  w.Key("Info").String(InfoText(holder, key, now_ms, freeing, client));
  w.EndObject();
  return std::move(w).Take();
}

std::string RenderNotice(const std::string& why, const StateKey& key, int64_t now_ms) {
  JsonWriter w;
  w.BeginObject().Key("ID").String(why).Key("Operation").String("");
  w.Key("Who").String("stateward").Key("Version").String("");
  w.Key("Created").String(FormatTime(now_ms)).Key("Path").String(key.project + "/" + key.name);
  w.Key("Info").String(why).EndObject();
  return std::move(w).Take();
}

}  // namespace stateward
