#include <CppUTest/TestHarness.h>

#include "base/sha256.h"
#include "cli/key_counts.h"
#include "cli/opened_store.h"
#include "cli/progress.h"
#include "cli/rekeyer.h"
#include "conformance/kms_cases.h"
#include "doubles/fake_clock.h"
#include "doubles/mem_storage.h"
#include "doubles/original_blobs.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"
#include "state/key_notice.h"
#include "state/store_secret.h"

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
    const Bytes secret = *NewStoreSecret(*before, kStore, 1);
    CHECK(storage.WriteIdentity({kStore, 1, "local", std::string(32, '1'), secret}, nullptr).ok());
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
  RekeyCounts Run(EnvelopeKms & from, EnvelopeKms & to, bool dry_run = false) {
    const std::unique_ptr<EnvelopeKms> kms = to.With(from);
    Rekeyer rekeyer(storage, kStore, *kms, *SealingTag(to), dry_run,
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

TEST(Rekey, UploadsAndTheSecretAreSealedAnewToo) {
  const std::string text = "{\"kept\":true}";
  KeptUpload entry;
  entry.principal_tag = std::string(32, '1');
  entry.content_tag = std::string(32, '2');
  entry.id = ids[0];
  const Bytes sealed = *before->Seal({kStore, ids[0], 0}, InfoOf(text), text);
  CHECK(storage.PutUpload(entry, sealed).ok());
  const SecretBytes secret = *OpenStoreSecret(*before, *storage.ReadIdentity());
  const auto run = [&](bool dry_run) {
    Rekeyer rekeyer(
        storage, kStore, *both, *SealingTag(*both), dry_run,
        [](const StateId&, uint64_t, const Status& why) { FAIL(why.detail().c_str()); });
    const std::vector<KeptUpload> uploads = *storage.ListUploads();
    for (const KeptUpload& kept : uploads) rekeyer.DoUpload(kept);
    rekeyer.DoSecret();
    return rekeyer.counts();
  };
  LONGS_EQUAL(2, run(true).done);
  CHECK(*OpenStoreSecret(*before, *storage.ReadIdentity()) == secret);
  LONGS_EQUAL(2, run(false).done);
  LONGS_EQUAL(2, run(false).already);
  kms_cases::CheckOpens(*after, {kStore, ids[0], 0}, *storage.GetUpload(entry), text);
  CHECK(*OpenStoreSecret(*after, *storage.ReadIdentity()) == secret);
}

// B3: the key may go only when nothing needs it, whatever it is.
TEST(Rekey, AllThatNeedsAKeyIsCounted) {
  const KeyTag was = *SealingTag(*before);
  const KeyTag now = *SealingTag(*after);
  const auto need = [&](EnvelopeKms& kms) { return (*CountKeys(storage, kms, true)).by_key[was]; };
  STRCMP_EQUAL("12 versions, 1 store secret", Describe(need(*both)).c_str());
  LONGS_EQUAL(3, need(*both).states);
  KeptUpload entry;
  entry.id = ids[0];
  const std::string text = "{\"version\":4}";
  CHECK(storage.PutUpload(entry, *before->Seal({kStore, ids[0], 0}, InfoOf(text), text)).ok());
  const std::shared_ptr<const Suite> suite = *Suite::Load();
  const auto blob = [&](const SecretString& key) {
    return SealAsOriginal(*suite, *ParseKey(key.Reveal()), text);
  };
  storage.legacy[std::string(64, 'a')] = blob(old_key);
  storage.legacy[std::string(64, 'b')] = blob(new_key);
  storage.legacy[std::string(64, 'c')] = blob(old_key);
  CHECK(storage.ClaimLegacy(std::string(64, 'c'), ids[0]).ok());  // taken over
  STRCMP_EQUAL("12 versions, 1 kept upload, 1 state of terraform-backend, 1 store secret",
               Describe(need(*both)).c_str());
  LONGS_EQUAL(1, (*CountKeys(storage, *both, true)).by_key[now].originals);
  LONGS_EQUAL(0, (*CountKeys(storage, *both, false)).by_key[now].originals);
  LONGS_EQUAL(0, (*CountKeys(storage, *both, true)).unopened);
  // With keys that do not open it, nobody can say what it needs.
  LONGS_EQUAL(1, (*CountKeys(storage, *after, true)).unopened);
  LONGS_EQUAL(0, need(*after).originals);
  // Damage names no key.
  storage.legacy[std::string(64, 'a')].back() ^= 1;
  LONGS_EQUAL(1, (*CountKeys(storage, *both, true)).unopened);
}

// B2: who runs, and does not know a key, must not meet records that are sealed with it.
TEST(Rekey, RunningServersSayWhichKeysTheyKnow) {
  constexpr int64_t kNow = 1764000000000;
  const std::string old_id = HexEncode(SealingTag(*before)->id);
  const std::string new_id = HexEncode(SealingTag(*after)->id);
  CHECK(PublishKeys(storage, *before, std::string(32, '1'), kNow).ok());
  CHECK(PublishKeys(storage, *both, std::string(32, '2'), kNow - kNoticeCountsMs + 1).ok());
  KeyUsers users = *UsersOfKey(storage, new_id, kNow);
  LONGS_EQUAL(1, users.lack.size());
  LONGS_EQUAL(1, users.seal.size());
  LONGS_EQUAL(0, users.silent.size());
  users = *UsersOfKey(storage, old_id, kNow);
  LONGS_EQUAL(0, users.lack.size());
  LONGS_EQUAL(1, users.seal.size());
  // One is not heard of any more: named, and not counted.
  users = *UsersOfKey(storage, old_id, kNow + 1);
  LONGS_EQUAL(1, users.silent.size());
  users = *UsersOfKey(storage, new_id, kNow + kNoticeCountsMs);
  LONGS_EQUAL(0, users.lack.size());
  LONGS_EQUAL(2, users.silent.size());
  CHECK(users.silent[0].find(':') != std::string::npos);
  // A clock ahead of ours counts.
  LONGS_EQUAL(1, UsersOfKey(storage, new_id, kNow - 3600 * 1000)->lack.size());
  // A reload publishes again under the same id; what is old goes.
  CHECK(PublishKeys(storage, *both, std::string(32, '1'), kNow).ok());
  CHECK(UsersOfKey(storage, new_id, kNow)->lack.empty());
  CHECK(ForgetSilentServers(storage, kNow + kNoticeKeptMs - 1).ok());
  LONGS_EQUAL(1, storage.Published()->size());
  CHECK(storage.Publish(std::string(32, '3'), std::string("no notice")).ok());
  CHECK(ForgetSilentServers(storage, kNow).ok());
  LONGS_EQUAL(1, storage.Published()->size());
}

TEST(Rekey, ProgressSaysHowLong) {
  STRCMP_EQUAL("[##########..........]  50/100 states  5/s  0:10 left",
               ProgressText(50, 100, 10 * 1000 * 1000).c_str());
  STRCMP_EQUAL("[....................]  0/100 states  0/s", ProgressText(0, 100, 1).c_str());
  STRCMP_EQUAL("0  0/s", ProgressText(0, 0, 1000).c_str());
  STRCMP_EQUAL("[####################]  7200/7200 states  1/s  0:00 left",
               ProgressText(7200, 7200, 7200LL * 1000 * 1000).c_str());
}

}  // namespace stateward
