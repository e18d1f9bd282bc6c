#include "admin/lock_trail.h"

#include <fcntl.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/audit_files.h"
#include "admin/find_state.h"
#include "admin/params.h"
#include "audit/audit_line.h"
#include "audit/first_line.h"
#include "audit/line_reader.h"
#include "base/files.h"
#include "base/json.h"
#include "base/state_name.h"
#include "stateward/disk.h"

namespace stateward {
namespace {

std::string TextOf(const JsonObject& line, const char* member) {
  return line.String(member).value_or("");
}

// 0: it has none.
int64_t TimeOf(const JsonObject& line) {
  const std::string text = TextOf(line, "time");  // "2026-11-26T12:00:00.123Z"
  int64_t ms = 0;
  if (text.size() != 24 || !ParseTimeText(text.substr(0, 19) + "Z", &ms)) return 0;
  // A number has no zeros in front of it, and the milliseconds may.
  const uint64_t fraction = ParseUint64("1" + text.substr(20, 3)).value_or(1000);
  return ms + static_cast<int64_t>(fraction) - 1000;
}

// nullopt: it says nothing of this state's lock.
std::optional<LockEvent> EventOf(const AuditLine& line, const StateKey& key) {
  const JsonObject& json = line.json;
  if (line.kind != kAuditDone || TextOf(json, "state") != StateText(key) ||
      TextOf(json, "namespace") != ShortNamespace(key.tenant) || TextOf(json, "result") != "done") {
    return std::nullopt;
  }
  LockEvent event;
  event.action = TextOf(json, "action");
  if (event.action != "lock" && event.action != "unlock" && event.action != "force unlock") {
    return std::nullopt;
  }
  event.lock = TextOf(json, "lock_id");
  // A release without a lock found nothing to release.
  if (event.lock.empty()) return std::nullopt;
  event.principal = TextOf(json, "principal");
  event.reason = TextOf(json, "reason");
  event.time_ms = TimeOf(json);
  return event;
}

// Without those at the front whose next one begins before `since_ms`.
std::vector<std::string> FilesSince(std::vector<std::string> files, ByteView key,
                                    int64_t since_ms) {
  size_t first = files.empty() ? 0 : files.size() - 1;
  for (; first > 0; --first) {
    const std::optional<AuditLine> begin = FirstTrailLine(PosixDisk(), AT_FDCWD, files[first], key);
    const int64_t begin_ms = begin ? TimeOf(begin->json) : 0;
    if (begin_ms != 0 && begin_ms < since_ms) break;  // 0: it does not say
  }
  files.erase(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(first));
  return files;
}

// The newest bytes of some files.
struct Tail {
  std::vector<std::string> files;
  uint64_t from = 0;  // where the first of them begins to count, but for the line that is cut there
  bool whole = true;
};

Tail TailOf(std::vector<std::string> files, uint64_t most) {
  Tail tail;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    DiskStat stat;
    // One that is gone says so when it is opened.
    const bool known = PosixDisk().StatAt(AT_FDCWD, file->c_str(), &stat) == 0;
    const uint64_t size = known ? stat.size : 0;
    tail.whole = size <= most;
    if (!tail.whole && most == 0) break;
    tail.files.insert(tail.files.begin(), std::move(*file));
    if (!tail.whole) {
      tail.from = size - most;
      break;
    }
    most -= size;
  }
  return tail;
}

Status EachLineFrom(const std::string& file, uint64_t from,
                    const std::function<void(std::string_view)>& take) {
  Result<Fd> fd = OpenFileAt(PosixDisk(), AT_FDCWD, file, O_RDONLY);
  if (!fd.ok()) return Status::Unavailable(fd.status().detail());
  return EachLine(PosixDisk(), fd->get(), from,
                  [from, &take](std::string_view line, bool, uint64_t at) {
                    if (at != from || from == 0) take(line);
                    return true;
                  });
}

}  // namespace

Result<TrailRead> AddLockTrail(AdminService& service, const StateKey& key, int64_t since_ms,
                               LockSessions* sessions) {
  const AdminService::ListTurn turn = service.TakeTrailTurn();
  if (!turn) return TrailUnderWay();
  Result<SecretBytes> mac_key = TrailKey(service);
  if (!mac_key.ok()) return std::move(mac_key).status();
  Result<std::vector<std::string>> files = TrailFiles(service, *mac_key, {});
  if (!files.ok()) return std::move(files).status();
  const Tail tail =
      TailOf(FilesSince(*std::move(files), *mac_key, since_ms), service.most_trail_bytes());
  // Cheap enough to tell the lines that may be meant from all others, before their MACs are made.
  const std::string mark = "\"state\":\"" + StateText(key) + "\"";
  const auto take = [&](std::string_view text) {
    if (text.find(mark) == std::string_view::npos) return;
    Result<AuditLine> line = ReadAuditLine(*mac_key, text);
    if (!line.ok()) return;  // `audit verify` names it
    std::optional<LockEvent> event = EventOf(*line, key);
    if (event) sessions->Add(*event);
  };
  uint64_t from = tail.from;  // of the first file alone
  for (const std::string& file : tail.files) {
    STATEWARD_RETURN_IF_ERROR(EachLineFrom(file, std::exchange(from, 0), take));
  }
  return TrailRead{tail.whole};
}

}  // namespace stateward
