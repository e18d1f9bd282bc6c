#include "doctor/faults.h"

namespace stateward {
namespace {

constexpr char kAnotherName[] = "name one that is not there: https://HOST/state/doctor/test";

constexpr FaultText kFaults[] = {
    {Fault::kUnreachable, "unreachable", "no answer comes from this address",
     "look whether nginx runs and listens: systemctl status nginx",
     "look whether Apache runs and listens: systemctl status apache2"},
    {Fault::kCertificate, "certificate", "the certificate is not trusted for this name",
     "ssl_certificate: the whole chain (fullchain.pem) of a certificate for this name; for an "
     "authority of your own give --ca-file",
     "SSLCertificateFile: the whole chain (fullchain.pem) of a certificate for this name; for an "
     "authority of your own give --ca-file"},
    {Fault::kRedirect, "redirect", "the address is redirected: clients turn a write into a read",
     "no `return 301` or `rewrite` for these paths: include snippets/stateward.conf instead",
     "no Redirect or RewriteRule for these paths"},
    {Fault::kPlainRedirect, "plain-redirect",
     "plain HTTP is redirected to https: a client with an http address turns its write into a read",
     "return 400 in the server block of port 80, in place of `return 301 https://…`",
     "RedirectMatch 400 in the <VirtualHost> of port 80, in place of Redirect permanent"},
    {Fault::kPlain404, "plain-404",
     "plain HTTP is answered with 404: to a client with an http address that means that there is "
     "no "
     "state",
     "the server block of port 80 of nginx/example-site.conf, with this name",
     "the <VirtualHost *:80> of apache/example-site.conf, with this name"},
    {Fault::kGatewayError, "gateway-error",
     "the web server does not reach Stateward, and says it by a status on which clients give up",
     "error_page 500 502 504 =503 @stateward_down; and then: systemctl status stateward, and "
     "`adduser www-data stateward-web`",
     "ErrorDocument 502 and 504 to /.stateward/unavailable; and then: systemctl status stateward, "
     "and `adduser www-data stateward-web`"},
    {Fault::kNotReady, "not-ready", "Stateward is not there or cannot serve (503)",
     "systemctl status stateward, and GET /ready; is www-data in the group stateward-web?",
     "systemctl status stateward, and GET /ready; is www-data in the group stateward-web?"},
    {Fault::kForeign404, "foreign-404",
     "the web server itself says 404: to a client that means that there is no state",
     "location ^~ /state/ { … } of snippets/stateward.conf in the server block of this name",
     "Include /etc/apache2/stateward/stateward.conf in the <VirtualHost> of this name"},
    {Fault::kForeignAnswer, "foreign-answer", "the web server answers by itself, not Stateward",
     "look at the address first: https://HOST/state/PROJECT/NAME; then: no `return`, `deny` or "
     "other "
     "location for these paths: location ^~ /state/",
     "look at the address first: https://HOST/state/PROJECT/NAME; then: no `Require`, Redirect or "
     "other <Location> for these paths"},
    {Fault::kTaken, "taken", "there is a state at this address", kAnotherName, kAnotherName},
    {Fault::kLogin, "login", "Stateward got no credentials, or wrong ones",
     "look at user and password first; if they are right, the web server does not pass them on: no "
     "fastcgi_param HTTP_AUTHORIZATION and no fastcgi_pass_request_headers off for these paths",
     "look at user and password first; if they are right, the web server does not pass them on: "
     "CGIPassAuth On"},
    {Fault::kForbidden, "rights", "these credentials may not use this state",
     "give a state for which they have the rights to read, lock, write and delete",
     "give a state for which they have the rights to read, lock, write and delete"},
    {Fault::kNoLoginNeeded, "no-login", "requests without credentials are let in",
     "no fastcgi_param HTTP_AUTHORIZATION of your own; STATEWARD_USER only with auth_basic",
     "no RequestHeader set Authorization of your own"},
    {Fault::kAnyPassword, "any-password", "a user is let in with any password",
     "auth_basic and auth_basic_user_file wherever STATEWARD_USER is $remote_user",
     "AuthType Basic and Require valid-user wherever STATEWARD_USER is REMOTE_USER"},
    {Fault::kEncodedSlash, "encoded-slash",
     "the web server answers an encoded slash with its own 404, which means that there is no state",
     "fastcgi_param REQUEST_URI $request_uri;", "AllowEncodedSlashes NoDecode"},
    {Fault::kVerb, "verbs", "a method does not pass",
     "no limit_except; a firewall in front has to let LOCK, UNLOCK and DELETE pass",
     "no <Limit>, <LimitExcept> or AllowMethods; a firewall in front has to let LOCK, UNLOCK and "
     "DELETE pass"},
    {Fault::kErrorPages, "error-pages",
     "answers of Stateward are replaced by pages of the web server: nobody is told who holds a "
     "lock",
     "fastcgi_intercept_errors off;", "no `ProxyErrorOverride On`"},
    {Fault::kQuery, "query", "the query (?ID=…) is lost: the holder of a lock cannot write",
     "fastcgi_param REQUEST_URI $request_uri;   (not $uri)",
     "ProxyPass without a rewrite that drops the query (no `?` at its end, or QSA)"},
    {Fault::kBodyLimit, "body-limit", "a body of 5 MB is refused by the web server",
     "client_max_body_size 257m;   (a little over MAX_STATE_BYTES)",
     "LimitRequestBody 0, also in a module in front (SecRequestBodyLimit)"},
    {Fault::kMd5, "content-md5",
     "Content-MD5 is lost: a body that was damaged on its way is stored",
     "no fastcgi_param HTTP_CONTENT_MD5 of your own", "no `RequestHeader unset Content-MD5`"},
    {Fault::kGzip, "gzip", "answers are compressed on the way", "gzip off;", "SetEnv no-gzip 1"},
    {Fault::kLength, "content-length",
     "answers come without Content-Length: a client cannot see that a state is whole",
     "no filter (sub_filter, addition, ssi) for these paths", "SetEnv ap_trust_cgilike_cl 1"},
    {Fault::kBytes, "bytes", "what comes back is not what was stored",
     "no filter (sub_filter, ssi) and no cache for these paths",
     "no filter (mod_substitute) and no cache for these paths"},
    {Fault::kSlowBody, "slow-body", "a body that stops for a while is cut off",
     "client_body_timeout 90s;", "RequestReadTimeout header=10-20,MinRate=500 body=0"},
    {Fault::kRateLimit, "rate-limit",
     "a short burst is refused by the web server: a run whose UNLOCK is refused leaves its lock "
     "behind",
     "limit_req zone=stateward burst=2000 delay=100;   and limit_req_status 429;",
     "no limit (mod_evasive, mod_qos) so low for these paths"},
    {Fault::kForce, "force-unlock", "a forced release is refused",
     "FORCE_UNLOCK_ENABLED is false, or these credentials lack the right `force`",
     "FORCE_UNLOCK_ENABLED is false, or these credentials lack the right `force`"},
    {Fault::kOther, "other", "an answer was not the expected one",
     "compare the site with nginx/example-site.conf",
     "compare the site with apache/example-site.conf"},
};

bool Names(std::string_view server, std::string_view name) {
  return server.find(name) != std::string_view::npos;
}

}  // namespace

const FaultText& TextOf(Fault fault) {
  for (const FaultText& text : kFaults) {
    if (text.fault == fault) return text;
  }
  return kFaults[sizeof(kFaults) / sizeof(kFaults[0]) - 1];
}

std::string Mend(const FaultText& text, std::string_view server) {
  if (Names(server, "nginx") || text.nginx == text.apache) return std::string(text.nginx);
  if (Names(server, "Apache")) return std::string(text.apache);
  return "nginx: " + std::string(text.nginx) + "\n             Apache: " + std::string(text.apache);
}

}  // namespace stateward
