#include <CppUTest/TestHarness.h>

#include "base/sha256.h"
#include "cli/opened_store.h"
#include "cli/progress.h"
#include "cli/rekeyer.h"
#include "conformance/kms_cases.h"
#include "doubles/fake_clock.h"
#include "doubles/mem_storage.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"

namespace stateward {
namespace {

using kms_cases::InfoOf;

constexpr char kStore[] = "00112233445566778899aabbccddeeff";

std::unique_ptr<EnvelopeKms> KmsWith(const SecretString& key, const SecretString& ring) {
  KmsSettings settings;
  settings.key = key;
  settings.keyring = ring;
  return *OpenEnvelopeKms(settings);
}

}  // namespace

TEST_GROUP(Rekey) {
  MemStorage storage;
  SecretString old_key = NewKeyText(), new_key = NewKeyText();
  std::unique_ptr<EnvelopeKms> before = KmsWith(old_key, SecretString());
  std::unique_ptr<EnvelopeKms> both = KmsWith(new_key, old_key);
  std::unique_ptr<EnvelopeKms> after = KmsWith(new_key, SecretString());
  std::vector<StateId> ids;
  std::vector<std::string> said;

  void setup() override {
    CHECK(storage.WriteMarker({kStore, 1, "local", std::string(32, '1')}, false).ok());
    for (int s = 0; s < 3; ++s) {
      ids.push_back(StateId::Of({"", "p", "s" + std::to_string(s)}));
      for (uint64_t n = 1; n <= 4; ++n) {
        Append(ids.back(), n, Text(s, n));
      }
    }
  }
  static std::string Text(int s, uint64_t n) {
    return "{\"state\":" + std::to_string(s) + ",\"n\":" + std::to_string(n) + "}";
  }
  void Append(const StateId& id, uint64_t n, const std::string& text) {
    Result<Bytes> sealed = before->Seal({kStore, id, n}, InfoOf(text), text);
    CHECK((*storage.Append(id, n - 1, *sealed)).appended);
  }
  RekeyCounts Run(Kms & from, EnvelopeKms & to, bool dry_run = false) {
    Rekeyer rekeyer(storage, kStore, from, to, *SealingTag(to), dry_run,
                    [this](const StateId&, uint64_t n, const Status& why) {
                      said.push_back(std::to_string(n) + " " + why.detail());
                    });
    for (const StateId& id : ids) rekeyer.DoState(id);
    return rekeyer.counts();
  }
  void CheckAllOpenWith(Kms & kms) {
    for (int s = 0; s < 3; ++s) {
      for (uint64_t n = 1; n <= 4; ++n) {
        const StateId& id = ids[static_cast<size_t>(s)];
        kms_cases::CheckOpens(kms, {kStore, id, n}, *storage.Get(id, n), Text(s, n));
      }
    }
  }
};

TEST(Rekey, EveryVersionGetsTheNewKeyOnce) {
  CheckAllOpenWith(*before);
  LONGS_EQUAL(12, Run(*both, *both, true).done);
  CheckAllOpenWith(*before);  // a dry run changes nothing
  LONGS_EQUAL(12, Run(*both, *both).done);
  CheckAllOpenWith(*after);
  const RekeyCounts again = Run(*both, *both);
  LONGS_EQUAL(0, again.done);
  LONGS_EQUAL(12, again.already);
}

TEST(Rekey, ToOtherKeysThanThoseThatOpen) {
  LONGS_EQUAL(12, Run(*before, *after).done);
  CheckAllOpenWith(*after);
  LONGS_EQUAL(12, Run(*before, *after).already);
}

TEST(Rekey, WhatCannotBeReadIsSaidAndStays) {
  Bytes damaged = *storage.Get(ids[1], 2);
  damaged[damaged.size() - 1] = static_cast<uint8_t>(damaged[damaged.size() - 1] ^ 1);
  CHECK(storage.Replace(ids[1], 2, Sha256(*storage.Get(ids[1], 2)), damaged).ok());
  const RekeyCounts counts = Run(*both, *both);
  LONGS_EQUAL(11, counts.done);
  LONGS_EQUAL(1, counts.failed);
  LONGS_EQUAL(1, said.size());
  CHECK(said[0].substr(0, 2) == "2 ");
  CHECK(ByteView(*storage.Get(ids[1], 2)) == ByteView(damaged));
  // Without the old key nothing can be read, and nothing is changed.
  said.clear();
  std::unique_ptr<EnvelopeKms> other = KmsWith(NewKeyText(), SecretString());
  LONGS_EQUAL(12, Run(*other, *other).failed);
  CHECK(said[0].find("unknown") != std::string::npos);
}

TEST(Rekey, ProgressSaysHowLong) {
  STRCMP_EQUAL("[##########..........]  50/100 states  5/s  0:10 left",
               ProgressText(50, 100, 10 * 1000 * 1000).c_str());
  STRCMP_EQUAL("[....................]  0/100 states  0/s", ProgressText(0, 100, 1).c_str());
  STRCMP_EQUAL("[####################]  0/0 states  0/s", ProgressText(0, 0, 1000).c_str());
  STRCMP_EQUAL("[####################]  7200/7200 states  1/s  0:00 left",
               ProgressText(7200, 7200, 7200LL * 1000 * 1000).c_str());
}

}  // namespace stateward
