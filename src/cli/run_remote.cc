#include "cli/run_remote.h"

#include <memory>
#include <optional>
#include <utility>

#include "cli/remote_server.h"
#include "cli/run_operation.h"

namespace stateward {
namespace {

Result<SecretString> Setting(const CliContext& cli, const std::string& name) {
  Result<std::optional<SecretString>> value = cli.setting(name);
  if (!value.ok()) return std::move(value).status();
  return value->has_value() ? **value : SecretString();
}

Result<std::unique_ptr<RemoteServer>> Connect(const CliContext& cli, const RemoteOptions& options) {
  STATEWARD_RETURN_IF_ERROR(RemoteServer::CheckUrl(options.url));
  Result<SecretString> user = Setting(cli, "TF_HTTP_USERNAME");
  if (!user.ok()) return std::move(user).status();
  Result<SecretString> password = Setting(cli, "TF_HTTP_PASSWORD");
  if (!password.ok()) return std::move(password).status();
  Result<SecretString> both = FindRemoteCredentials(options.credentials, *user, *password);
  if (!both.ok()) return Status::InvalidArgument(both.status().detail());
  HttpClientOptions http;
  http.allow_http = true;  // CheckUrl has let it through for loopback alone
  http.ca_file = options.ca_file;
  Result<std::unique_ptr<HttpClient>> client = NewCurlClient(http);
  if (!client.ok()) return std::move(client).status();
  return std::make_unique<RemoteServer>(options.url, *std::move(both), *std::move(client));
}

}  // namespace

int RunRemoteCommand(const CliContext& cli, const RemoteOptions& options,
                     const Operation& operation, const Args& args) {
  const Status agreed = AskBefore(cli, operation, args);
  if (!agreed.ok()) return Fail(cli, agreed);
  Result<std::unique_ptr<RemoteServer>> server = Connect(cli, options);
  if (!server.ok()) return Fail(cli, server.status());
  Result<Reply> reply = (*server)->Run(operation, args);
  if (!reply.ok()) return Fail(cli, reply.status());
  return PrintReply(cli, operation, &*reply);
}

}  // namespace stateward
