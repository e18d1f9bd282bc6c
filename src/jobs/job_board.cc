#include "jobs/job_board.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <sstream>
#include <utility>

#include "base/secret_file.h"

namespace stateward {
namespace {

constexpr char kName[] = "/jobs-v1";
// A line for each job and each number: some hundred bytes.
constexpr size_t kMaxBytes = size_t{64} * 1024;

struct Series {
  const char* name;
  const char* type;
  const char* help;
  std::string (*value)(const JobRecord& record);
};

std::string Seconds(int64_t ms) {
  char text[40];
  snprintf(text, sizeof text, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
  return text;
}

constexpr Series kSeries[] = {
    {"stateward_job_runs_total", "counter", "Rounds of a job that ended well.",
     [](const JobRecord& r) { return std::to_string(r.runs); }},
    {"stateward_job_failures_total", "counter", "Steps of a job that failed.",
     [](const JobRecord& r) { return std::to_string(r.failures); }},
    {"stateward_job_last_run_timestamp_seconds", "gauge",
     "When a round of a job ended or a step failed.",
     [](const JobRecord& r) { return Seconds(r.last_run_ms); }},
    {"stateward_job_last_success_timestamp_seconds", "gauge",
     "When a round of a job ended well; 0: never.",
     [](const JobRecord& r) { return Seconds(r.last_success_ms); }},
};

constexpr struct {
  const char* name;
  const char* help;
} kFound[] = {
    {kJobsOfStore, "1: this host does the jobs that one host of the store does."},
    {"stateward_stored_objects", "States in the store, deleted ones included."},
    {"stateward_locks_held", "Locks that are held."},
    {"stateward_damaged_states", "States whose newest record is damaged."},
    {"stateward_unreadable_states", "States whose newest record cannot be read."},
    {"stateward_locks", "Locks that are held, by what for."},
    {"stateward_oldest_lock_age_seconds",
     "Age of the oldest lock when the locks were looked at last; 0: no lock is held."},
    {"stateward_stored_versions", "Records in the store."},
    {"stateward_stored_bytes", "Bytes of all records in the store."},
    {"stateward_kept_uploads", "Refused uploads that are kept."},
    {"stateward_kept_upload_bytes", "Bytes of the refused uploads that are kept."},
    {"stateward_webhook_delivered", "Events that the webhook took, since this process began."},
    {"stateward_webhook_lost",
     "Lines of the audit trail that were gone before their events were sent."},
    {"stateward_webhook_waiting_bytes", "Bytes of the audit trail whose events were not sent yet."},
    {"stateward_key_info", "The key that seals new records, by its id."},
    {"stateward_key_credentials_end_timestamp_seconds",
     "When the credentials of the key service end unless they are renewed; 0: never."},
};

void Head(const char* name, const char* type, const char* help, std::string* out) {
  out->append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  out->append(name).append(" ").append(type).append("\n");
}

}  // namespace

std::string_view SeriesName(std::string_view found) { return found.substr(0, found.find('{')); }

JobBoard JobBoard::Read(const std::string& folder) {
  JobBoard board;
  // Nobody else's file: what it says is shown and believed.
  Result<SecretBytes> text = ReadSecretBytes(folder + kName, kMaxBytes);
  if (!text.ok()) return board;
  std::istringstream lines{std::string(ByteView(*text).AsString())};
  for (std::string kind, name; lines >> kind >> name;) {
    if (kind == "job") {
      JobRecord r;
      if (!(lines >> r.runs >> r.failures >> r.last_run_ms >> r.last_success_ms)) break;
      board.jobs[name] = r;
    } else {
      uint64_t n = 0;
      if (!(lines >> n)) break;
      board.found[name] = n;
    }
  }
  return board;
}

Status JobBoard::Write(const std::string& folder) const {
  std::string text;
  for (const auto& [name, r] : jobs) {
    text += "job " + name + " " + std::to_string(r.runs) + " " + std::to_string(r.failures) + " " +
            std::to_string(r.last_run_ms) + " " + std::to_string(r.last_success_ms) + "\n";
  }
  for (const auto& [name, n] : found) text += "found " + name + " " + std::to_string(n) + "\n";
  // Only who does the jobs writes, so one name for the new file is enough.
  const std::string next = folder + kName + ".new";
  unlink(next.c_str());
  const int fd = open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return FromErrno(next, errno);
  const ssize_t n = write(fd, text.data(), text.size());
  const int err = errno;
  close(fd);
  if (n != static_cast<ssize_t>(text.size())) return FromErrno(next, n < 0 ? err : ENOSPC);
  if (rename(next.c_str(), (folder + kName).c_str()) != 0) return FromErrno(next, errno);
  return Status();
}

std::string JobBoard::Metrics() const {
  std::string out;
  for (const auto& known : kFound) {
    bool any = false;
    for (const auto& [name, n] : found) {
      if (SeriesName(name) != known.name) continue;
      if (!std::exchange(any, true)) Head(known.name, "gauge", known.help, &out);
      out.append(name).append(" ").append(std::to_string(n)).append("\n");
    }
  }
  for (const Series& series : kSeries) {
    if (jobs.empty()) break;
    Head(series.name, series.type, series.help, &out);
    for (const auto& [name, record] : jobs) {
      out.append(series.name).append("{name=\"").append(name).append("\"} ");
      out.append(series.value(record)).append("\n");
    }
  }
  return out;
}

}  // namespace stateward
