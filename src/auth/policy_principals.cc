#include "auth/key_fetch.h"
#include "auth/password.h"
#include "auth/policy_lint.h"
#include "auth/policy_reader.h"
#include "base/hex.h"

namespace stateward {
namespace {

// Days since 1970 of a date of the proleptic Gregorian calendar.
int64_t DaysOf(const toml::date& date) {
  int64_t y = date.year;
  int64_t m = date.month;
  if (m <= 2) {
    --y;
    m += 12;
  }
  int64_t era_days = 365 * y + y / 4 - y / 100 + y / 400;
  return era_days + (153 * (m - 3) + 2) / 5 + date.day - 1 - 719468;
}

}  // namespace

void PolicyReader::ReadIssuer(const std::string& name, const toml::table& table) {
  OnlyKeys(table, {"url", "audiences", "ca_file", "kind"});
  PolicyIssuer issuer;
  issuer.name = name;
  issuer.url = Text(table, "url", true);
  Status url = issuer.url.empty() ? Status() : CheckIssuerUrl(issuer.url);
  if (!url.ok()) Error(table.get("url")->source(), "url " + url.detail());
  if (!issuer.url.empty() && !seen_.insert("issuer " + issuer.url).second) {
    Error(table.get("url")->source(), "another issuer has this url");
  }
  issuer.audiences = TextList(table, "audiences");
  issuer.ca_file = Text(table, "ca_file", false);
  Status ca = issuer.ca_file.empty() ? Status() : check_ca_(issuer.ca_file);
  if (!ca.ok()) out_->troubles.push_back(At(table.get("ca_file")->source(), ca.detail()));
  std::string kind = Text(table, "kind", false);
  issuer.ci = GuessCi(issuer.url);
  if (kind == "github") issuer.ci = CiKind::kGitHub;
  if (kind == "gitlab") issuer.ci = CiKind::kGitLab;
  if (!kind.empty() && kind != "github" && kind != "gitlab") {
    Error(table.get("kind")->source(), "kind must be github or gitlab");
  }
  out_->policy.issuers.push_back(std::move(issuer));
}

void PolicyReader::ReadUser(const std::string& name, const toml::table& table) {
  OnlyKeys(table, {"password"});
  if (name == "basic" || name == "jwt") {
    Error(table.source(), "a user cannot be called " + name + ": that name selects another way in");
  }
  PolicyUser user{name, Text(table, "password", true)};
  if (!user.hash.empty() && !IsPasswordHash(user.hash)) {
    Error(table.get("password")->source(),
          "password must be a hash that `statewardctl passwd` made (yescrypt up to cost 7, bcrypt "
          "from 4 to 14)");
  }
  out_->policy.users.push_back(std::move(user));
}

void PolicyReader::ReadToken(const std::string& name, const toml::table& table) {
  OnlyKeys(table, {"sha256", "expires"});
  PolicyToken token;
  token.name = name;
  std::string digest = Text(table, "sha256", true);
  if (!digest.empty()) {
    if (digest.size() != 64 || !HexDecode(digest, token.sha256.data(), token.sha256.size())) {
      Error(table.get("sha256")->source(), "sha256 must be 64 lower-case hex digits");
    } else if (!seen_.insert("token " + digest).second) {
      Error(table.get("sha256")->source(), "another token has this sha256");
    }
  }
  if (const toml::node* node = table.get("expires")) {
    const auto* time = node->as_date_time();
    if (time == nullptr || !time->get().offset) {
      Error(node->source(), "expires must be a time such as 2027-01-31T00:00:00Z");
    } else {
      const toml::date_time& t = time->get();
      token.expires_s = DaysOf(t.date) * 86400 + t.time.hour * 3600 + t.time.minute * 60 +
                        t.time.second - t.offset->minutes * 60;
      if (token.expires_s <= 0) Error(node->source(), "expires lies before 1970");
    }
  }
  out_->policy.tokens.push_back(std::move(token));
}

}  // namespace stateward
