// Sends events to the webhook, signed as https://www.standardwebhooks.com asks (signature v1).
#ifndef STATEWARD_HOOKS_HOOK_SENDER_H_
#define STATEWARD_HOOKS_HOOK_SENDER_H_

#include <memory>
#include <string>

#include "hooks/hook_event.h"
#include "hooks/hook_settings.h"
#include "http_client/http_client.h"
#include "stateward/clock.h"
#include "stateward/result.h"

namespace stateward {

// OK when these settings are ones to send with. kInvalidArgument: the text says what is wrong.
Status CheckHooks(const HookSettings& settings);

// Thread-safe.
class HookSender {
 public:
  // REQUIRES: settings.on(). As CheckHooks; also a CA file that cannot be read. `clock` must
  // outlive it.
  static Result<std::unique_ptr<HookSender>> New(const HookSettings& settings, const Clock& clock);

  // One try. OK: the receiver said 2xx. Everything else, a redirect included, is kUnavailable; the
  // text holds nothing of the address.
  Status Send(const HookEvent& event);

 private:
  HookSender(SecretString url, SecretBytes key, std::unique_ptr<HttpClient> http,
             const Clock& clock)
      : url_(std::move(url)), key_(std::move(key)), http_(std::move(http)), clock_(clock) {}

  const SecretString url_;
  const SecretBytes key_;
  const std::unique_ptr<HttpClient> http_;
  const Clock& clock_;
};

}  // namespace stateward

#endif  // STATEWARD_HOOKS_HOOK_SENDER_H_
