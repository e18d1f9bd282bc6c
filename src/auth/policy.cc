#include "auth/policy.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/files.h"

namespace stateward {
namespace {

constexpr int64_t kLookEveryUs = 1000000;

// Changes whenever the file does, or another takes its place.
std::string StampOf(const struct stat& st) {
  std::string stamp;
  for (int64_t part :
       {static_cast<int64_t>(st.st_dev), static_cast<int64_t>(st.st_ino),
        static_cast<int64_t>(st.st_size), static_cast<int64_t>(st.st_mode),
        static_cast<int64_t>(st.st_mtim.tv_sec), static_cast<int64_t>(st.st_mtim.tv_nsec),
        static_cast<int64_t>(st.st_ctim.tv_sec), static_cast<int64_t>(st.st_ctim.tv_nsec)}) {
    stamp += std::to_string(part) + " ";
  }
  return stamp;
}

// Reads and parses; sets *stamp also when the file is no good.
Result<Policy> ReadPolicy(const std::string& path, std::string* stamp) {
  Result<Fd> file = OpenFileAt(PosixDisk(), AT_FDCWD, path, O_RDONLY);
  if (!file.ok()) return Status::Unavailable("cannot be read: " + file.status().detail());
  struct stat st {};
  if (fstat(file->get(), &st) != 0) return FromErrno("stat", errno);
  *stamp = StampOf(st);
  if ((st.st_mode & 07) != 0) {
    return Status::InvalidArgument("every user may read it; it holds password hashes: chmod 0640");
  }
  Result<Bytes> text = ReadUpTo(PosixDisk(), file->get(), kMaxPolicyBytes + 1);
  if (!text.ok()) return std::move(text).status();
  ParsedPolicy parsed = ParsePolicy(ByteView(*text).AsString());
  if (parsed.errors.empty()) return std::move(parsed.policy);
  std::string all = parsed.errors.front();
  if (parsed.errors.size() > 1) {
    all +=
        " (and " + std::to_string(parsed.errors.size() - 1) + " more: statewardctl policy check)";
  }
  return Status::InvalidArgument(std::move(all));
}

std::string StampAt(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 ? StampOf(st) : std::string();
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
    if (StampAt(path_) != stamp_) Look();
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
