#include "audit/audit_line.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <set>
#include <utility>

#include "base/hex.h"
#include "base/json_text.h"
#include "base/sha256.h"

namespace stateward {
namespace {

constexpr size_t kChainDigits = 16;
constexpr size_t kMacDigits = 64;
// In front of the MAC, which covers all before this.
constexpr std::string_view kMacKey = R"(,"mac":")";
constexpr std::string_view kLineTail = R"("})";
constexpr std::string_view kResults[] = {"done", "refused", "failed"};

// Principals, addresses, claims and reasons may be long; a line must not be.
constexpr size_t kMaxText = 512;
constexpr size_t kMaxClaims = 24;  // all that a rule can reasonably ask
constexpr size_t kMaxClaim = 128;
// Then nothing is left to cut of a text that others write.
constexpr unsigned kMaxHalved = 8;
static_assert(kMaxText >> kMaxHalved == 2);
constexpr unsigned kMaxRestHalved = 4;  // a time and a namespace stay whole
// What a line has in front of its fields and behind them is less.
constexpr size_t kMaxFields = kMaxAuditLine - 512;

std::string TimeText(int64_t ms) {
  const time_t seconds = static_cast<time_t>(ms / 1000);
  tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  const size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::string fraction = std::to_string(1000 + ms % 1000);
  return std::string(text, n) + "." + fraction.substr(1) + "Z";
}

// Adds members of an object that is open already, at its comma.
class Fields {
 public:
  // `halved`: what others write is so many times half as long as it may be; beyond kMaxHalved the
  // rest is, too.
  explicit Fields(unsigned halved = 0)
      : halved_(std::min(halved, kMaxHalved)), rest_halved_(halved - halved_) {
    w_.BeginObject();
  }
  void Text(std::string_view key, std::string_view value, size_t limit = kMaxText) {
    if (!value.empty()) w_.Key(key).String(value.substr(0, limit >> rest_halved_));
  }
  // Of others, and of no use to the server itself.
  void Foreign(std::string_view key, std::string_view value, size_t limit = kMaxText) {
    Text(key, value, Shorter(limit));
  }
  size_t Shorter(size_t limit) const { return limit >> halved_; }
  void Number(std::string_view key, uint64_t value) { w_.Key(key).Uint(value); }
  void Version(const std::optional<AuditVersion>& version, std::string_view number,
               std::string_view serial) {
    if (!version) return;
    Number(number, version->number);
    Number(serial, version->serial);
  }
  JsonWriter& writer() { return w_; }
  std::string Take() && {
    std::string text = std::move(w_).Take();
    text[0] = ',';
    return text;
  }

 private:
  JsonWriter w_;
  const unsigned halved_;
  const unsigned rest_halved_;
};

// As the reader compares two names (base/json.h): what it takes for the same may not stand twice.
std::string FoldedName(std::string_view name) {
  JsonWriter w;
  const std::string quoted = std::move(w.String(name)).Take();
  return JsonFold(std::string_view(quoted).substr(1, quoted.size() - 2));
}

void PutIdentity(const AuditIdentity& identity, Fields* fields) {
  fields->Text("way", identity.way);
  fields->Foreign("issuer", identity.issuer);
  if (!identity.claims.empty()) {
    fields->writer().Key("claims").BeginObject();
    std::set<std::string> names;
    for (const auto& [name, value] : identity.claims) {
      if (names.size() == kMaxClaims) break;
      const std::string_view front = std::string_view(name).substr(0, fields->Shorter(kMaxClaim));
      if (names.insert(FoldedName(front)).second) fields->Foreign(front, value, kMaxClaim);
    }
    fields->writer().EndObject();
  }
  fields->Foreign("rule", identity.rule);
}

