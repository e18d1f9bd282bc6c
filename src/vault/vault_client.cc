#include "vault/vault_client.h"

#include <algorithm>
#include <chrono>

#include "base/loopback.h"
#include "base/random.h"
#include "vault/vault_json.h"

namespace stateward {
namespace {

// Vault answers in milliseconds; who waits for it holds up a thread and a client.
constexpr int64_t kConnectMs = 2000;
constexpr int64_t kCallMs = 5000;
// All attempts of one call. The web server waits for us much longer.
constexpr int64_t kBudgetMs = 8000;
// An attempt that has less is only one more failure.
constexpr int64_t kShortestMs = 500;
constexpr int64_t kMaxPauseMs = 2000;
// Since 1.20, Vault refuses longer texts unless its listener allows them, with a 500 or by closing
// the connection. That says nothing of other calls.
constexpr size_t kLargeBody = size_t{1} << 20;

std::string_view HostOf(std::string_view address) {
  const size_t from = address.find("://");
  std::string_view host = from == address.npos ? address : address.substr(from + 3);
  host = host.substr(0, host.find('/'));
  if (!host.empty() && host.front() == '[') return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

Status CheckAddress(const std::string& address) {
  if (address.empty()) return Status::InvalidArgument("VAULT_ADDR is not set");
  const bool scheme =
      address.compare(0, 8, "https://") == 0 || address.compare(0, 7, "http://") == 0;
  if (!scheme || HostOf(address).empty() || address.find_first_of(" ?#@") != address.npos) {
    return Status::InvalidArgument("VAULT_ADDR must be https://host:port (or http://…)");
  }
  return Status();
}

std::string BaseOf(std::string address) {
  while (!address.empty() && address.back() == '/') address.pop_back();
  return address + "/v1/";
}

// A random pause keeps many workers from coming back in the same moment.
int64_t PauseMs(int64_t first_ms, int attempt) {
  const int64_t bound = std::min(kMaxPauseMs, first_ms << std::min(attempt, 10));
  uint32_t random = 0;
  FillRandom(&random, sizeof random);
  return bound / 4 + static_cast<int64_t>(random % static_cast<uint32_t>(bound));
}

// 429 and 473: a standby node, or too many requests; 412: a node that is behind.
bool MayPass(int status) {
  return status >= 500 || status == 429 || status == 472 || status == 473 || status == 412;
}

Status Outage(const HttpAnswer& answer) {
  std::string text = FirstVaultError(answer.body);
  if (answer.status / 100 == 3) {
    text =
        "a redirect, which is not followed: VAULT_ADDR is to name the active node, or a "
        "standby that forwards";
  }
  return Status::Unavailable("vault: " + std::to_string(answer.status) +
                             (text.empty() ? "" : " " + text));
}

}  // namespace

Result<std::unique_ptr<VaultClient>> VaultClient::New(const VaultOptions& options,
                                                      const Clock& clock, const Log* log) {
  STATEWARD_RETURN_IF_ERROR(CheckAddress(options.address));
  if (options.client_cert.empty() != options.client_key.empty()) {
    return Status::InvalidArgument("VAULT_CLIENT_CERT and VAULT_CLIENT_KEY go together");
  }
  HttpClientOptions http;
  http.allow_http = options.address.compare(0, 7, "http://") == 0;
  http.ca_file = options.ca_file;
  http.client_cert_file = options.client_cert;
  http.client_key_file = options.client_key;
  http.tls_server_name = options.tls_server_name;
  http.connect_timeout_ms = kConnectMs;
  Result<std::unique_ptr<HttpClient>> client = NewCurlClient(http);
  if (!client.ok()) return std::move(client).status().At("vault");
  return New(options, std::move(*client), clock, log);
}

Result<std::unique_ptr<VaultClient>> VaultClient::New(const VaultOptions& options,
                                                      std::unique_ptr<HttpClient> http,
                                                      const Clock& clock, const Log* log) {
  STATEWARD_RETURN_IF_ERROR(CheckAddress(options.address));
  std::unique_ptr<VaultClient> client(new VaultClient(options, std::move(http), clock, log));
  VaultClient* self = client.get();
  Result<std::unique_ptr<VaultSession>> session = VaultSession::New(
      options.auth,
      [self](std::string_view method, const std::string& path, const VaultToken& token,
             ByteView body) {
        return self->Send({method, path, body}, token, kCallMs);
      },
      clock, log);
  if (!session.ok()) return std::move(session).status();
  client->session_ = std::move(*session);
  client->AddTask([self] { return self->session_->Tick(); });
  if (options.address.compare(0, 7, "http://") == 0 && !IsLoopback(HostOf(options.address))) {
    client->Say(LogLevel::kWarning,
                "VAULT_ADDR is http: token and keys cross the network in clear text");
  }
  return client;
}

VaultClient::VaultClient(const VaultOptions& options, std::unique_ptr<HttpClient> http,
                         const Clock& clock, const Log* log)
    : base_(BaseOf(options.address)),
      name_space_(options.name_space),
      first_pause_ms_(options.first_pause_ms),
      http_(std::move(http)),
      clock_(clock),
      log_(log) {}

VaultClient::~VaultClient() { Stop(); }

int64_t VaultClient::TokenEndsMs() const {
  const int64_t left_us = session_->TokenLeftUs();
  return left_us == 0 ? 0 : clock_.NowMs() + left_us / 1000;
}

void VaultClient::Say(LogLevel level, const std::string& text) const {
  if (log_ != nullptr) log_->Write(level, log_->Begin(level, "vault: " + text));
}

Result<HttpAnswer> VaultClient::Send(const VaultCall& call, const VaultToken& token,
                                     int64_t timeout_ms) {
  HttpRequest request;
  request.method = std::string(call.method);
  request.url = base_ + call.path;
  // Vault refuses what lacks it where it listens for an agent, and so a web page cannot forge it.
  request.headers.emplace_back("X-Vault-Request", "true");
  if (!name_space_.empty()) request.headers.emplace_back("X-Vault-Namespace", name_space_);
  if (token != nullptr) request.secret_headers.emplace_back("X-Vault-Token", *token);
  if (!call.body.empty()) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = call.body;
  }
  request.max_answer_bytes = call.max_answer_bytes;
  request.timeout_ms = timeout_ms;
  return http_->Send(request);
}

Result<VaultAnswer> VaultClient::Judge(Result<HttpAnswer> answer, bool* again) {
  *again = true;
  if (!answer.ok()) return Status::Unavailable(answer.status().detail()).At("vault");
  if (MayPass(answer->status) || answer->status / 100 == 3) return Outage(*answer);
  VaultAnswer out;
  out.status = answer->status == 204 ? 200 : answer->status;
  if (answer->status != 204 && !CheckJson(answer->body).ok()) {
    return Status::Unavailable("vault: " + std::to_string(answer->status) +
                               " with an answer that is not JSON; is VAULT_ADDR right?");
  }
  *again = false;
  breaker_.Succeeded();
  if (out.status == 403) return Status(Code::kPermissionDenied, "vault: permission denied");
  if (out.status != 200 && out.status != 400 && out.status != 404) return Outage(*answer);
  if (out.status != 200) out.error = FirstVaultError(answer->body);
  out.body = std::move(answer->body);
  return out;
}

// One attempt, and a second one with another token where the first was refused.
Result<VaultAnswer> VaultClient::CallOnce(const VaultCall& call, int64_t timeout_ms, bool* again) {
  *again = true;
  Result<VaultToken> token = session_->Token();
  if (!token.ok()) return std::move(token).status();
  Result<VaultAnswer> answer = Judge(Send(call, *token, timeout_ms), again);
  if (answer.ok() || answer.status().code() != Code::kPermissionDenied) return answer;
  Result<VaultToken> other = session_->Replace(*token);
  if (!other.ok()) {
    *again = other.status().code() == Code::kUnavailable;
    return std::move(other).status();
  }
  return Judge(Send(call, *other, timeout_ms), again);
}

Result<VaultAnswer> VaultClient::Call(const VaultCall& call) {
  const int64_t start = clock_.SteadyUs();
  Status failed;
  for (int attempt = 0;; ++attempt) {
    if (!breaker_.Allow(clock_.SteadyUs())) {
      if (attempt == 0) return NotAsked();
      NoteHealth(failed);
      return failed;
    }
    bool again = false;
    const int64_t left_ms = kBudgetMs - (clock_.SteadyUs() - start) / 1000;
    Result<VaultAnswer> answer = CallOnce(call, std::min(left_ms, kCallMs), &again);
    if (answer.ok() || !again) {
      NoteHealth(answer.ok() ? Status() : answer.status());
      return answer;
    }
    if (call.body.size() >= kLargeBody) {
      return Status(answer.status())
          .At("vault: a request of " + std::to_string(call.body.size()) +
              " bytes, which max_json_string_value_length of its listener may forbid");
    }
    failed = answer.status();
    breaker_.Failed(clock_.SteadyUs());
    const int64_t pause_ms = PauseMs(first_pause_ms_, attempt);
    const int64_t spent_ms = (clock_.SteadyUs() - start) / 1000;
    if (spent_ms + pause_ms + kShortestMs > kBudgetMs) {
      NoteHealth(answer.status());
      return answer;
    }
    std::unique_lock<std::mutex> hold(mutex_);
    if (wake_.wait_for(hold, std::chrono::milliseconds(pause_ms), [this] { return stop_; })) {
      return answer;
    }
  }
}

// Says once that Vault is gone, and once that it is back.
void VaultClient::NoteHealth(const Status& status) {
  const bool down = !status.ok();
  {
    std::lock_guard<std::mutex> hold(mutex_);
    if (down) last_failure_ = status.detail();
    if (std::exchange(down_, down) == down) return;
  }
  if (down) {
    Say(LogLevel::kError, "calls fail: " + status.detail());
  } else {
    Say(LogLevel::kInfo, "answers again");
  }
}

Status VaultClient::NotAsked() {
  std::lock_guard<std::mutex> hold(mutex_);
  return Status::Unavailable("vault: is not asked for some seconds, after: " + last_failure_);
}

void VaultClient::Start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { RunTasks(); });
}

void VaultClient::Stop() {
  {
    std::lock_guard<std::mutex> hold(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void VaultClient::RunTasks() {
  while (true) {
    int64_t next_us = clock_.SteadyUs() + int64_t{60} * 1000 * 1000;
    for (Task& task : tasks_) {
      if (clock_.SteadyUs() >= task.due_us) task.due_us = clock_.SteadyUs() + task.run() * 1000;
      next_us = std::min(next_us, task.due_us);
    }
    const int64_t wait_us = std::max<int64_t>(next_us - clock_.SteadyUs(), 1000);
    std::unique_lock<std::mutex> hold(mutex_);
    if (wake_.wait_for(hold, std::chrono::microseconds(wait_us), [this] { return stop_; })) return;
  }
}

}  // namespace stateward
