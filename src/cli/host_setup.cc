#include "cli/host_setup.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <utility>

#include "app/hardening.h"
#include "base/secret_file.h"
#include "config/config.h"
#include "moving/folder_source.h"
#include "stateward/disk.h"

namespace stateward {
namespace {

// systemd's own limit of all credentials of a unit.
constexpr size_t kMaxCredential = size_t{1} << 20;
constexpr char kStateRoot[] = "/var/lib/";

std::string Upper(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return name;
}

// The bytes as a file of this process alone that `user` may read, and its path; it has no name on
// any disk.
Result<std::string> HiddenFile(const SecretBytes& bytes, const ServiceUser& user) {
  int fd = memfd_create("credential", MFD_CLOEXEC);
  if (fd < 0) return FromErrno("memfd_create", errno);
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno != EINTR) return FromErrno("memfd", errno);
    if (n > 0) done += static_cast<size_t>(n);
  }
  if (fchown(fd, user.uid, user.gid) != 0 || fchmod(fd, 0400) != 0) {
    return FromErrno("memfd", errno);
  }
  return "/proc/self/fd/" + std::to_string(fd);  // open until the process ends
}

// Of the path of a folder that is imported: see CheckWithin. Root's own links are the system's.
Status CheckFolder(const std::string& folder) {
  for (size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
    const std::string above = folder.substr(0, end);
    struct stat st {};
    if (lstat(above.c_str(), &st) != 0) return FromErrno(above, errno);
    if (S_ISLNK(st.st_mode) && st.st_uid != 0) {
      return Status::InvalidArgument(above +
                                     ": a link of another user; root follows none of them: "
                                     "give the folder itself");
    }
    if (end == folder.npos) return Status();
  }
}

// Root may read what the owner of a folder may not: a link in it must not bring that along.
Status CheckWithin(FILE* file, const std::string& path, const std::string& folder) {
  const std::unique_ptr<char, decltype(&free)> whole(realpath(folder.c_str(), nullptr), &free);
  if (whole == nullptr) return FromErrno(folder, errno);
  const std::string begin = std::string(whole.get()) == "/" ? "/" : std::string(whole.get()) + "/";
  char place[PATH_MAX] = "";
  const std::string link = "/proc/self/fd/" + std::to_string(fileno(file));
  const ssize_t n = readlink(link.c_str(), place, sizeof place - 1);
  if (n < 0) return FromErrno(path, errno);
  if (std::string_view(place, static_cast<size_t>(n)).substr(0, begin.size()) == begin) {
    return Status();
  }
  return Status::InvalidArgument(path + ": a link out of the folder, to " + place +
                                 "; root follows none of them. Copy the file to this place, or "
                                 "import the folder that it is in");
}

// A folder of many states needs more descriptors than a shell allows by default.
Status MakeRoomForFiles(size_t files) {
  constexpr rlim_t kOthers = 256;  // of the store, services, standard streams
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return FromErrno("getrlimit", errno);
  const rlim_t need = files + kOthers;
  if (limit.rlim_cur >= need) return Status();
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < need) {
    return Status::InvalidArgument("there are " + std::to_string(files) +
                                   " files, more than this process may open; `ulimit -n`");
  }
  limit.rlim_cur = need;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? Status() : FromErrno("setrlimit", errno);
}

}  // namespace

HostSetup::~HostSetup() {
  for (auto& [path, file] : inputs_) (void)fclose(file);
}

Status HostSetup::ReadUnit() {
  root_ = geteuid() == 0;
  if (!options_.user.empty() && options_.unit.empty()) return Status();
  Result<ServiceUnit> unit = FindServiceUnit(options_.unit);
  if (!unit.ok()) {
    bool none = options_.unit.empty() && unit.status().code() == Code::kNotFound;
    // Others than root and the service's user have settings of their own.
    return none || (!root_ && options_.unit.empty()) ? Status() : std::move(unit).status();
  }
  if (!root_ && options_.unit.empty()) {
    Result<ServiceUser> user = UserOfUnit(*unit);
    if (!user.ok() || user->uid != geteuid()) return Status();
  }
  unit_ = std::move(*unit);
  has_unit_ = true;
  if (options_.env_file.empty()) options_.env_file = unit_.env_file;
  return Status();
}