std::string EventFields(std::string_view kind, const AuditEvent& event, unsigned halved) {
  Fields f(halved);
  f.Text("time", TimeText(event.time_ms));
  f.Text("event", kind);
  if (event.intent > 0) f.Number("intent", event.intent);
  f.Foreign("request_id", event.request_id);
  f.Foreign("traceparent", event.traceparent);
  f.Foreign("principal", event.principal);
  PutIdentity(event.identity, &f);
  f.Foreign("address", event.address);
  f.Text("action", event.action);
  if (!event.project.empty()) f.Text("state", event.project + "/" + event.name);
  if (!event.project.empty()) f.Text("namespace", ShortNamespace(event.tenant));
  f.Version(event.facts.before, "version_before", "serial_before");
  f.Version(event.facts.after, "version_after", "serial_after");
  if (event.facts.resources) f.Number("resources", *event.facts.resources);
  f.Text("lock_id", event.lock_id);
  f.Text("upload", event.upload);
  if (kind != kAuditIntends) {
    if (event.status > 0) f.Number("status", static_cast<uint64_t>(event.status));
    f.Text("result", kResults[static_cast<size_t>(event.result)]);
  }
  f.Foreign("reason", event.reason);
  if (event.left_out > 0) f.Number("left_out", event.left_out);
  return std::move(f).Take();
}

}  // namespace

// Escaped, a byte may have six: whether a line fits shows when it is made. What the reader would
// refuse is not written, whatever the texts are: a line that cannot be read is a missing one for
// ever.
std::string AuditFields(std::string_view kind, const AuditEvent& event) {
  unsigned halved = 0;
  std::string fields = EventFields(kind, event, halved);
  while (fields.size() > kMaxFields && halved < kMaxHalved + kMaxRestHalved) {
    fields = EventFields(kind, event, ++halved);
  }
  return fields;
}

std::string AuditFields(std::string_view kind, int64_t time_ms, std::string_view reason,
                        uint64_t count) {
  Fields f;
  f.Text("time", TimeText(time_ms));
  f.Text("event", kind);
  f.Text("reason", reason);
  if (count > 0) f.Number("count", count);
  return std::move(f).Take();
}

SecretBytes AuditKey(ByteView store_secret) {
  return HkdfSha256(store_secret, "stateward audit v1");
}

std::string ChainLine(ByteView key, std::string_view fields, AuditHead* head) {
  const uint64_t sequence = head->sequence + 1;
  JsonWriter w;
  w.BeginObject().Key("v").Uint(1).Key("chain").String(head->chain).Key("seq").Uint(sequence);
  w.Key("prev").String(HexEncode(head->mac));
  std::string line = std::move(w).Take();
  line.append(fields);
  head->sequence = sequence;
  head->mac = HmacSha256(key, line);
  line.append(kMacKey).append(HexEncode(head->mac)).append(kLineTail).append("\n");
  return line;
}

Result<AuditLine> ReadAuditLine(ByteView key, std::string_view text) {
  const size_t tail = kMacKey.size() + kMacDigits + kLineTail.size();
  const Status no_line = Status::InvalidArgument("no line of an audit trail");
  if (text.size() <= tail || text.size() > kMaxAuditLine) return no_line;
  const std::string_view body = text.substr(0, text.size() - tail);
  const std::string_view behind = text.substr(body.size());
  Sha256Digest mac{};
  if (behind.substr(0, kMacKey.size()) != kMacKey ||
      behind.substr(kMacKey.size() + kMacDigits) != kLineTail ||
      !HexDecode(behind.substr(kMacKey.size(), kMacDigits), mac.data(), mac.size())) {
    return no_line;
  }
  Result<JsonObject> json = ParseSmallJson(text);
  if (!json.ok()) return no_line;
  const std::optional<std::string> chain = json->String("chain");
  const std::optional<uint64_t> sequence = json->Uint("seq");
  const std::optional<std::string> prev = json->String("prev");
  const std::optional<std::string> kind = json->String("event");
  AuditLine line{{chain.value_or(""), sequence.value_or(0), mac}, {}, kind.value_or(""), *json};
  if (json->Uint("v") != 1U || !IsHex(line.head.chain, kChainDigits) || line.head.sequence == 0 ||
      !HexDecode(prev.value_or(""), line.prev.data(), line.prev.size())) {
    return no_line;
  }
  if (!EqualInConstantTime(HmacSha256(key, body), mac)) {
    return Status::Corruption("not what was written");
  }
  return line;
}

}  // namespace stateward
