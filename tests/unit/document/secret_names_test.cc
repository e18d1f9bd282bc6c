#include "document/secret_names.h"

#include <CppUTest/TestHarness.h>

namespace stateward {

TEST_GROUP(SecretNames){};

TEST(SecretNames, NamesOfSecrets) {
  for (const char* name : {"master_pass", "db_pass", "admin_pass", "root_pass", "user_pass",
                           "dbpass", "bind_pw", "pw", "psk", "basic_auth", "bearer",
                           "snmp_community", "sas", "pass", "key", "api-key", "AdminPassword"}) {
    CHECK_TEXT(IsNamedLikeSecret(name), name);
  }
  for (const char* name : {"bypass_policy", "passthrough", "compass", "community", "keys_count",
                           "spwn", "name", "id", "author"}) {
    CHECK_FALSE_TEXT(IsNamedLikeSecret(name), name);
  }
}

TEST(SecretNames, TextsWithASecret) {
  for (const char* text :
       {"mysql -u root -phunter2 app", "Authorization: Bearer abc", "ghp_0123456789abcdef",
        "glpat-0123456789", "hvs.CAESIA", "AKIAIOSFODNN7EXAMPLE", "password=hunter2",
        R"({"password":"hunter2"})", R"({\"password\": \"hunter2\"})", "db_pass: hunter2",
        "https://hooks.slack.com/services/T0/B0/x", "postgres://u:p@h/db", "--password hunter2",
        "Server=db;Password = x;"}) {
    CHECK_TEXT(LooksLikeSecret(text), text);
  }
  for (const char* text :
       {"arn:aws:secretsmanager:eu-west-1:123456789012", "password=", R"({"password":""})",
        "ssh -p 2222 host", "docker run -p8080:80 -u app", "https://example.org/?a=b",
        R"({"Action":"s3:GetObject","Resource":"*"})", "10.0.0.0/8", "a = b", "12:30"}) {
    CHECK_FALSE_TEXT(LooksLikeSecret(text), text);
  }
}

}  // namespace stateward
