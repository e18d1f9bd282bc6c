#include "vault/vault_session.h"

#include <algorithm>
#include <utility>

#include "base/json_writer.h"
#include "base/secret_file.h"
#include "vault/vault_json.h"

namespace stateward {
namespace {

constexpr int64_t kSecondUs = int64_t{1000} * 1000;
// A login that failed is not repeated at once by each caller that waited for it.
constexpr int64_t kRetryUs = 1 * kSecondUs;
// A token that is so young and refused is not the reason: its rights are.
constexpr int64_t kYoungUs = 2 * kSecondUs;
// A file that was exchanged is noticed within a second.
constexpr int64_t kWatchMs = 1000;

// Line ends after it do not count. A service account's token lies as the kubelet put it there, so
// its rights are not ours to judge.
Result<SecretString> ReadToken(const std::string& path, bool ours, std::string* stamp) {
  Result<SecretBytes> text = ours ? ReadSecretBytes(path, kMaxSecretFile, stamp)
                                  : ReadSmallFile(path, kMaxSecretFile, stamp);
  if (!text.ok()) return Status::Unavailable(text.status().detail());
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty()) return Status::Unavailable(path + " is empty");
  return SecretString(std::move(*text));
}

// {"role":"…","jwt":"…"} without a copy of the secret in memory that is not wiped. What a secret
// may hold is checked: these texts have no character that JSON would escape.
Result<SecretBytes> TwoMembers(const std::string& name, const std::string& value,
                               std::string_view secret_name, const SecretString& secret) {
  for (char c : secret.Reveal()) {
    if (c < 0x21 || c > 0x7E || c == '"' || c == '\\') {
      return Status::InvalidArgument("vault login: the secret holds a character that no token has");
    }
  }
  JsonWriter w;
  w.BeginObject().Key(name).String(value);
  std::string head = std::move(w).Take() + ",\"" + std::string(secret_name) + "\":\"";
  SecretBytes body;
  body.reserve(head.size() + secret.size() + 2);
  body.insert(body.end(), head.begin(), head.end());
  body.insert(body.end(), secret.Reveal().begin(), secret.Reveal().end());
  for (char c : {'"', '}'}) body.push_back(static_cast<uint8_t>(c));
  return body;
}

Status Refused(std::string_view what, const HttpAnswer& answer) {
  const std::string text = FirstVaultError(answer.body);
  return Status::Unavailable(std::string(what) + ": " + std::to_string(answer.status) +
                             (text.empty() ? "" : " " + text));
}

}  // namespace

Result<std::unique_ptr<VaultSession>> VaultSession::New(VaultAuth auth, SendFn send,
                                                        const Clock& clock, const Log* log) {
  const bool token = !auth.token.empty() || !auth.token_file.empty();
  const bool approle = !auth.approle_role_id.empty();
  const bool kube = !auth.kube_role.empty();
  const int ways = (token ? 1 : 0) + (approle ? 1 : 0) + (kube ? 1 : 0);
  if (ways != 1) {
    return Status::InvalidArgument(
        std::string(ways == 0 ? "no way to log in to Vault is set"
                              : "more than one way to log in to Vault is set") +
        ": VAULT_TOKEN (or VAULT_TOKEN_FILE), VAULT_APPROLE_ROLE_ID or VAULT_KUBE_AUTH_ROLE");
  }
  if (approle && auth.approle_secret_id.empty() && auth.approle_secret_id_file.empty()) {
    return Status::InvalidArgument("VAULT_APPROLE_SECRET_ID is not set");
  }
  Kind kind = auth.token_file.empty() ? Kind::kToken : Kind::kTokenFile;
  if (approle) kind = Kind::kAppRole;
  if (kube) kind = Kind::kKubernetes;
  return std::unique_ptr<VaultSession>(
      new VaultSession(kind, std::move(auth), std::move(send), clock, log));
}

void VaultSession::Say(LogLevel level, const std::string& text) const {
  if (log_ != nullptr) log_->Write(level, log_->Begin(level, "vault: " + text));
}

