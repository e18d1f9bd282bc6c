#include "state/plan_info.h"

#include "base/json_writer.h"
#include "state/lock_info.h"

namespace stateward {
namespace {

// Names in the sentence, which a terminal shows in one line; plans in the list.
constexpr size_t kNamed = 3;
constexpr size_t kListed = 16;

std::string More(size_t all, size_t shown) {
  return all <= shown ? "" : ", and " + std::to_string(all - shown) + " more";
}

std::string Sentence(const HeldBy& held) {
  std::string text = std::to_string(held.plans.size()) + " plans hold it: ";
  for (size_t i = 0; i < held.plans.size() && i < kNamed; ++i) {
    const LockRecord& plan = held.plans[i];
    text += (i == 0 ? "" : ", ") + plan.principal + " since " + FormatTime(plan.time_ms);
  }
  text += More(held.plans.size(), kNamed);
  if (held.plans.size() >= kMaxPlanLocks) text += "; no more can hold it at a time";
  return text;
}

std::string List(const HeldBy& held) {
  std::string text;
  for (size_t i = 0; i < held.plans.size() && i < kListed; ++i) {
    const LockRecord& plan = held.plans[i];
    const std::string who = ReadLockClient(plan.info).who;
    text += (i == 0 ? "" : ", ") + plan.principal;
    if (!who.empty()) text += " (" + who + ")";
    text += " since " + FormatTime(plan.time_ms) + " with the lock ID " + plan.id;
  }
  return text + More(held.plans.size(), kListed);
}

std::string Render(const std::string& id, const std::string& operation, const std::string& who,
                   const std::string& info, const StateKey& key, int64_t created_ms) {
  JsonWriter w;
  w.BeginObject().Key("ID").String(id).Key("Operation").String(operation);
  w.Key("Who").String(who).Key("Version").String("");
  w.Key("Created").String(FormatTime(created_ms));
  w.Key("Path").String(key.project + "/" + key.name).Key("Info").String(info).EndObject();
  return std::move(w).Take();
}

}  // namespace

std::string RenderPlans(const HeldBy& held, const StateKey& key, int64_t now_ms, Freeing freeing) {
  if (held.plans_from_ms != 0) {
    const LockRecord& writer = held.holder;
    const std::string text = "a write waits for the lock: " + writer.principal + " since " +
                             FormatTime(writer.time_ms) + "; plans hold it again after that, by " +
                             FormatTime(held.plans_from_ms) + " at the latest";
    std::string info = text + "; the lock ID of the write is " + writer.id;
    if (!held.plans.empty()) info += "; held now by the plans of " + List(held);
    return Render(text, "", writer.principal, info, key, writer.time_ms);
  }
  if (held.plans.size() == 1) return RenderHolder(held.holder, key, now_ms, freeing);
  return Render(Sentence(held), std::string(kPlanOperation),
                std::to_string(held.plans.size()) + " plans",
                "held by the plans of " + List(held) + "; state " + key.project + "/" + key.name +
                    (freeing == Freeing::kByForce
                         ? "; when the run of one is gone: terraform force-unlock with its lock ID"
                         : "; when the run of one is gone: ask its holder or an administrator to "
                           "free it"),
                key, held.plans.front().time_ms);
}

}  // namespace stateward
