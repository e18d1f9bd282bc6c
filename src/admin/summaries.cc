#include "admin/summaries.h"

#include <algorithm>
#include <utility>

#include "admin/state_names.h"
#include "base/together.h"

namespace stateward {
namespace {

// States whose fronts one call of the storage reads: 1 MiB at most (Kms::kInfoPrefix each).
constexpr size_t kBatch = 64;
// The store works, and this one file may not be opened.
constexpr char kShut[] = "no access";
// Calls at the same time. Each waits for a disk or a service most of the time.
constexpr size_t kAtOnce = 8;

// What the newest version says of itself; a no-op record on top names it.
Status OpenVersion(const History& history, const Records::Front& front, StateSummary* out) {
  Result<SealedInfo> info = history.OpenFront(front.id, front.newest);
  if (!info.ok()) return std::move(info).status();
  uint64_t n = front.newest.n;
  out->key = info->key;
  if (info->version.kind == RecordKind::kNoOp) {
    n = info->version.newest_real;
    if (n == 0) return Status();
    info = history.Info(front.id, n);
    if (!info.ok()) return std::move(info).status();
  }
  out->version = n;
  out->info = std::move(info->version);
  return Status();
}

Result<std::vector<StateSummary>> Summaries(const History& history,
                                            const std::vector<Records::End>& ends) {
  Result<std::vector<Records::Front>> fronts = history.records().Fronts(ends, Kms::kInfoPrefix);
  if (!fronts.ok()) return std::move(fronts).status();
  std::vector<StateSummary> out;
  for (const Records::Front& front : *fronts) {
    if (front.records == 0) continue;
    StateSummary summary;
    summary.id = front.id;
    summary.records = front.records;
    summary.head = front.newest.n;
    if (front.shut) {
      summary.trouble = kShut;
      out.push_back(std::move(summary));
      continue;
    }
    const Status opened = front.damaged ? Status::Corruption("the storage says so")
                                        : OpenVersion(history, front, &summary);
    if (!opened.ok()) {
      if (!opened.unreadable() && opened.code() != Code::kNotFound) return opened;
      summary.trouble = UnreadableWord(opened);
    }
    out.push_back(std::move(summary));
  }
  return out;
}

}  // namespace

Status EachSummary(const History& history, const std::vector<Records::End>& ends,
                   const std::function<void(StateSummary&&)>& take) {
  for (size_t from = 0; from < ends.size();) {
    const size_t now = std::min(kBatch * kAtOnce, ends.size() - from);
    const size_t batch = (now + kAtOnce - 1) / kAtOnce;
    const size_t calls = (now + batch - 1) / batch;
    std::vector<Result<std::vector<StateSummary>>> results(calls, std::vector<StateSummary>());
    RunAll(calls, [&](size_t i) {
      const auto begin = ends.begin() + static_cast<std::ptrdiff_t>(from + i * batch);
      const size_t size = std::min(batch, now - i * batch);
      results[i] = Summaries(history, {begin, begin + static_cast<std::ptrdiff_t>(size)});
    });
    for (Result<std::vector<StateSummary>>& result : results) {
      if (!result.ok()) return std::move(result).status();
      for (StateSummary& summary : *result) take(std::move(summary));
    }
    from += now;
  }
  return Status();
}

}  // namespace stateward
