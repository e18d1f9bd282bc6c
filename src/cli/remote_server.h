// Another host's Stateward, over HTTPS, as statewardctl --server asks it: operations by their rows
// of the table, with the caller's own credentials.
#ifndef STATEWARD_CLI_REMOTE_SERVER_H_
#define STATEWARD_CLI_REMOTE_SERVER_H_

#include <memory>
#include <string>

#include "admin/operation.h"
#include "http_client/http_client.h"
#include "stateward/result.h"
#include "stateward/secret.h"

namespace stateward {

// USER:PASSWORD, from TF_HTTP_USERNAME and TF_HTTP_PASSWORD of the environment, or from a file that
// nobody else may read (base/secret_file.h), which wins. kInvalidArgument: there are none.
// kPermissionDenied: others may read the file.
Result<SecretString> FindRemoteCredentials(const std::string& file, const SecretString& user,
                                           const SecretString& password);

class RemoteServer {
 public:
  // kInvalidArgument: not https://HOST[:PORT][/PREFIX] (http:// for a loopback host alone), or with
  // credentials in it.
  static Status CheckUrl(const std::string& url);

  // REQUIRES: CheckUrl(url) is OK. `http` follows no redirect.
  RemoteServer(std::string url, SecretString credentials, std::unique_ptr<HttpClient> http);

  // The reply as the server's RunOperation made it. Errors: as a problem of the server says;
  // kUnavailable: no answer, one that is no Stateward's, or a redirect. A list is fetched by page,
  // as it is read.
  Result<Reply> Run(const Operation& operation, const Args& args);

 private:
  Result<HttpAnswer> Send(const Operation& operation, const Args& args, const std::string& target);
  Result<Verdict> EachPage(const Operation& operation, const Args& args, HttpAnswer first,
                           const RowFn& take);

  const std::string url_;
  const SecretString authorization_;
  const std::unique_ptr<HttpClient> http_;
};

}  // namespace stateward

#endif  // STATEWARD_CLI_REMOTE_SERVER_H_
