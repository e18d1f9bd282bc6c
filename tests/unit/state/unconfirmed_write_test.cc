// A write whose transaction was not confirmed to its end (lock and storage in one database): never
// 200 without proof, never a refusal of what is stored.
#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "auth/basic.h"
#include "doubles/basic_names.h"
#include "doubles/fake_clock.h"
#include "doubles/mem_locker.h"
#include "doubles/mem_storage.h"
#include "kms/open_kms.h"
#include "state/state_service.h"

namespace stateward {
namespace {

class SilentObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override {}
};

SecretBytes Doc(int serial) {
  std::string text = "{\"version\":4,\"serial\":" + std::to_string(serial) + ",\"lineage\":\"L\"}";
  return SecretBytes(text.begin(), text.end());
}

}  // namespace

TEST_GROUP(UnconfirmedWrite) {
  FakeClock clock;
  MemStorage storage;
  MemLocker locker{clock};
  SilentObserver observer;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::unique_ptr<Kms> kms;
  StoreGate gate{storage, locker};
  std::unique_ptr<StateService> service;
  Grant grant;

  void setup() override {
    std::string key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    KmsSettings settings;
    settings.backend = "local";
    settings.key = SecretString(key);
    kms = std::move(*OpenKms(settings));
    CHECK(gate.Init(false, *kms).ok());
    service = std::make_unique<StateService>(storage, locker, *kms, gate, clock, observer, log,
                                             StateRules());
    BasicAuthenticator basic{NameForTests};
    grant = *basic.Authorize({"basic", SecretString("s")}, {"", "p", "n"}, Verb::kWrite);
  }
  StateId Id() { return StateId::Of(grant.key); }
  void Unlocked(Code want, int serial) {
    Code got = service->Put(grant, "", Doc(serial)).status.code();
    STRCMP_EQUAL(std::string(CodeName(want)).c_str(), std::string(CodeName(got)).c_str());
  }
  uint64_t Head() { return *storage.Head(Id()); }
  size_t Kept() { return storage.ListUploads()->size(); }
};

TEST(UnconfirmedWrite, StoredAllTheSame) {
  Unlocked(Code::kOk, 1);
  locker.lost_ends = 1;
  int settles = storage.settles;
  Unlocked(Code::kOk, 2);
  LONGS_EQUAL(2, Head());  // not written twice
  LONGS_EQUAL(settles + 1, storage.settles);
  LONGS_EQUAL(0, Kept());
}

TEST(UnconfirmedWrite, RolledBackIsWrittenAnew) {
  Unlocked(Code::kOk, 1);
  locker.lost_ends = 1;
  locker.at_end = [this] { storage.Undo(Id(), 2); };
  Unlocked(Code::kOk, 2);
  LONGS_EQUAL(2, Head());
}

TEST(UnconfirmedWrite, RolledBackTwiceIsAnOutage) {
  Unlocked(Code::kOk, 1);
  locker.lost_ends = 2;
  locker.at_end = [this] { storage.Undo(Id(), 2); };
  Unlocked(Code::kUnavailable, 2);
  LONGS_EQUAL(1, Head());
  LONGS_EQUAL(0, Kept());
}

TEST(UnconfirmedWrite, SomebodyElseWroteOnTop) {
  Unlocked(Code::kOk, 1);
  locker.lost_ends = 1;
  locker.at_end = [this] { Unlocked(Code::kOk, 5); };
  Unlocked(Code::kOk, 2);  // it is stored, though it is not the newest any more
  LONGS_EQUAL(3, Head());
  LONGS_EQUAL(0, Kept());
}

TEST(UnconfirmedWrite, RolledBackAndOvertakenIsRefused) {
  Unlocked(Code::kOk, 1);
  locker.lost_ends = 1;
  locker.at_end = [this] {
    storage.Undo(Id(), 2);
    Unlocked(Code::kOk, 5);
  };
  Unlocked(Code::kConflict, 2);
  LONGS_EQUAL(2, Head());
  LONGS_EQUAL(1, Kept());
}

TEST(UnconfirmedWrite, TheSecondLookFails) {
  Unlocked(Code::kOk, 1);
  locker.lost_ends = 1;
  locker.at_end = [this] { locker.down = true; };
  Unlocked(Code::kUnavailable, 2);
}

}  // namespace stateward
