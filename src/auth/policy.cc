#include "auth/policy.h"

#include <utility>

#include "base/glob.h"
#include "base/secret_file.h"

namespace stateward {
namespace {

constexpr int64_t kLookEveryUs = 1000000;
constexpr int64_t kTroubleUs = 60 * kLookEveryUs;

std::string FirstOf(const std::vector<std::string>& problems) {
  std::string all = problems.front();
  if (problems.size() == 1) return all;
  return all + " (and " + std::to_string(problems.size() - 1) + " more: statewardctl policy check)";
}

// Reads and parses; sets *stamp also when the file is no good, and *trouble when it is good but for
// some issuer.
Result<Policy> ReadPolicy(const std::string& path, std::string* stamp, Status* trouble) {
  Result<SecretBytes> text = ReadSecretBytes(path, kMaxPolicyBytes, stamp);
  if (!text.ok()) return Status::Unavailable(text.status().detail());
  ParsedPolicy parsed = ParsePolicy(ByteView(*text).AsString());
  if (!parsed.errors.empty()) return Status::InvalidArgument(FirstOf(parsed.errors));
  if (!parsed.troubles.empty()) *trouble = Status::InvalidArgument(FirstOf(parsed.troubles));
  return std::move(parsed.policy);
}

}  // namespace

const PolicyUser* Policy::FindUser(std::string_view name) const {
  for (const PolicyUser& user : users) {
    if (user.name == name) return &user;
  }
  return nullptr;
}

std::optional<PlanLocks> Policy::PlanLocksOf(std::string_view project,
                                             std::string_view name) const {
  const std::string state = std::string(project) + "/" + std::string(name);
  for (const PlanLockRule& rule : locks) {
    for (const std::string& glob : rule.states) {
      if (StateGlobMatches(glob, state)) return rule.plan_locks;
    }
  }
  return std::nullopt;
}

PolicyFile::PolicyFile(const Clock& clock, const Log& log, std::string path)
    : clock_(clock), log_(log), path_(std::move(path)), policy_(std::make_shared<Policy>()) {
  Look();
}

void PolicyFile::Look() {
  next_look_us_ = clock_.SteadyUs() + kLookEveryUs;
  std::string stamp;
  Status trouble;
  Result<Policy> read = ReadPolicy(path_, &stamp, &trouble);
  stamp_ = std::move(stamp);
  // What troubles one issuer is mended elsewhere than in this file.
  again_us_ = trouble.ok() ? INT64_MAX : clock_.SteadyUs() + kTroubleUs;
  Status before = std::move(problem_);
  Status problem = read.ok() ? std::move(trouble) : read.status();
  // A file that cannot be read is named already.
  const bool named = problem.detail().compare(0, path_.size(), path_) == 0;
  problem_ = named ? std::move(problem) : std::move(problem).At(path_);
  // Better no tokens of one issuer than nobody at all; but a policy that works is not given up.
  const bool take = read.ok() && (problem_.ok() || !loaded_ || troubled_);
  if (!problem_.ok() && problem_.detail() != before.detail()) {
    const char* what = take      ? "; only this issuer's tokens are refused"
                       : loaded_ ? "; the one before stays in force"
                                 : "; nobody is let in by it";
    log_.Error("policy: " + problem_.detail() + what);
  }
  if (!take) return;
  troubled_ = !problem_.ok();
  policy_ = std::make_shared<const Policy>(std::move(*read));
  if (loaded_ && !troubled_) log_.Info("the policy was read again: " + path_);
  loaded_ = true;
}

std::shared_ptr<const Policy> PolicyFile::Current() {
  std::lock_guard<std::mutex> hold(mutex_);
  int64_t now = clock_.SteadyUs();
  if (now >= next_look_us_) {
    next_look_us_ = now + kLookEveryUs;
    if (now >= again_us_ || FileStamp(path_) != stamp_) Look();
  }
  return policy_;
}

Status PolicyFile::Check() {
  Current();
  std::lock_guard<std::mutex> hold(mutex_);
  return problem_;
}

bool PolicyFile::Loaded() {
  std::lock_guard<std::mutex> hold(mutex_);
  return loaded_;
}

}  // namespace stateward
