// The file of --output: it has its name only when there is something to keep in it.
//
// Until then the bytes are in a file next to it, which goes when the command fails, however it
// ends. Who opened it may no longer have the right to name it when the time has come; so a process
// with the rights of then can wait for it.
#ifndef STATEWARD_CLI_OUTPUT_FILE_H_
#define STATEWARD_CLI_OUTPUT_FILE_H_

#include <sys/types.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "stateward/result.h"

namespace stateward {

class OutputFile {
 public:
  // A new file of mode 0600. kConflict: `path` is there already, and not `force`.
  // kInvalidArgument: what is there is no file.
  static Result<std::unique_ptr<OutputFile>> Begin(const std::string& path, bool force);
  // Without Keep nothing is left, and what was there before stays.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  FILE* stream() { return stream_; }
  // Before this process gives up its rights: another one keeps them, for the file's name alone.
  // REQUIRES: one thread.
  Status HandOver();
  // Gives the file its name. Called once.
  Status Keep();

 private:
  OutputFile(std::string path, bool force) : path_(std::move(path)), force_(force) {}
  Status Name() const;
  // The life of the process that keeps the rights.
  int Wait(int pipe) const;

  const std::string path_;
  const bool force_;
  std::string temporary_;
  FILE* stream_ = nullptr;
  pid_t helper_ = -1;
  int pipe_ = -1;  // to the helper
};

}  // namespace stateward

#endif  // STATEWARD_CLI_OUTPUT_FILE_H_
