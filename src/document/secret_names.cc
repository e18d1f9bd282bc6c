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
    // what machines get at their first start often holds some
    "userdata",
    "customdata",
    "startupscript",
    "cloudinit",
    "bootstrap",
    "joincommand",
};
// A whole word of a name: these letters stand within others, too ("root_policy").
constexpr std::string_view kWords[] = {"dsn", "otp", "hmac", "salt", "seed", "mfa"};
// A whole name.
constexpr std::string_view kWholeNames[] = {"key", "pass", "auth", "pin", "private"};

constexpr std::string_view kTypes[] = {
    "password",  "secret",    "credential", "token",  "privatekey",
    "accesskey", "sensitive", "apikey",     "sshkey",
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
  // A JWT's header always begins with {" in base64.
  if (text.find("eyJ") != text.npos || text.find("PRIVATE KEY") != text.npos) return true;
  return HasPasswordInAddress(text);
}

}  // namespace stateward