Status HostSetup::TakeEnvironment() {
  if (!has_unit_) return Status();
  Result<ServiceUser> user = UserOfUnit(unit_);
  if (!user.ok()) return std::move(user).status();
  // Of the caller's environment the server knows nothing.
  const char* kept[] = {"PATH", "LANG", "LC_ALL", "TERM"};
  EnvMap ours = ReadEnvironment();
  clearenv();
  for (const char* name : kept) {
    auto it = ours.find(name);
    if (it != ours.end()) setenv(name, std::string(it->second.Reveal()).c_str(), 1);
  }
  for (const std::string& line : unit_.environment) {
    size_t equals = line.find('=');
    if (equals != std::string::npos) {
      setenv(line.substr(0, equals).c_str(), line.substr(equals + 1).c_str(), 1);
    }
  }
  for (const std::string& path : unit_.environment_files) {
    EnvMap file;
    Result<SecretBytes> text = ReadSmallFile(path, kMaxCredential);
    if (!text.ok()) {
      note_ += path + " (EnvironmentFile of " + unit_.path + ") cannot be read; ";
      continue;
    }
    for (const std::string& problem : ParseEnvText(ByteView(*text).AsString(), &file)) {
      return Status::InvalidArgument(path + ": " + problem);
    }
    for (const auto& [name, value] : file) {
      setenv(name.c_str(), std::string(value.Reveal()).c_str(), 1);
    }
  }
  for (const auto& [name, path] : unit_.credentials) {
    STATEWARD_RETURN_IF_ERROR(TakeCredential(name, path, *user));
  }
  return Status();
}

// As systemd hands it over: in a file that the service's user alone may read.
Status HostSetup::TakeCredential(const std::string& name, const std::string& path,
                                 const ServiceUser& user) {
  Result<SecretBytes> bytes = ReadSmallFile(path, kMaxCredential);
  if (!bytes.ok() && access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    // What systemd takes then: SetCredential of the same name.
    for (const auto& [other, text] : unit_.defaults) {
      if (other != name) continue;
      if (text == kNoCredential) return Status();
      bytes = SecretBytes(text.begin(), text.end());
    }
  }
  if (!bytes.ok()) {
    if (root_) return std::move(bytes).status().At("LoadCredential of " + unit_.path);
    note_ += path + " (the credential " + name + " of " + unit_.path + ") cannot be read; ";
    return Status();
  }
  Result<std::string> file = HiddenFile(*bytes, user);
  if (!file.ok()) return std::move(file).status();
  setenv((Upper(name) + "_FILE").c_str(), file->c_str(), 0);
  return Status();
}

Status HostSetup::OpenFiles(const std::vector<std::string>& inputs) {
  std::vector<std::pair<std::string, std::string>> files;  // the folder, "" = none, and the path
  for (const std::string& path : inputs) {
    struct stat st {};
    if (stat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) {
      files.emplace_back("", path);
      continue;
    }
    if (root_) STATEWARD_RETURN_IF_ERROR(CheckFolder(path));
    Result<std::vector<std::string>> below = StateFilesBelow(path);
    if (!below.ok()) return std::move(below).status();
    for (const std::string& file : *below) files.emplace_back(path, file);
    folders_[path] = *std::move(below);
  }
  STATEWARD_RETURN_IF_ERROR(MakeRoomForFiles(files.size()));
  for (const auto& [folder, path] : files) {
    if (inputs_.count(path) > 0) continue;
    FILE* file = fopen(path.c_str(), "re");
    if (file == nullptr) return Status::InvalidArgument(FromErrno(path, errno).detail());
    inputs_[path] = file;
    if (root_ && !folder.empty()) STATEWARD_RETURN_IF_ERROR(CheckWithin(file, path, folder));
  }
  if (options_.output.empty()) return Status();
  Result<std::unique_ptr<OutputFile>> output = OutputFile::Begin(options_.output, options_.force);
  if (!output.ok()) return std::move(output).status();
  output_ = std::move(*output);
  return Status();
}

