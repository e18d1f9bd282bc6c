#include "state/known_gates.h"

#include <utility>

#include "base/glob.h"
#include "base/json_writer.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

constexpr std::string_view kMaintenance = "MAINTENANCE ";
constexpr std::string_view kFrozen = "FROZEN ";

int64_t EndOf(const Gate& gate) { return gate.until_ms == 0 ? kShutForGood : gate.until_ms; }

// "2026-11-27T14:00:00Z" as "14:00 UTC", or "2026-11-27 14:00 UTC" on another day.
std::string ShortTime(int64_t ms, int64_t now_ms) {
  const std::string text = FormatTime(ms);
  const std::string clock = text.substr(11, 5) + " UTC";
  const std::string day = text.substr(0, 10);
  return day == FormatTime(now_ms).substr(0, 10) ? clock : day + " " + clock;
}

}  // namespace

const Gate* ShutGate(const GateSet& set, const StateKey& key, int64_t now_ms) {
  const Gate* longest = nullptr;
  for (const Gate& gate : set.gates) {
    if (!gate.EndsAfter(now_ms) || !FitsGlob(gate.pattern, key)) continue;
    if (longest == nullptr || EndOf(gate) > EndOf(*longest)) longest = &gate;
  }
  return longest;
}

std::string GateSentence(const Gate& gate, int64_t now_ms) {
  std::string text(gate.until_ms == 0 ? kFrozen : kMaintenance);
  if (gate.until_ms != 0) text += "until " + ShortTime(gate.until_ms, now_ms) + " ";
  return text + "by " + gate.by + ": " + gate.reason;
}

bool IsGateSentence(std::string_view id) {
  return id.substr(0, kMaintenance.size()) == kMaintenance ||
         id.substr(0, kFrozen.size()) == kFrozen;
}

std::string RenderGate(const Gate& gate, const std::optional<LockRecord>& holder,
                       const StateKey& key, int64_t now_ms) {
  const std::string sentence = GateSentence(gate, now_ms);
  std::string info = "no lock is given of " + gate.pattern + " since " + FormatTime(gate.since_ms);
  info += gate.until_ms == 0 ? ", until an administrator ends it"
                             : ", until " + FormatTime(gate.until_ms) + " or until it is ended";
  info += "; reading goes on, and so do plans with -lock=false; force-unlock does not end it";
  if (holder) {
    info += "; the lock that was taken before may finish: held by " +
            (holder->principal.empty() ? "a client of terraform-backend" : holder->principal);
    if (holder->time_ms > 0) info += " since " + FormatTime(holder->time_ms);
    info += " with the lock ID " + holder->id;
  }
  JsonWriter w;
  w.BeginObject().Key("ID").String(sentence);
  w.Key("Operation").String(gate.until_ms == 0 ? "freeze" : "maintenance");
  w.Key("Who").String(gate.by).Key("Version").String("");
  w.Key("Created").String(FormatTime(gate.since_ms));
  w.Key("Path").String(key.project + "/" + key.name);
  w.Key("Info").String(info).EndObject();
  return std::move(w).Take();
}

std::shared_ptr<const GateSet> KnownGates::Set() const {
  std::lock_guard<std::mutex> hold(mutex_);
  return set_;
}

void KnownGates::Learn(GateSet set) {
  auto next = std::make_shared<const GateSet>(std::move(set));
  std::lock_guard<std::mutex> hold(mutex_);
  set_ = std::move(next);
}

GateTicket KnownGates::TicketFor(const StateKey& key) const {
  const std::shared_ptr<const GateSet> set = Set();
  // Those that have ended since are for the backend's clock to tell.
  const Gate* gate = ShutGate(*set, key, set->now_ms);
  return {set->tag, gate == nullptr ? 0 : EndOf(*gate)};
}

std::optional<Gate> KnownGates::WhyShut(const StateKey& key) const {
  const std::shared_ptr<const GateSet> set = Set();
  const Gate* gate = ShutGate(*set, key, set->now_ms);
  return gate == nullptr ? std::nullopt : std::optional<Gate>(*gate);
}

}  // namespace stateward
