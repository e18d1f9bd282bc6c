#include "admin/all_states.h"

#include <algorithm>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "admin/summary_cache.h"
#include "base/together.h"

namespace stateward {
namespace {

// Parts that are asked for at the same time. Each waits for a disk or a service most of the time.
constexpr size_t kAtOnce = 8;
// A part of so few states costs no more to read than its cache entry does.
constexpr size_t kWorthAnEntry = 4;

// The states whose ids begin with a prefix.
struct Part {
  std::string prefix;
  bool asked = false;
  Status status;
  Records::EndPage page;
  CachedSummaries cached;
};

class Walker {
 public:
  Walker(const History& history, const std::string& after,
         const std::function<bool(StateSummary&&)>& take,
         const std::function<void(uint64_t, uint64_t)>& report)
      : history_(history),
        after_(after),
        take_(take),
        report_(report),
        dear_(SummariesAreDear(history)) {}

  Status Run() {
    parts_.emplace_back();
    while (!parts_.empty() && !enough_) {
      Ask();
      SplitLarge();
      while (!parts_.empty() && parts_.front().asked && !enough_) {
        STATEWARD_RETURN_IF_ERROR(Give(&parts_.front()));
        parts_.pop_front();
      }
    }
    return Status();
  }

 private:
  // The first parts, as far as nobody asked for them yet.
  void Ask() {
    std::vector<Part*> now;
    size_t ahead = 0;
    for (auto part = parts_.begin(); part != parts_.end() && ahead < kAtOnce; ++part, ++ahead) {
      if (!part->asked) now.push_back(&*part);
    }
    RunAll(now.size(), [&](size_t i) { AskFor(now[i]); });
  }
  void AskFor(Part* part) const {
    part->asked = true;
    Result<Records::EndPage> page = history_.records().Ends(part->prefix);
    part->status = page.ok() ? Status() : page.status();
    if (!page.ok()) return;
    part->page = *std::move(page);
    if (!dear_ || part->page.ends.size() < kWorthAnEntry) return;
    Result<CachedSummaries> cached = LoadSummaries(history_, part->prefix, part->page.ends);
    if (cached.ok()) part->cached = *std::move(cached);
    if (!cached.ok()) part->status = cached.status();
  }
  // Those with too many states become sixteen smaller ones in their place.
  void SplitLarge() {
    for (auto part = parts_.begin(); part != parts_.end();) {
      if (!part->asked || !part->status.ok() || part->page.whole) {
        ++part;
        continue;
      }
      for (char digit : std::string("0123456789abcdef")) {
        Part smaller;
        smaller.prefix = part->prefix + digit;
        // All ids with this prefix are behind it, and none of them behind one that is larger.
        if (smaller.prefix >= after_.substr(0, smaller.prefix.size())) {
          parts_.insert(part, std::move(smaller));
        }
      }
      part = parts_.erase(part);
    }
  }
  Status Give(Part* part) {
    STATEWARD_RETURN_IF_ERROR(part->status);
    std::vector<Records::End>& ends = part->page.ends;
    std::vector<Records::End> missing;
    for (const Records::End& end : ends) {
      if (part->cached.count(end.id.hex()) == 0) missing.push_back(end);
    }
    std::vector<StateSummary> states;
    for (auto& [id, state] : part->cached) states.push_back(std::move(state));
    STATEWARD_RETURN_IF_ERROR(EachSummary(
        history_, missing, [&](StateSummary&& state) { states.push_back(std::move(state)); }));
    const bool worth = dear_ && ends.size() >= kWorthAnEntry;
    if (worth && !missing.empty()) SaveSummaries(history_, part->prefix, ends, states);
    std::sort(states.begin(), states.end(),
              [](const StateSummary& a, const StateSummary& b) { return a.id.hex() < b.id.hex(); });
    // Both are in the order of their ids.
    auto end = ends.begin();
    for (StateSummary& state : states) {
      while (end != ends.end() && end->id.hex() < state.id.hex()) ++end;
      if (end != ends.end() && end->id == state.id) state.bytes = end->bytes;
      ++done_;
      if (!enough_ && state.id.hex() > after_) enough_ = !take_(std::move(state));
    }
    report_(done_, About(part->prefix));
    return Status();
  }
  // Ids are spread evenly: as many are still to come as the part of all prefixes that is left has.
  uint64_t About(const std::string& prefix) const {
    if (prefix.empty()) return done_;
    const double whole = std::strtod(("0x" + std::string(prefix.size(), 'f')).c_str(), nullptr) + 1;
    const double behind = std::strtod(("0x" + prefix).c_str(), nullptr) + 1;
    return static_cast<uint64_t>(static_cast<double>(done_) * whole / behind);
  }

  const History& history_;
  const std::string& after_;
  const std::function<bool(StateSummary&&)>& take_;
  const std::function<void(uint64_t, uint64_t)>& report_;
  const bool dear_;
  std::list<Part> parts_;  // in order of their prefixes
  uint64_t done_ = 0;
  bool enough_ = false;
};

}  // namespace

Status EachState(const History& history, const std::string& after,
                 const std::function<bool(StateSummary&&)>& take,
                 const std::function<void(uint64_t, uint64_t)>& report) {
  return Walker(history, after, take, report).Run();
}

bool MaySee(const Call& call, const StateSummary& state) {
  if (!state.trouble.empty()) return call.caller.on_store.Has(Right::kSee);
  if (call.caller.tenant && state.key.tenant != *call.caller.tenant) return false;
  return call.caller.Sees(state.key);
}

}  // namespace stateward
