// What code of this process writes to standard error.
#ifndef STATEWARD_TESTS_DOUBLES_STDERR_OF_H_
#define STATEWARD_TESTS_DOUBLES_STDERR_OF_H_

#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace stateward {

// What `act` writes to descriptor 2, in a process of its own.
template <typename Act>
std::string StderrOf(Act act) {
  int ends[2];
  if (pipe(ends) != 0) return "";
  pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], 2);
    act();
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[16384];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  close(ends[0]);
  waitpid(pid, nullptr, 0);
  return text;
}

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_STDERR_OF_H_
