// Calls to HashiCorp Vault (or OpenBao): with a token that is kept alive, repeated where that can
// help, and stopped while Vault does not answer. docs/kms.md, "Vault".
#ifndef STATEWARD_VAULT_VAULT_CLIENT_H_
#define STATEWARD_VAULT_VAULT_CLIENT_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/circuit_breaker.h"
#include "base/log.h"
#include "http_client/http_client.h"
#include "stateward/bytes.h"
#include "stateward/clock.h"
#include "stateward/result.h"
#include "vault/vault_session.h"
#include "vault/vault_settings.h"

namespace stateward {

struct VaultCall {
  std::string_view method = "GET";
  std::string path;  // below /v1/
  ByteView body = {};
  uint64_t max_answer_bytes = uint64_t{1} << 20;  // a key or a wrapped key has some hundred bytes
};

// What Vault said; a proof, not an outage.
struct VaultAnswer {
  int status = 0;  // 200 (also for 204), 400 or 404
  SecretBytes body;
  std::string error;  // Vault's text of a 400 or 404, for the log; may be ""
};

// Thread-safe.
class VaultClient {
 public:
  // kInvalidArgument: the settings are wrong. Vault is not asked for anything yet. `clock` and
  // `log` (may be null) must outlive it.
  static Result<std::unique_ptr<VaultClient>> New(const VaultOptions& options, const Clock& clock,
                                                  const Log* log);
  // The same over another HttpClient, for tests.
  static Result<std::unique_ptr<VaultClient>> New(const VaultOptions& options,
                                                  std::unique_ptr<HttpClient> http,
                                                  const Clock& clock, const Log* log);
  ~VaultClient();

  // kUnavailable: down, sealed, slow, without an active node, or what came is no answer of Vault's.
  // kPermissionDenied: the token may not do this, and a new one may not either.
  Result<VaultAnswer> Call(const VaultCall& call);

  // Runs `task` in this client's one background thread; it returns after how many milliseconds it
  // wants to run again. Only before Start.
  void AddTask(std::function<int64_t()> task) { tasks_.push_back({std::move(task), 0}); }
  void Start();
  // Ends the thread: afterwards no task runs. May be called again.
  void Stop();

  // When the token ends unless it is renewed, since 1970; 0: never, or not known.
  int64_t TokenEndsMs() const;

  const Clock& clock() const { return clock_; }
  void Say(LogLevel level, const std::string& text) const;

 private:
  struct Task {
    std::function<int64_t()> run;
    int64_t due_us;
  };

  VaultClient(const VaultOptions& options, std::unique_ptr<HttpClient> http, const Clock& clock,
              const Log* log);
  Result<HttpAnswer> Send(const VaultCall& call, const VaultToken& token, int64_t timeout_ms);
  Result<VaultAnswer> CallOnce(const VaultCall& call, int64_t timeout_ms, bool* again);
  Result<VaultAnswer> Judge(Result<HttpAnswer> answer, bool* again);
  void NoteHealth(const Status& status);
  Status NotAsked();
  void RunTasks();

  const std::string base_;  // VAULT_ADDR/v1/
  const std::string name_space_;
  const int64_t first_pause_ms_;
  const std::unique_ptr<HttpClient> http_;
  const Clock& clock_;
  const Log* const log_;
  std::unique_ptr<VaultSession> session_;
  CircuitBreaker breaker_;

  std::vector<Task> tasks_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  bool down_ = false;  // as it was last said in the log
  std::string last_failure_;
  std::thread thread_;
};

}  // namespace stateward

#endif  // STATEWARD_VAULT_VAULT_CLIENT_H_
