#include <CppUTest/TestHarness.h>

#include <string>

#include "postgres/pg_connection.h"

namespace stateward {

TEST_GROUP(PgTarget){};

// libpq's own errors would print what it took for a host or a port.
TEST(PgTarget, APasswordThatIsNotEscapedIsRefusedWithoutAWordOfIt) {
  for (const char* text :
       {"postgres://u:pa@RT@host/db", "postgres://u:RT/x@host/db", "host=h@RT dbname=db"}) {
    const Status refused = PgTarget::Parse(SecretString(text), false).status();
    CHECK_TEXT(refused.code() == Code::kInvalidArgument, text);
    CHECK_TEXT(refused.detail().find("RT") == std::string::npos, refused.detail().c_str());
  }
  for (const char* text : {"postgres://u:pa%40RT@host:5433/db", "host=@socket dbname=db",
                           "postgres://u@h1:1,h2:2/db", "host=/run/postgresql port=5432"}) {
    CHECK_TEXT(PgTarget::Parse(SecretString(text), false).ok(), text);
  }
}

}  // namespace stateward
