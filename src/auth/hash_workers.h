// Threads of their own for password hashes, which take a core for up to a second: what needs no
// hash must not wait for them.
#ifndef STATEWARD_AUTH_HASH_WORKERS_H_
#define STATEWARD_AUTH_HASH_WORKERS_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "auth/password.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// Thread-safe. The destructor waits for the hashes that are at work.
class HashWorkers {
 public:
  using Check = std::function<Result<bool>(const SecretString& password, const std::string& hash)>;

  // A hash call takes a core and up to 64 MiB.
  static constexpr int kMaxThreads = 2;

  // `request_threads`: how many threads serve requests. Each that calls Verify waits in it, so at
  // most three quarters of them may, and the rest is there for other ways in.
  explicit HashWorkers(int request_threads, Check check = VerifyPassword);
  ~HashWorkers();
  HashWorkers(const HashWorkers&) = delete;
  HashWorkers& operator=(const HashWorkers&) = delete;

  // As VerifyPassword. kOverloaded, at once: as many wait as may.
  Result<bool> Verify(const SecretString& password, const std::string& hash);

 private:
  struct Job {
    const SecretString& password;
    const std::string& hash;
    Result<bool> right = false;
    bool done = false;
  };
  void Work();

  const int max_inside_;
  const Check check_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job*> queue_;
  int inside_ = 0;  // threads in Verify
  bool stop_ = false;
  std::vector<std::thread> threads_;  // started by the first call
};

}  // namespace stateward

#endif  // STATEWARD_AUTH_HASH_WORKERS_H_
