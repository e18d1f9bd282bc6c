// The verbs over doubles: what the tests of src/state share.
#ifndef STATEWARD_TESTS_UNIT_STATE_SERVICE_FIXTURE_H_
#define STATEWARD_TESTS_UNIT_STATE_SERVICE_FIXTURE_H_

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>
#include <utility>

#include "auth/basic.h"
#include "doubles/basic_names.h"
#include "doubles/fake_clock.h"
#include "doubles/mem_locker.h"
#include "doubles/mem_storage.h"
#include "kms/open_kms.h"
#include "state/state_service.h"

namespace stateward {

class CountingObserver : public Observer {
 public:
  void OnRequest(RouteName, Method, int, int64_t) override {}
  void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
  void OnUploadKept() override { ++kept; }
  int kept = 0;
};

inline SecretBytes Text(const std::string& text) { return SecretBytes(text.begin(), text.end()); }

inline SecretBytes Doc(uint64_t serial, const std::string& lineage = "L",
                       const std::string& more = "") {
  return Text("{\"version\":4,\"serial\":" + std::to_string(serial) + ",\"lineage\":\"" + lineage +
              "\",\"more\":\"" + more + "\"}");
}

inline SecretBytes Info(const std::string& id,
                        const std::string& operation = "OperationTypeApply") {
  return Text("{\"ID\":\"" + id + "\",\"Operation\":\"" + operation + "\"}");
}

class ServiceFixture : public Utest {
 public:
  FakeClock clock;
  MemStorage storage;
  MemLocker locker{clock};
  CountingObserver observer;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::unique_ptr<Kms> kms;
  StoreGate gate{storage, locker};
  StateRules rules;
  std::unique_ptr<StateService> service;
  BasicAuthenticator basic{NameForTests};
  Grant grant;

  void setup() override {
    KmsSettings settings;
    settings.key = SecretString("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    kms = std::move(*OpenKms(settings));
    CHECK(gate.Init(false, *kms).ok());
    grant = As("secret", "p", "n");
    Restart();
  }
  void Restart() {
    service.reset();
    service =
        std::make_unique<StateService>(storage, locker, *kms, gate, clock, observer, log, rules);
  }
  Grant As(const char* secret, const char* project, const char* name) {
    return *basic.Authorize({"basic", SecretString(secret)}, {"", project, name}, Verb::kRead);
  }
  StateId Id() { return StateId::Of(grant.key); }
  Code Put(const SecretBytes& doc, const std::string& lock = "") {
    return service->Put(grant, lock, doc).status.code();
  }
  Code Lock(const std::string& id, const std::string& operation = "OperationTypeApply") {
    StateAnswer answer = service->Lock(grant, Info(id, operation));
    return answer.locked ? Code::kConflict : answer.status.code();
  }
  Code Unlock(const std::string& id) {
    return service->Unlock(grant, id.empty() ? SecretBytes() : Info(id), "").status.code();
  }
  Code Delete(const std::string& lock = "") { return service->Delete(grant, lock).status.code(); }
  // The stored document, or the code's name.
  std::string Get() {
    StateAnswer answer = service->Get(grant);
    if (!answer.status.ok()) return std::string(CodeName(answer.status.code()));
    return std::string(ByteView(answer.document).AsString());
  }
  void Holds(const SecretBytes& doc) {
    STRCMP_EQUAL(std::string(ByteView(doc).AsString()).c_str(), Get().c_str());
  }
  void Is(Code want, Code got) {
    STRCMP_EQUAL(std::string(CodeName(want)).c_str(), std::string(CodeName(got)).c_str());
  }
  uint64_t HeadOf() { return *storage.Head(Id()); }
  size_t Kept() { return storage.ListUploads()->size(); }
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_UNIT_STATE_SERVICE_FIXTURE_H_
