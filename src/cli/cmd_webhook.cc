#include "base/hex.h"
#include "base/random.h"
#include "cli/cmd.h"
#include "config/config.h"
#include "hooks/hook_sender.h"
#include "stateward/clock.h"

namespace stateward {

int CmdWebhookTest(const CliContext& cli, const Args&) {
  LoadedConfig loaded = LoadConfig(ReadEnvironment(), cli.env_file);
  for (const std::string& error : loaded.errors) Fail(cli, Status::InvalidArgument(error));
  if (!loaded.errors.empty()) return kExitUsage;
  const HookSettings& hooks = loaded.config.hooks;
  if (!hooks.on()) return FailUsage(cli, "WEBHOOK_URL is not set");
  Result<std::unique_ptr<HookSender>> sender = HookSender::New(hooks, SystemClock());
  if (!sender.ok()) return Fail(cli, sender.status());
  JsonWriter data;
  data.BeginObject().EndObject();
  const Status sent = (*sender)->Send(MakeHookEvent(
      "test_" + RandomHex(16), kEventTest, HookTime(SystemClock().NowMs()), std::move(data)));
  if (!sent.ok()) return Fail(cli, sent);
  Say(cli.out, "the receiver took the event\n");
  return kExitOk;
}

}  // namespace stateward
