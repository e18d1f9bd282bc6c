// A namespace's state that was given to identified users is not brought back to life, whoever asks.
#include <string>
#include <vector>

#include "unit/admin/change_fixture.h"

namespace stateward {

TEST_GROUP_BASE(AdoptedStates, ChangeFixture) {
  std::string upload;

  void setup() override {
    ChangeFixture::setup();
    grant = GrantOf(root, {"a-namespace", "net", "prod"});
    ThreeApplies();
    Is(Code::kConflict, Put(State("2", "refused")));
    upload = TextIn("uploads list", RowsOf("uploads list", root, {}).at(0), "upload");
    Is(Code::kOk, service->GiveToIdentified(grant, "").status.code());
  }
  void Refused(const Caller& caller, const char* name, std::vector<Given> given) {
    Result<Reply> reply = Run(name, caller, given);
    CHECK_TEXT(!reply.ok(), name);
    Is(Code::kConflict, reply.status().code());
    STRCMP_CONTAINS_TEXT("identified users", reply.status().detail().c_str(), name);
    STRCMP_EQUAL("conflict", Get().c_str());
    CHECK_FALSE_TEXT(Locked(), name);
  }
};

TEST(AdoptedStates, NoOperationBringsOneBack) {
  Caller users = Of("net", Rights::All());
  users.tenant = "a-namespace";  // as over HTTP with the secret
  for (const Caller& caller : {root, users}) {
    Refused(caller, "undelete", With({}));
    Refused(caller, "rollback", With({{"to", "1"}}));
    Refused(caller, "delete", With({}));
    Refused(caller, "uploads restore", {{"upload", upload.c_str()}});
    Refused(caller, "mv", With({{"to", "net/new"}}));
  }
  LONGS_EQUAL(4, HeadOf());
}

// A killed run may have left all of them; the new owners may have purged one since.
TEST(AdoptedStates, NoOperationReadsWhatIsLeft) {
  Caller users = Of("net", Rights::All());
  users.tenant = "a-namespace";
  for (const Caller& caller : {root, users}) {
    Refused(caller, "get", With({}));
    Refused(caller, "get", With({{"version", "2"}}));
    Refused(caller, "diff", With({}));
    Refused(caller, "diff", With({{"from", "1"}, {"to", "2"}}));
    Refused(caller, "pin", With({{"version", "1"}}));
    Refused(caller, "unpin", With({{"version", "1"}}));
    Refused(caller, "purge", With({{"version", "1"}, {"reason", "leak"}}));
    Refused(caller, "uploads diff", {{"upload", upload.c_str()}});
    CHECK(Run("versions", caller, With({})).ok());
  }
}

TEST(AdoptedStates, ARepeatOfTheEndChangesNothing) {
  Is(Code::kOk, service->GiveToIdentified(grant, "").status.code());
  LONGS_EQUAL(4, HeadOf());
  STRCMP_EQUAL("moved", TextIn("show", RowsOf("show", root, With({}))[0], "condition").c_str());
}

TEST(AdoptedStates, ARefusedUploadSaysHowItIsTakenAlong) {
  const StateAnswer answer = service->Put(grant, "", State("4", "late"));
  Is(Code::kConflict, answer.status.code());
  CHECK_FALSE(answer.upload.empty());
  STRCMP_CONTAINS("statewardctl adopt net/prod", answer.action.c_str());
}

}  // namespace stateward