Status HostSetup::EndOutput(int exit_code) {
  if (output_ == nullptr) return Status();
  const std::unique_ptr<OutputFile> output = std::move(output_);
  // What a command that found something wrong has said of it is kept, too. What broke off must not
  // take the place of a good file.
  const bool found = exit_code == kExitFailed && ftell(output->stream()) > 0;
  return exit_code == kExitOk || found ? output->Keep() : Status();
}

Result<std::vector<std::string>> HostSetup::ListFolder(const std::string& path) const {
  auto found = folders_.find(path);
  if (found == folders_.end()) return StateFilesBelow(path);
  return found->second;
}

Result<FILE*> HostSetup::OpenInput(const std::string& path) {
  auto it = inputs_.find(path);
  FILE* file = it != inputs_.end() ? it->second : fopen(path.c_str(), "re");
  if (file == nullptr) return FromErrno(path, errno);
  if (it != inputs_.end()) inputs_.erase(it);
  return file;
}

Result<ServiceUser> HostSetup::FindUser() {
  if (!options_.user.empty()) return UserOfName(options_.user);
  if (has_unit_) return UserOfUnit(unit_);
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), options_.env_file);
  if (!loaded.errors.empty()) return Status::InvalidArgument(loaded.errors.front());
  Result<ServiceUser> owner = UserOfFolders(loaded.config);
  if (owner.ok() || owner.status().code() != Code::kNotFound) return owner;
  return Status::InvalidArgument(
      "which user runs the server? No unit of it is installed and none of its folders exists: "
      "--user USER, or --unit UNIT");
}

// systemd makes it when the unit starts first; `init` comes before that.
Status HostSetup::MakeStateDirectory(const ServiceUser& user) {
  const std::string& name = unit_.state_directory;
  if (!has_unit_ || name.empty() || name.find_first_of("/ \t") != std::string::npos) {
    return Status();
  }
  std::string path = kStateRoot + name;
  if (mkdir(path.c_str(), 0700) != 0) return errno == EEXIST ? Status() : FromErrno(path, errno);
  return lchown(path.c_str(), user.uid, user.gid) == 0 ? Status() : FromErrno(path, errno);
}

// A file of settings for root's eyes goes along as the credentials do.
Status HostSetup::KeepSettings(const std::string& path, const ServiceUser& user) {
  Result<SecretBytes> text = ReadSmallFile(path, kMaxCredential);
  if (!text.ok()) return std::move(text).status();
  Result<std::string> file = HiddenFile(*text, user);
  if (!file.ok()) return std::move(file).status();
  settings_[path] = *std::move(file);
  return Status();
}

// Root's last steps.
Status HostSetup::BecomeService(const std::vector<std::string>& other_settings) {
  Result<ServiceUser> user = FindUser();
  if (!user.ok()) return std::move(user).status();
  STATEWARD_RETURN_IF_ERROR(MakeStateDirectory(*user));
  std::vector<std::string> files = other_settings;
  if (!options_.env_file.empty()) files.push_back(options_.env_file);
  for (const std::string& path : files) {
    STATEWARD_RETURN_IF_ERROR(KeepSettings(path, *user));
  }
  if (has_unit_ && !unit_.working_directory.empty() &&
      chdir(unit_.working_directory.c_str()) != 0) {
    return FromErrno(unit_.working_directory + " (WorkingDirectory of " + unit_.path + ")", errno);
  }
  if (output_ != nullptr) STATEWARD_RETURN_IF_ERROR(output_->HandOver());
  STATEWARD_RETURN_IF_ERROR(Become(*user));
  options_.env_file = SettingsFile(options_.env_file);
  return Status();
}

std::string HostSetup::SettingsFile(const std::string& path) const {
  const auto kept = settings_.find(path);
  if (kept == settings_.end()) return path;
  // A relative path began where the command was started.
  const bool reached = path.front() == '/' && access(path.c_str(), R_OK) == 0;
  return reached ? path : kept->second;
}

Status HostSetup::Enter(const std::vector<std::string>& other_settings) {
  if (root_) {
    STATEWARD_RETURN_IF_ERROR(BecomeService(other_settings));
  } else {
    HardenProcess();  // it opens states, for root and for any user
  }
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), options_.env_file);
  if (!loaded.errors.empty()) return Status();  // the command says so
  return CheckFolders(loaded.config);
}

}  // namespace stateward
