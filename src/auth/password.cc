#include "auth/password.h"

#include <crypt.h>

#include <algorithm>
#include <memory>

#include "base/random.h"

namespace stateward {
namespace {

constexpr char kAlphabet[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool InAlphabet(std::string_view text) {
  return text.find_first_not_of(std::string_view(kAlphabet, 64)) == std::string_view::npos;
}

bool IsYescrypt(std::string_view hash) {
  // $y$jNr$salt$hash: N is 7 to B in what crypt_gensalt makes for costs 1 to 7, r is 5 or T.
  if (hash.size() < 8 || hash.substr(0, 4) != "$y$j" || hash[6] != '$') return false;
  if (std::string_view("789AB").find(hash[4]) == std::string_view::npos) return false;
  if (hash[5] != '5' && hash[5] != 'T') return false;
  std::string_view rest = hash.substr(7);
  size_t dollar = rest.find('$');
  if (dollar == std::string_view::npos || dollar < 8 || dollar > 86) return false;
  return rest.size() - dollar - 1 == 43 && InAlphabet(rest.substr(0, dollar)) &&
         InAlphabet(rest.substr(dollar + 1));
}

bool IsBcrypt(std::string_view hash) {
  if (hash.size() != 60 || hash[6] != '$' || !InAlphabet(hash.substr(7))) return false;
  std::string_view kind = hash.substr(0, 4);
  if (kind != "$2b$" && kind != "$2y$") return false;
  std::string_view cost = hash.substr(4, 2);
  return cost >= "04" && cost <= "14" && cost[1] >= '0' && cost[1] <= '9';
}

bool IsUsable(std::string_view password) {
  return !password.empty() && password.size() <= kMaxPasswordBytes &&
         password.find('\0') == std::string_view::npos;
}

// The 32 KiB that crypt_r works in; holds the password.
struct WipedCryptData {
  ~WipedCryptData() { WipeMemory(&data, sizeof data); }
  crypt_data data{};
};

// "" when crypt(3) cannot.
std::string Crypt(std::string_view password, const std::string& setting) {
  SecretBytes text(password.begin(), password.end());
  text.push_back(0);
  auto work = std::make_unique<WipedCryptData>();
  const char* out = crypt_rn(reinterpret_cast<const char*>(text.data()), setting.c_str(),
                             &work->data, sizeof work->data);
  return out == nullptr ? std::string() : std::string(out);
}

}  // namespace

bool IsPasswordHash(std::string_view hash) { return IsYescrypt(hash) || IsBcrypt(hash); }

Result<bool> VerifyPassword(const SecretString& password, const std::string& hash) {
  bool usable = IsUsable(password.Reveal());
  std::string made = Crypt(usable ? password.Reveal() : "x", hash);
  if (made.empty()) return Status(Code::kOverloaded, "crypt(3) failed: no memory for it");
  return EqualInConstantTime(made, hash) && usable;
}

Result<std::string> HashPassword(const SecretString& password) {
  if (!IsUsable(password.Reveal())) {
    return Status::InvalidArgument("a password must be 1 to 72 bytes, none of them NUL");
  }
  char random[16];
  FillRandom(random, sizeof random);
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  const char* made =
      crypt_gensalt_rn("$y$", 0, random, sizeof random, setting, static_cast<int>(sizeof setting));
  if (made == nullptr) return Status::Internal("crypt_gensalt failed");
  std::string hash = Crypt(password.Reveal(), made);
  if (!IsPasswordHash(hash)) return Status::Internal("crypt(3) failed");
  return hash;
}

}  // namespace stateward
