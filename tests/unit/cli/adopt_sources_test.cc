// What adopt --all is given: names in access logs of any format, lists of names and secrets.
#include "cli/adopt_sources.h"

#include <CppUTest/TestHarness.h>

#include "cli/service_unit.h"

namespace stateward {

TEST_GROUP(AdoptSources){static std::string Of(const std::string& line){std::set<StateName> names;
NamesOfLogLine(line, &names);
std::string out;
for (const StateName& name : names) out += name.first + "/" + name.second + " ";
return out;
}  // namespace stateward
}
;

TEST(AdoptSources, NamesStandInLogsOfAnyFormat) {
  STRCMP_EQUAL(
      "network/prod ",
      Of(R"(1.2.3.4 - basic [26/Nov/2026:10:00:00 +0000] "GET /state/network/prod HTTP/1.1" 200 5 "-" "tofu")")
          .c_str());
  STRCMP_EQUAL("app/dev.eu-1 ", Of(R"("POST /tf/state/app/dev.eu-1?ID=1-2 HTTP/2.0")").c_str());
  STRCMP_EQUAL("a/b ", Of(R"({"uri":"/state/a/b","status":200})").c_str());
  STRCMP_EQUAL("a/b ", Of("LOCK /state/%61/b/lock HTTP/1.1").c_str());
  STRCMP_EQUAL("a/b c/d ", Of("/state/c/d /state/a/b").c_str());
  STRCMP_EQUAL("", Of("GET /state/a HTTP/1.1").c_str());
  STRCMP_EQUAL("", Of("GET /state/../b HTTP/1.1").c_str());
  STRCMP_EQUAL("", Of("GET /state/a%2Fb/ä HTTP/1.1").c_str());
  STRCMP_EQUAL("", Of("").c_str());
}

TEST(AdoptSources, ListsAreLines) {
  std::vector<SecretString> secrets = ParseSecrets("one\n\n# is a secret, too\r\npässwörd");
  LONGS_EQUAL(3, secrets.size());
  CHECK(secrets[1].Reveal() == "# is a secret, too");
  CHECK(secrets[2].Reveal() == "pässwörd");
  std::set<StateName> names;
  CHECK(ParseNames("a/b\n\n# a remark\nc-d/e.f\n", &names).ok());
  LONGS_EQUAL(2, names.size());
  Status bad = ParseNames("a/b\na b\n", &names);
  CHECK(bad.code() == Code::kInvalidArgument);
  STRCMP_CONTAINS("line 2", bad.detail().c_str());
  CHECK(ParseNames("a/b/c\n", &names).code() == Code::kInvalidArgument);
}

// ---- Units ----

TEST_GROUP(ServiceUnit){};

TEST(ServiceUnit, WhatADropInSaysComesOnTop) {
  ServiceUnit unit;
  ParseUnitText(
      "[Unit]\nUser=nobody\n[Service]\nUser=stateward\nGroup=www-data\n"
      "ExecStart=/usr/bin/multiwatch -f 4 -- /usr/bin/stateward --env-file /etc/s.env\n"
      "# LoadCredential=no:/x\nLoadCredential=kms_key:/etc/k\nStateDirectory=stateward\n"
      "SetCredential=kms_key:#none\n"
      "SupplementaryGroups=a \\\n  b\nEnvironment=A=1 \"B=2 3\"\n[Install]\nGroup=x\n",
      &unit);
  STRCMP_EQUAL("stateward", unit.user.c_str());
  STRCMP_EQUAL("www-data", unit.group.c_str());
  STRCMP_EQUAL("/etc/s.env", unit.env_file.c_str());
  STRCMP_EQUAL("stateward", unit.state_directory.c_str());
  LONGS_EQUAL(2, unit.supplementary_groups.size());
  LONGS_EQUAL(2, unit.environment.size());
  STRCMP_EQUAL("B=2 3", unit.environment[1].c_str());
  LONGS_EQUAL(1, unit.credentials.size());
  STRCMP_EQUAL("kms_key", unit.credentials[0].first.c_str());
  STRCMP_EQUAL("/etc/k", unit.credentials[0].second.c_str());
  LONGS_EQUAL(1, unit.defaults.size());
  STRCMP_EQUAL("kms_key", unit.defaults[0].first.c_str());
  STRCMP_EQUAL("#none", unit.defaults[0].second.c_str());
  ParseUnitText("[Service]\nUser=other\nLoadCredential=\nLoadCredential=vault_token:/etc/v\n",
                &unit);
  STRCMP_EQUAL("other", unit.user.c_str());
  LONGS_EQUAL(1, unit.credentials.size());
  STRCMP_EQUAL("vault_token", unit.credentials[0].first.c_str());
}

}  // namespace stateward
