// A document of before, by its serial.
#include <map>
#include <string>

#include "state/state_service.h"
#include "unit/state/service_fixture.h"

namespace stateward {

namespace {

class SerialsFixture : public ServiceFixture {
 public:
  // The document, or the code's name.
  std::string At(uint64_t serial) {
    StateAnswer answer = service->GetSerial(grant, serial);
    if (!answer.status.ok()) return std::string(CodeName(answer.status.code()));
    return std::string(ByteView(answer.document).AsString());
  }
  void Has(uint64_t serial, const SecretBytes& doc) {
    STRCMP_EQUAL(std::string(ByteView(doc).AsString()).c_str(), At(serial).c_str());
  }
};

}  // namespace

TEST_GROUP_BASE(StateSerials, SerialsFixture){};

TEST(StateSerials, EachVersionAnswersUnderItsSerial) {
  STRCMP_EQUAL("not_found", At(1).c_str());
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(3)));
  Has(1, Doc(1));
  Has(3, Doc(3));
  STRCMP_EQUAL("not_found", At(2).c_str());
}

TEST(StateSerials, OfTwoWithOneSerialTheNewestAnswers) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2, "L", "first")));
  Is(Code::kOk, Lock("a", "state-push"));
  Is(Code::kOk, Put(Doc(2, "M", "second"), "a"));
  Has(2, Doc(2, "M", "second"));
  Has(1, Doc(1));
}

TEST(StateSerials, ADeletedStateHasNone) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Delete());
  STRCMP_EQUAL("not_found", At(1).c_str());
}

// Whatever is still there of it.
TEST(StateSerials, OneThatWasGivenAwayHasNone) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  Is(Code::kOk, service->GiveToIdentified(grant, "").status.code());
  for (uint64_t serial : {1, 2, 9}) {
    STRCMP_EQUAL("conflict", At(serial).c_str());
    STRCMP_CONTAINS("identified users", service->GetSerial(grant, serial).hint.c_str());
  }
}

// It may be the one that was asked for: not found would be a guess.
TEST(StateSerials, ADamagedRecordIsNoAbsence) {
  Is(Code::kOk, Put(Doc(1)));
  Is(Code::kOk, Put(Doc(2)));
  storage.DamageFront(Id(), 1);
  Has(2, Doc(2));
  STRCMP_EQUAL("corruption", At(1).c_str());
  STRCMP_EQUAL("corruption", At(9).c_str());
}

}  // namespace stateward