Result<VaultToken> VaultSession::Token() {
  std::lock_guard<std::mutex> hold(mutex_);
  if (token_ == nullptr) STATEWARD_RETURN_IF_ERROR(Obtain());
  return token_;
}

Result<VaultToken> VaultSession::Replace(const VaultToken& used) {
  std::lock_guard<std::mutex> hold(mutex_);
  if (token_ != nullptr && token_ != used) return token_;  // somebody was faster
  if (kind_ == Kind::kToken || (logs_in() && clock_.SteadyUs() - obtained_us_ < kYoungUs)) {
    return Status(Code::kPermissionDenied, "vault: permission denied");
  }
  const VaultToken old = token_;
  STATEWARD_RETURN_IF_ERROR(Obtain());
  if (kind_ == Kind::kTokenFile && old != nullptr &&
      EqualInConstantTime(old->Reveal(), token_->Reveal())) {
    return Status(Code::kPermissionDenied, "vault: permission denied");
  }
  return token_;
}

Status VaultSession::Obtain() {
  const int64_t now = clock_.SteadyUs();
  if (token_ == nullptr && now < next_try_us_) {
    return Status::Unavailable("vault: no token, the last attempt just failed");
  }
  Status done;
  if (kind_ == Kind::kToken) {
    token_ = std::make_shared<const SecretString>(auth_.token);
    looked_up_ = false;
  } else {
    done = kind_ == Kind::kTokenFile ? ReadTokenFile() : LogIn();
  }
  next_try_us_ = done.ok() ? 0 : now + kRetryUs;
  if (done.ok()) obtained_us_ = now;
  return done;
}

Status VaultSession::ReadTokenFile() {
  std::string stamp;
  Result<SecretString> text = ReadToken(auth_.token_file, true, &stamp);
  if (!text.ok()) return std::move(text).status().At("VAULT_TOKEN_FILE");
  file_stamp_ = stamp;
  if (token_ != nullptr && EqualInConstantTime(token_->Reveal(), text->Reveal())) return Status();
  token_ = std::make_shared<const SecretString>(std::move(*text));
  looked_up_ = false;
  return Status();
}

Result<SecretBytes> VaultSession::LoginBody() const {
  const bool approle = kind_ == Kind::kAppRole;
  const std::string& file = approle ? auth_.approle_secret_id_file : auth_.kube_token_file;
  SecretString secret = auth_.approle_secret_id;
  if (!approle || !file.empty()) {
    Result<SecretString> read = ReadToken(file, approle, nullptr);
    if (!read.ok()) {
      return std::move(read).status().At(approle ? "VAULT_APPROLE_SECRET_ID_FILE"
                                                 : "VAULT_KUBE_TOKEN_FILE");
    }
    secret = std::move(*read);
  }
  return approle ? TwoMembers("role_id", auth_.approle_role_id, "secret_id", secret)
                 : TwoMembers("role", auth_.kube_role, "jwt", secret);
}

Status VaultSession::LogIn() {
  Result<SecretBytes> body = LoginBody();
  if (!body.ok()) return body.status();
  const std::string& mount = kind_ == Kind::kAppRole ? auth_.approle_mount : auth_.kube_mount;
  Result<HttpAnswer> answer = send_("POST", "auth/" + mount + "/login", nullptr, *body);
  if (!answer.ok()) return std::move(answer).status().At("vault login");
  if (answer->status != 200) return Refused("vault login at auth/" + mount, *answer);
  Result<std::optional<SecretString>> text = JsonText(answer->body, {"auth", "client_token"});
  if (!text.ok() || !*text || (*text)->empty()) {
    return Status::Unavailable("vault login: the answer holds no token");
  }
  token_ = std::make_shared<const SecretString>(**std::move(text));
  TakeLease(answer->body, "auth", "lease_duration", true);
  return Status();
}

