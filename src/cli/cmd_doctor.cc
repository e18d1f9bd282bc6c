#include <algorithm>

#include "base/base64.h"
#include "base/secret_file.h"
#include "cli/backend_block.h"
#include "cli/cmd.h"
#include "doctor/doctor.h"

namespace stateward {
namespace {

SecretString BasicHeader(std::string_view user, std::string_view password) {
  SecretBytes pair;
  pair.reserve(user.size() + password.size() + 1);
  pair.insert(pair.end(), user.begin(), user.end());
  pair.push_back(':');
  pair.insert(pair.end(), password.begin(), password.end());
  // Base64Encode's text is wiped by the SecretString that takes it.
  return SecretString("Basic " + Base64Encode(ByteView(pair)));
}

// The file's two lines, user and password; else TF_HTTP_USERNAME and TF_HTTP_PASSWORD.
Result<SecretString> FindLogin(const CliContext& cli, const std::string& file) {
  if (!file.empty()) {
    Result<SecretString> text = ReadSecretFile(file);
    if (!text.ok()) return text;
    const std::string_view lines = text->Reveal();
    const size_t end = lines.find('\n');
    if (end == lines.npos) {
      return Status::InvalidArgument(file +
                                     ": must hold the user's name and, on a second line, "
                                     "the password");
    }
    return BasicHeader(lines.substr(0, end), lines.substr(end + 1));
  }
  Result<std::optional<SecretString>> user = cli.setting("TF_HTTP_USERNAME");
  if (!user.ok()) return std::move(user).status();
  Result<std::optional<SecretString>> password = cli.setting("TF_HTTP_PASSWORD");
  if (!password.ok()) return std::move(password).status();
  if (!*user || !*password) {
    return Status::InvalidArgument("set TF_HTTP_USERNAME and TF_HTTP_PASSWORD, or give --login");
  }
  return BasicHeader((*user)->Reveal(), (*password)->Reveal());
}

// The same address by plain HTTP; "" when it is plain already.
std::string PlainUrl(const std::string& url, const std::string& port) {
  constexpr std::string_view kHttps = "https://";
  if (url.compare(0, kHttps.size(), kHttps) != 0) return "";
  const size_t path = url.find('/', kHttps.size());
  std::string host = url.substr(kHttps.size(), path - kHttps.size());
  const size_t colon = host.rfind(':');
  if (colon != host.npos && host.find(']', colon) == host.npos) host.resize(colon);
  return "http://" + host + ":" + port + (path == url.npos ? "/" : url.substr(path));
}

}  // namespace

int CmdDoctor(const CliContext& cli, const Args& args) {
  DoctorOptions options;
  options.url = args.Text("url");
  if (options.url.compare(0, 8, "https://") != 0 && options.url.compare(0, 7, "http://") != 0) {
    return FailUsage(cli, "the address begins with https:// (or http://)");
  }
  options.plain_url = PlainUrl(options.url, args.Text("plain-port"));
  options.pause_ms = static_cast<int64_t>(args.Number("pause")) * 1000;
  Result<SecretString> login = FindLogin(cli, args.Text("login"));
  if (!login.ok()) return Fail(cli, login.status());
  options.authorization = std::move(*login);
  HttpClientOptions http;
  http.allow_http = true;
  http.ca_file = args.Text("ca-file");
  Result<std::unique_ptr<HttpClient>> client = NewCurlClient(http);
  if (!client.ok()) return Fail(cli, client.status());
  const int bad = Examine(**client, options, [&cli](const Finding& finding) {
    if (finding.ok) {
      Say(cli.out, "ok     " + finding.what + "\n");
    } else {
      Say(cli.out, "WRONG  " + std::string(finding.fault) + ": " + finding.what +
                       "\n       mend: " + finding.mend + "\n");
    }
    std::fflush(cli.out);
  });
  if (bad < 0) return kExitNotReached;
  Say(cli.out, bad == 0 ? "nothing is wrong\n" : std::to_string(bad) + " wrong\n");
  return bad == 0 ? kExitOk : kExitFailed;
}

int CmdBackendConfig(const CliContext& cli, const Args& args) {
  Say(cli.out, BackendBlock(args.Text("site"), args.State()));
  std::fflush(cli.out);
  // No part of the output, which may become a file of the configuration.
  if (!cli.quiet) Say(cli.err, BackendEnvironment(args.Text("site"), args.State()));
  return kExitOk;
}

}  // namespace stateward
