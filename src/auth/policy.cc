#include "auth/policy.h"

#include <utility>

#include "base/secret_file.h"

namespace stateward {
namespace {

constexpr int64_t kLookEveryUs = 1000000;

// Reads and parses; sets *stamp also when the file is no good.
Result<Policy> ReadPolicy(const std::string& path, std::string* stamp) {
  Result<SecretBytes> text = ReadSecretBytes(path, kMaxPolicyBytes, stamp);
  if (!text.ok()) return Status::Unavailable(text.status().detail());
  ParsedPolicy parsed = ParsePolicy(ByteView(*text).AsString());
  if (parsed.errors.empty()) return std::move(parsed.policy);
  std::string all = parsed.errors.front();
  if (parsed.errors.size() > 1) {
    all +=
        " (and " + std::to_string(parsed.errors.size() - 1) + " more: statewardctl policy check)";
  }
  return Status::InvalidArgument(std::move(all));
}

}  // namespace

const PolicyUser* Policy::FindUser(std::string_view name) const {
  for (const PolicyUser& user : users) {
    if (user.name == name) return &user;
  }
  return nullptr;
}

PolicyFile::PolicyFile(const Clock& clock, const Log& log, std::string path)
    : clock_(clock), log_(log), path_(std::move(path)), policy_(std::make_shared<Policy>()) {
  Look();
}

void PolicyFile::Look() {
  next_look_us_ = clock_.SteadyUs() + kLookEveryUs;
  std::string stamp;
  Result<Policy> read = ReadPolicy(path_, &stamp);
  stamp_ = std::move(stamp);
  if (read.ok()) {
    policy_ = std::make_shared<const Policy>(std::move(*read));
    problem_ = Status();
    if (loaded_) log_.Info("the policy was read anew: " + path_);
    loaded_ = true;
    return;
  }
  problem_ = std::move(read).status().At(path_);
  log_.Error("policy: " + problem_.detail() +
             (loaded_ ? "; the one before stays in force" : "; nobody is let in by it"));
}

std::shared_ptr<const Policy> PolicyFile::Current() {
  std::lock_guard<std::mutex> hold(mutex_);
  if (clock_.SteadyUs() >= next_look_us_) {
    next_look_us_ = clock_.SteadyUs() + kLookEveryUs;
    if (FileStamp(path_) != stamp_) Look();
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