// REQUIRES: mutex_ is held
void VaultSession::TakeLease(ByteView answer, std::string_view object, std::string_view ttl,
                             bool fresh) {
  const auto seconds = JsonNumber(answer, {object, ttl});
  const auto renewable = JsonBool(answer, {object, "renewable"});
  // A hundred years are for ever, and more would not fit into microseconds.
  constexpr uint64_t kForever = uint64_t{100} * 365 * 24 * 3600;
  const uint64_t lease = seconds.ok() && *seconds ? **seconds : 0;
  lease_us_ = lease >= kForever ? 0 : static_cast<int64_t>(lease) * kSecondUs;
  if (fresh) full_lease_us_ = lease_us_;
  renewable_ = renewable.ok() && renewable->value_or(false);
  lease_from_us_ = clock_.SteadyUs();
  looked_up_ = true;
  warned_ = false;
}

int64_t VaultSession::Tick() {
  if (kind_ == Kind::kTokenFile) WatchTokenFile();
  Result<VaultToken> token = Token();
  if (!token.ok()) return kRetryUs / 1000;
  const int64_t now = clock_.SteadyUs();
  int64_t due = 0;
  bool look_up = false;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    look_up = !looked_up_;
    // Two thirds: what is left is time enough for an outage, and for somebody who reads the log.
    due = lease_us_ == 0 && looked_up_ ? INT64_MAX : lease_from_us_ + lease_us_ * 2 / 3;
    due = look_up ? next_try_us_ : std::max(due, next_try_us_);
  }
  if (now >= due) {
    if (look_up) {
      LookUp(*token);
    } else {
      Renew(*token);
    }
    due = now + kRetryUs;
  }
  return std::clamp<int64_t>((due - now) / 1000, 100, kWatchMs);
}

int64_t VaultSession::TokenLeftUs() {
  std::lock_guard<std::mutex> hold(mutex_);
  if (token_ == nullptr || !looked_up_ || lease_us_ == 0) return 0;
  const int64_t left = lease_from_us_ + lease_us_ - clock_.SteadyUs();
  return left == 0 ? -1 : left;
}

void VaultSession::WatchTokenFile() {
  const std::string stamp = FileStamp(auth_.token_file);
  std::lock_guard<std::mutex> hold(mutex_);
  if (stamp.empty() || stamp == file_stamp_) return;
  if (ReadTokenFile().ok()) Say(LogLevel::kInfo, "the token file was read again");
}

void VaultSession::LookUp(const VaultToken& token) {
  Result<HttpAnswer> answer = send_("GET", "auth/token/lookup-self", token, {});
  std::lock_guard<std::mutex> hold(mutex_);
  if (token_ != token) return;
  if (answer.ok() && answer->status == 200) {
    TakeLease(answer->body, "data", "ttl", true);
    return;
  }
  next_try_us_ = clock_.SteadyUs() + 5 * kSecondUs;  // nothing waits for it
  if (!std::exchange(warned_, true)) {
    Say(LogLevel::kWarning,
        "the token cannot be looked up, so it is not renewed: " +
            (answer.ok() ? Refused("lookup-self", *answer) : answer.status()).detail());
  }
}

void VaultSession::Renew(const VaultToken& token) {
  bool renewable = false;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    renewable = renewable_;
  }
  std::string why = "it is not renewable";
  if (renewable) {
    Result<HttpAnswer> answer = send_("POST", "auth/token/renew-self", token, ByteView("{}", 2));
    std::lock_guard<std::mutex> hold(mutex_);
    if (token_ != token) return;
    if (answer.ok() && answer->status == 200) {
      TakeLease(answer->body, "auth", "lease_duration", false);
      // Nearer to its maximum each lease is shorter than the one before.
      if (lease_us_ >= full_lease_us_ / 2) return;
      why = "its maximum lifetime is near";
    } else {
      why = (answer.ok() ? Refused("renew-self", *answer) : answer.status()).detail();
    }
  }
  std::lock_guard<std::mutex> hold(mutex_);
  if (token_ != token) return;
  if (logs_in()) {
    const Status done = Obtain();
    if (done.ok()) return;
    why = done.detail();
  }
  next_try_us_ = clock_.SteadyUs() + kRetryUs;
  if (std::exchange(warned_, true)) return;
  const int64_t left = (lease_from_us_ + lease_us_ - clock_.SteadyUs()) / kSecondUs;
  Say(LogLevel::kWarning,
      "the token ends in " + std::to_string(left) + " s and was not renewed: " + why);
}

}  // namespace stateward
