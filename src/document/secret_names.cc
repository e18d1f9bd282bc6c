#include "document/secret_names.h"

#include <algorithm>
#include <string>

namespace stateward {
namespace {

// Lower case, without the signs between words. Each is found anywhere in a name.
constexpr std::string_view kNames[] = {
    // what people call secrets
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "ciphertext",
    // keys: api_key, access_key, account_key, shared_key, signing_key, encryption_key, ssh_key …
    "privatekey",
    "privkey",
    "apikey",
    "accesskey",
    "accountkey",
    "sharedkey",
    "signingkey",
    "encryptionkey",
    "sshkey",
    "primarykey",
    "secondarykey",
    "masterkey",
    "hostkey",
    "authkey",
    "licensekey",
    "storagekey",
    "keydata",
    "keypem",
    "keyjson",
    "keymaterial",
    // what holds one along with other things
    "connectionstring",
    "kubeconfig",
    "kubeadmin",
    "dockerconfig",
    "sasurl",
    "authorization",
    "authheader",
    "cookie",
    "webhook",
    "presigned",
    "signature",
    "pincode",
    "recoverycode",
    "bcrypt",
    // words that are joined to another one: dbpass
    "dbpass",
    "userpass",
    "rootpass",
    "adminpass",
    "masterpass",
    "basicauth",
    "snmpcommunity",
    // what machines get at their first start often holds some
    "userdata",
    "customdata",
    "startupscript",
    "cloudinit",
    "bootstrap",
    "joincommand",
};
// A whole word of a name: these letters stand within others, too ("root_policy").
constexpr std::string_view kWords[] = {"dsn",  "otp", "hmac", "salt", "seed",  "mfa",
                                       "pass", "pw",  "psk",  "sas",  "bearer"};
// A whole name.
constexpr std::string_view kWholeNames[] = {"key", "auth", "pin", "private"};

constexpr std::string_view kTypes[] = {
    "password",  "secret",    "credential", "token",  "privatekey",
    "accesskey", "sensitive", "apikey",     "sshkey",
};

// What stands in secrets alone.
constexpr std::string_view kSigns[] = {
    "eyJ",  // a JWT's header always begins with {" in base64
    "PRIVATE KEY",
    "Bearer ",
    "ghp_",  // GitHub's tokens: personal, OAuth, user, server, refresh, fine-grained
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",  // GitLab's: personal, runner, deploy, trigger
    "glrt-",
    "gldt-",
    "glptt-",
    "hvs.",  // Vault's: service, batch, recovery
    "hvb.",
    "hvr.",
    "AKIA",   // AWS's ids of access keys
    "AIza",   // Google's
    "xoxb-",  // Slack's
    "xoxp-",
    "xoxa-",
    "xapp-",
    "hooks.slack.com/",
    "dop_v1_",
    "sk_live_",
    "rk_live_",
    "AccountKey=",
    "SharedAccessSignature",
};

bool IsSign(char c) { return c == '_' || c == '-' || c == '.' || c == ' '; }

// In lower case, without signs.
std::string Letters(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (char c : name) {
    if (!IsSign(c)) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

template <size_t N>
bool IsOneOf(const std::string& letters, const std::string_view (&list)[N]) {
  return std::find(std::begin(list), std::end(list), letters) != std::end(list);
}

bool HasSecretWord(std::string_view name) {
  while (!name.empty()) {
    const auto end = std::find_if(name.begin(), name.end(), IsSign);
    const auto length = static_cast<size_t>(end - name.begin());
    if (IsOneOf(Letters(name.substr(0, length)), kWords)) return true;
    name.remove_prefix(std::min(length + 1, name.size()));
  }
  return false;
}

template <size_t N>
bool HasOneOf(const std::string& letters, const std::string_view (&list)[N]) {
  return std::any_of(std::begin(list), std::end(list), [&](std::string_view part) {
    return letters.find(part) != std::string::npos;
  });
}

// "scheme://user:password@host"
bool HasPasswordInAddress(std::string_view text) {
  for (size_t at = text.find("://"); at != text.npos; at = text.find("://", at + 3)) {
    const std::string_view rest = text.substr(at + 3);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?# \t\r\n\"'"));
    const size_t user_end = authority.rfind('@');
    if (user_end != authority.npos && authority.substr(0, user_end).find(':') != rest.npos) {
      return true;
    }
  }
  return false;
}

bool IsNameSign(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// "password=hunter2", {"password":"hunter2"}, "Authorization: Bearer …", --password=…
bool HasNamedSecret(std::string_view text) {
  for (size_t at = text.find_first_of("=:"); at != text.npos;
       at = text.find_first_of("=:", at + 1)) {
    size_t end = at;
    while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '"' || text[end - 1] == '\'' ||
                       text[end - 1] == '\\')) {
      --end;
    }
    size_t begin = end;
    while (begin > 0 && IsNameSign(text[begin - 1])) --begin;
    const std::string_view value = text.substr(at + 1);
    // "arn:aws:secretsmanager:eu-west-1" names a place.
    if (text[at] == ':' && value.find_first_of(" \"'\\") != 0) continue;
    const bool filled = value.find_first_not_of(" \"'\\,;}\r\n\t") != value.npos;
    if (filled && IsNamedLikeSecret(text.substr(begin, end - begin))) return true;
  }
  return false;
}

// "mysql -u root -pSECRET", "--password SECRET"
bool HasPasswordOption(std::string_view text) {
  if (text.find("--password ") != text.npos) return true;
  if (text.find(" -u") == text.npos) return false;
  for (size_t at = text.find(" -p"); at != text.npos; at = text.find(" -p", at + 1)) {
    const std::string_view rest = text.substr(at + 3);
    const std::string_view word = rest.substr(0, rest.find_first_of(" \t\r\n"));
    // A port is a number.
    if (!word.empty() && word.find_first_not_of("0123456789:") != word.npos) return true;
  }
  return false;
}

}  // namespace

bool IsNamedLikeSecret(std::string_view name) {
  const std::string letters = Letters(name);
  return HasOneOf(letters, kNames) || IsOneOf(letters, kWholeNames) || HasSecretWord(name);
}

bool IsTypeOfSecrets(std::string_view type) { return HasOneOf(Letters(type), kTypes); }

bool IsAddressOfSecret(std::string_view address) {
  while (!address.empty()) {
    const size_t end = std::min(address.find('.'), address.size());
    if (IsNamedLikeSecret(address.substr(0, end))) return true;
    address.remove_prefix(std::min(end + 1, address.size()));
  }
  return false;
}

bool LooksLikeSecret(std::string_view text) {
  for (std::string_view sign : kSigns) {
    if (text.find(sign) != text.npos) return true;
  }
  return HasPasswordInAddress(text) || HasNamedSecret(text) || HasPasswordOption(text);
}

}  // namespace stateward
