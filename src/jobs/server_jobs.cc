#include "jobs/server_jobs.h"

#include <utility>

#include "state/key_notice.h"

namespace stateward {
namespace {

// It costs a list.
constexpr int64_t kTidyEveryMs = 10 * kNoticeEveryMs;

class KeyJob : public Job {
 public:
  explicit KeyJob(std::string process_id) : process_id_(std::move(process_id)) {}
  std::string_view Name() const override { return "keys"; }
  JobScope Scope() const override { return JobScope::kProcess; }
  void Restart() override {}
  JobStep Step(const JobParts& parts) override {
    const Status said = PublishKeys(parts.storage, parts.kms, process_id_, parts.clock.NowMs());
    return {said, kNoticeEveryMs, said.ok()};
  }

 private:
  const std::string process_id_;
};

class ServersJob : public Job {
 public:
  std::string_view Name() const override { return "servers"; }
  JobScope Scope() const override { return JobScope::kStore; }
  void Restart() override {}
  JobStep Step(const JobParts& parts) override {
    const Status tidied = ForgetSilentServers(parts.storage, parts.clock.NowMs());
    return {tidied, kTidyEveryMs, tidied.ok()};
  }
};

}  // namespace

std::vector<std::unique_ptr<Job>> ServerJobs(const std::string& process_id) {
  std::vector<std::unique_ptr<Job>> jobs;
  jobs.push_back(std::make_unique<KeyJob>(process_id));
  jobs.push_back(std::make_unique<ServersJob>());
  return jobs;
}

}  // namespace stateward
