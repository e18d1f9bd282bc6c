// What jobs work on in the tests: a store and its locks in memory, with a local key.
#ifndef STATEWARD_TESTS_UNIT_JOBS_JOB_FIXTURE_H_
#define STATEWARD_TESTS_UNIT_JOBS_JOB_FIXTURE_H_

#include <CppUTest/TestHarness.h>

#include <memory>

#include "base/log.h"
#include "doubles/fake_clock.h"
#include "doubles/mem_locker.h"
#include "doubles/mem_storage.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"
#include "state/store_gate.h"

namespace stateward {

class JobFixture : public Utest {
 protected:
  static constexpr char kStore[] = "00112233445566778899aabbccddeeff";

  JobFixture() {
    KmsSettings settings;
    settings.key = NewKeyText();
    kms = *OpenKms(settings);
  }
  void MakeStore() {
    StoreIdentity identity;
    identity.store_id = kStore;
    identity.lock_kind = "mem";
    identity.lock_id = locker.service_id;
    CHECK(storage.WriteIdentity(identity, nullptr).ok());
  }

  FakeClock clock;
  MemStorage storage;
  MemLocker locker{clock};
  StoreGate gate{storage, locker};
  std::unique_ptr<Kms> kms;
  Log log{LogTarget::kStderr, LogFormat::kLogfmt, LogLevel::kFatal};
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_UNIT_JOBS_JOB_FIXTURE_H_
