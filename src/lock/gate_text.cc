#include "lock/gate_text.h"

#include <optional>

#include "base/hex.h"
#include "base/json.h"
#include "base/sha256.h"

namespace stateward {
namespace {

constexpr size_t kTagDigits = 16;
// What a build must know to obey: a larger number is a newer build's.
constexpr uint64_t kVersion = 1;

Status Damaged() { return Status::Unavailable("gates: damaged"); }

std::optional<Gate> ReadGate(const JsonObject& json) {
  Gate gate;
  const auto since = json.Uint("since");
  const auto until = json.Uint("until");
  const auto pattern = json.String("pattern");
  if (!since || !until || !pattern || pattern->empty()) return std::nullopt;
  gate.since_ms = static_cast<int64_t>(*since);
  gate.until_ms = static_cast<int64_t>(*until);
  gate.pattern = *pattern;
  gate.by = json.String("by").value_or("");
  gate.reason = json.String("reason").value_or("");
  return gate;
}

}  // namespace

std::string EncodeGates(const std::vector<Gate>& gates) {
  if (gates.empty()) return "";
  JsonWriter w;
  w.BeginObject().Key("version").Uint(kVersion).Key("gates").BeginArray();
  for (const Gate& gate : gates) {
    w.BeginObject().Key("pattern").String(gate.pattern);
    w.Key("since").Text64(static_cast<uint64_t>(gate.since_ms));
    w.Key("until").Text64(static_cast<uint64_t>(gate.until_ms));
    w.Key("by").String(gate.by).Key("reason").String(gate.reason).EndObject();
  }
  w.EndArray().EndObject();
  return std::move(w).Take();
}

std::string GateTag(std::string_view text) {
  return text.empty() ? "" : HexEncode(Sha256(text)).substr(0, kTagDigits);
}

Result<GateSet> DecodeGates(std::string_view text, int64_t now_ms) {
  GateSet set;
  set.tag = GateTag(text);
  set.now_ms = now_ms;
  if (text.empty()) return set;
  JsonBounds bounds;
  bounds.max_bytes = kMaxGateText;
  Result<JsonObject> json = ParseSmallJson(text, bounds);
  if (!json.ok()) return Damaged();
  const std::optional<uint64_t> version = json->Uint("version");
  if (!version) return Damaged();
  if (*version > kVersion) return Status::Unavailable("gates: a newer Stateward wrote them");
  const auto gates = json->Objects("gates");
  if (!gates) return Damaged();
  for (const JsonObject& each : *gates) {
    std::optional<Gate> gate = ReadGate(each);
    if (!gate) return Damaged();
    set.gates.push_back(*std::move(gate));
  }
  return set;
}

GateVerdict JudgeGates(const GateTicket& ticket, std::string_view tag, int64_t now_ms) {
  if (ticket.tag != tag) return GateVerdict::kChanged;
  return now_ms < ticket.shut_until_ms ? GateVerdict::kShut : GateVerdict::kOpen;
}

}  // namespace stateward
