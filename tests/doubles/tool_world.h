// One store in memory, and servers and runs of a tool that come and go.
#ifndef STATEWARD_TESTS_DOUBLES_TOOL_WORLD_H_
#define STATEWARD_TESTS_DOUBLES_TOOL_WORLD_H_

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>
#include <utility>

#include "app/backends.h"
#include "doubles/fake_clock.h"
#include "doubles/mem_locker.h"
#include "doubles/mem_storage.h"
#include "kms/open_kms.h"
#include "state/state_service.h"
#include "state/untouched.h"

namespace stateward {

inline constexpr char kToolWorldKey[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

inline SecretBytes Text(const std::string& text) { return SecretBytes(text.begin(), text.end()); }
inline std::string TestDocument(uint64_t serial, const std::string& lineage = "L") {
  return R"({"version":4,"serial":)" + std::to_string(serial) + R"(,"lineage":")" + lineage +
         R"("})";
}

struct ToolWorld {
  class NoObserver : public Observer {
   public:
    void OnRequest(RouteName, Method, int, int64_t) override {}
    void OnBackendCall(BackendKind, std::string_view, bool, int64_t) override {}
    void OnUploadKept() override {}
  };

  FakeClock clock;
  Backends b;
  MemStorage* storage = nullptr;
  std::unique_ptr<StoreGate> gate;
  std::unique_ptr<Untouched> untouched;
  NoObserver observer;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
  std::string store_id;

  ToolWorld() {
    auto mem = std::make_unique<MemStorage>();
    storage = mem.get();
    b.storage = std::move(mem);
    b.locker = std::make_unique<MemLocker>(clock);
    KmsSettings settings;
    settings.key = SecretString(kToolWorldKey);
    b.kms = std::move(*OpenKms(settings));
    gate = std::make_unique<StoreGate>(*b.storage, *b.locker);
    CHECK(gate->Init(false, *b.kms).ok());
    store_id = (*gate->Store())->store_id;
  }
  // `tool`: as the tool sees it, to which names that the original's data may hold are no reason to
  // wait.
  std::unique_ptr<StateService> Serve(bool tool) {
    StateRules rules;
    rules.hold_names = !tool;
    untouched = std::make_unique<Untouched>(*b.storage, *gate, PosixDisk(), clock, "");
    (void)untouched->Recount();
    return std::make_unique<StateService>(*b.storage, *b.locker, *b.kms, *gate, clock, observer,
                                          log, rules, nullptr, tool ? nullptr : untouched.get());
  }
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_TOOL_WORLD_H_
