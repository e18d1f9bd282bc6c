// The gates of the local lock: one file, which is exchanged as a whole. Each step that may give a
// lock reads it while it has the flock on its state's file.
#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "lock/gate_text.h"
#include "lock/local_lock.h"

namespace stateward {
namespace {

constexpr char kGates[] = "gates";
// As a step of a lock waits for another one.
constexpr int kFlockMs = 10000;

Status Outage(const Status& status) { return Status::Unavailable("gates: " + status.detail()); }

}  // namespace

Result<std::string> LocalLock::GateText(int root) {
  Result<Bytes> text = ReadFileAt(disk_, root, kGates, kMaxGateText);
  if (text.ok()) return std::string(ByteView(*text).AsString());
  if (text.status().code() == Code::kNotFound) return std::string();
  return Outage(text.status());
}

Result<GateSet> LocalLock::GatesIn(int root) {
  Result<std::string> text = GateText(root);
  if (!text.ok()) return std::move(text).status();
  return DecodeGates(*text, clock_.NowMs());
}

Result<std::optional<AcquireOutcome>> LocalLock::AskGates(const Held& held,
                                                          const GateTicket& ticket) {
  using Kept = std::optional<AcquireOutcome>;
  Result<std::string> text = GateText(held.root.get());
  if (!text.ok()) return std::move(text).status();
  switch (JudgeGates(ticket, GateTag(*text), clock_.NowMs())) {
    case GateVerdict::kOpen:
      return Kept();
    case GateVerdict::kShut:
      return Kept(Shut{HolderOf(held.book)});
    case GateVerdict::kChanged:
      break;
  }
  Result<GateSet> now = DecodeGates(*text, clock_.NowMs());
  if (!now.ok()) return std::move(now).status();
  return Kept(GatesChanged{*std::move(now)});
}

Result<GateSet> LocalLock::ReadGates() {
  Result<MarkedFolder::Root> root = OpenService();
  if (!root.ok()) return std::move(root).status();
  return GatesIn(root->get());
}

// A step that read the gates before they were exchanged has the flock of its state's file until it
// is done: who has had each of them once knows that there is none left. A file that is made later
// belongs to a step that finds the new gates.
Status LocalLock::WaitForSteps(int root) {
  std::vector<std::string> groups;
  int r = disk_.ListDir(root, &groups);
  if (r < 0) return FromErrno("list locks", -r);
  for (const std::string& group : groups) {
    if (!IsHex(group, 2)) continue;
    std::vector<std::string> names;
    Result<Fd> dir = OpenAndListAt(disk_, root, group, &names);
    // It was empty a moment ago: its first file is being made, by a step that finds the new gates.
    if (!dir.ok() && dir.status().code() == Code::kNotFound) continue;
    if (!dir.ok()) return Outage(dir.status());
    for (const std::string& name : names) {
      Result<Fd> file = OpenFileAt(disk_, dir->get(), name, O_RDWR);
      if (!file.ok() && file.status().code() == Code::kNotFound) continue;
      if (!file.ok()) return Outage(file.status());
      STATEWARD_RETURN_IF_ERROR(LockFd(disk_, file->get(), kFlockMs, "lock file"));
    }
  }
  return Status();
}

Result<bool> LocalLock::ExchangeGates(const std::string& expected, const std::vector<Gate>& next) {
  Result<MarkedFolder::Root> root = OpenService();
  if (!root.ok()) return std::move(root).status();
  {
    Result<Fd> all = OpenDirAt(disk_, root->get(), ".");  // a descriptor of its own, for its flock
    if (!all.ok()) return Outage(all.status());
    STATEWARD_RETURN_IF_ERROR(LockFd(disk_, all->get(), kFlockMs, "lock folder"));
    Result<std::string> text = GateText(root->get());
    if (!text.ok()) return std::move(text).status();
    const std::string wanted = EncodeGates(next);
    if (GateTag(*text) != expected && *text != wanted) return false;
    STATEWARD_RETURN_IF_ERROR(ReplaceDurably(disk_, root->get(), kGates, wanted));
  }
  STATEWARD_RETURN_IF_ERROR(WaitForSteps(root->get()));
  return true;
}

}  // namespace stateward
