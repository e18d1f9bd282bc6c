#include "hooks/hook_sender.h"

#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/sha256.h"

namespace stateward {
namespace {

constexpr std::string_view kPrefix = "whsec_";
// What the specification asks of a secret.
constexpr size_t kMinKey = 24;
constexpr size_t kMaxKey = 64;
// The jobs of the host wait meanwhile.
constexpr int64_t kTimeoutMs = 5000;

std::optional<SecretBytes> KeyOf(const SecretString& secret) {
  std::string_view text = secret.Reveal();
  if (text.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  std::optional<SecretBytes> key = Base64Decode(text.substr(kPrefix.size()));
  if (!key || key->size() < kMinKey || key->size() > kMaxKey) return std::nullopt;
  return key;
}

bool BeginsWith(std::string_view text, std::string_view front) {
  return text.substr(0, front.size()) == front;
}

}  // namespace

Status CheckHooks(const HookSettings& settings) {
  const std::string_view url = settings.url.Reveal();
  const bool https = BeginsWith(url, "https://");
  const bool http = BeginsWith(url, "http://");
  if (!https && !(http && settings.allow_private)) {
    return Status::InvalidArgument(
        "WEBHOOK_URL must be an https:// address (http:// only with WEBHOOK_ALLOW_PRIVATE)");
  }
  // libcurl would take a third slash for a slip.
  if (url.substr(url.find(':') + 3, 1) == "/") {
    return Status::InvalidArgument("WEBHOOK_URL: no host");
  }
  STATEWARD_RETURN_IF_ERROR(CheckUrl(std::string(url)).At("WEBHOOK_URL"));
  if (!KeyOf(settings.secret)) {
    return Status::InvalidArgument(
        "WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64, as from: "
        "echo whsec_$(openssl rand -base64 32)");
  }
  for (const std::string& name : settings.events) {
    if (!IsHookEventName(name)) {
      return Status::InvalidArgument("WEBHOOK_EVENTS: no such event: " + name);
    }
  }
  return Status();
}

Result<std::unique_ptr<HookSender>> HookSender::New(const HookSettings& settings,
                                                    const Clock& clock) {
  STATEWARD_RETURN_IF_ERROR(CheckHooks(settings));
  HttpClientOptions options;
  options.allow_http = settings.allow_private;
  options.public_only = !settings.allow_private;
  options.ca_file = settings.ca_file;
  Result<std::unique_ptr<HttpClient>> http = NewCurlClient(options);
  if (!http.ok()) return std::move(http).status().At("WEBHOOK_CA_FILE");
  return std::unique_ptr<HookSender>(
      new HookSender(settings.url, *KeyOf(settings.secret), std::move(*http), clock));
}

Status HookSender::Send(const HookEvent& event) {
  const std::string time = std::to_string(clock_.NowMs() / 1000);
  const Sha256Digest mac = HmacSha256(key_, event.id + "." + time + "." + event.body);
  HttpRequest request;
  request.method = "POST";
  request.url = std::string(url_.Reveal());
  request.headers = {{"Content-Type", "application/json"},
                     {"webhook-id", event.id},
                     {"webhook-timestamp", time},
                     {"webhook-signature", "v1," + Base64Encode(mac)}};
  request.body = ByteView(event.body);
  request.timeout_ms = kTimeoutMs;
  request.max_answer_bytes = uint64_t{64} * 1024;
  Result<HttpAnswer> answer = http_->Send(request);
  if (!answer.ok()) return Status::Unavailable("webhook: " + answer.status().detail());
  if (answer->status >= 200 && answer->status < 300) return Status();
  return Status::Unavailable("webhook: the receiver answered " + std::to_string(answer->status));
}

}  // namespace stateward
