#include "cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <system_error>

#include "base/random.h"

namespace stateward {
namespace {

constexpr char kKeep = 'k';

Status IsThere(const std::string& path) {
  return Status(Code::kConflict, path + " is there already (--force writes over it)");
}

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::Begin(const std::string& path, bool force) {
  // The working folder may be another one when the file gets its name.
  std::error_code none;
  const std::string whole = std::filesystem::absolute(path, none).string();
  struct stat there {};
  if (lstat(path.c_str(), &there) == 0) {
    if (!S_ISREG(there.st_mode)) return Status::InvalidArgument(path + " is no file");
    if (!force) return IsThere(path);
  }
  std::unique_ptr<OutputFile> file(new OutputFile(none ? path : whole, force));
  std::string temporary = file->path_ + "." + RandomHex(6);
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
  const int fd = open(temporary.c_str(), flags, 0600);
  if (fd < 0) return FromErrno(path, errno);
  file->temporary_ = std::move(temporary);
  if (fchmod(fd, 0600) == 0) file->stream_ = fdopen(fd, "w");
  if (file->stream_ != nullptr) return file;
  const int error = errno;
  close(fd);
  return FromErrno(path, error);
}

OutputFile::~OutputFile() {
  if (stream_ != nullptr) (void)fclose(stream_);
  if (helper_ < 0) {
    if (!temporary_.empty()) unlink(temporary_.c_str());
    return;
  }
  if (pipe_ >= 0) close(pipe_);
  waitpid(helper_, nullptr, 0);
}

Status OutputFile::Name() const {
  if (force_) {
    return rename(temporary_.c_str(), path_.c_str()) == 0 ? Status() : FromErrno(path_, errno);
  }
  // Not rename: somebody may have made the file meanwhile.
  if (link(temporary_.c_str(), path_.c_str()) != 0) {
    return errno == EEXIST ? IsThere(path_) : FromErrno(path_, errno);
  }
  unlink(temporary_.c_str());
  return Status();
}

int OutputFile::Wait(int pipe) const {
  // ^C is for the other process, whose end is seen here.
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
  char answer = 0;
  ssize_t n = 0;
  do {
    n = read(pipe, &answer, 1);
  } while (n < 0 && errno == EINTR);
  if (n == 1 && answer == kKeep && Name().ok()) return 0;
  unlink(temporary_.c_str());
  return 1;
}

Status OutputFile::HandOver() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FromErrno("pipe", errno);
  helper_ = fork();
  if (helper_ == 0) {
    close(ends[1]);
    _exit(Wait(ends[0]));
  }
  const int error = errno;
  close(ends[0]);
  if (helper_ > 0) {
    pipe_ = ends[1];
    return Status();
  }
  close(ends[1]);
  return FromErrno("fork", error);
}

Status OutputFile::Keep() {
  const bool whole = fflush(stream_) == 0 && fsync(fileno(stream_)) == 0;
  if (!whole) return FromErrno(path_, errno);
  if (helper_ < 0) {
    Status named = Name();
    if (named.ok()) temporary_.clear();
    return named;
  }
  const bool told = write(pipe_, &kKeep, 1) == 1;
  close(std::exchange(pipe_, -1));
  int code = 0;
  const bool ended = waitpid(helper_, &code, 0) == helper_;
  helper_ = -1;
  temporary_.clear();  // the helper's
  if (told && ended && WIFEXITED(code) && WEXITSTATUS(code) == 0) return Status();
  return Status::Unavailable(path_ + ": the file could not be given its name");
}

}  // namespace stateward
