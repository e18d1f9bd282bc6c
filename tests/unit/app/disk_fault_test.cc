// Every call of the disk fails, one at a time: once, and from there on. What a request was answered
// then holds after a power cut; its repeat finds a way, and that one's 200 holds, too. A sync that
// failed is not made up for by the next one that works.
#include <cerrno>

#include "cli/opened_store.h"
#include "cli/rekeyer.h"
#include "doubles/mem_locker.h"
#include "doubles/power_cut_world.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"
#include "state/pruner.h"
#include "state/store_secret.h"
#include "storage/fs_storage.h"

namespace stateward {

using namespace power_cut;  // NOLINT: the world's own words

namespace {

constexpr int kErrors[] = {EIO, ENOSPC, EDQUOT};
// More calls than any request makes.
constexpr int kMaxCalls = 400;
constexpr int kRepeats = 3;

// A state's life, shorter than Steps(): each request that works differently on the disk once.
std::vector<Step> Life() {
  const std::string one = Document(1);
  const std::string two = Document(2);
  return {{"nothing", Method::kGet, "", "", 404, "", ""},
          {"first lock", Method::kLock, "", Info("0"), 200, "", "0"},
          {"first unlock", Method::kUnlock, "", Info("0"), 200, "", ""},
          {"lock", Method::kLock, "", Info("a"), 200, "", "a"},
          {"first write", Method::kPost, "?ID=a", one, 200, one, "a"},
          {"write", Method::kPost, "?ID=a", two, 200, two, "a"},
          {"delete", Method::kDelete, "?ID=a", "", 200, "", "a"},
          {"unlock", Method::kUnlock, "", Info("a"), 200, "", ""}};
}

std::string Point(const Step& step, int call, bool on, int error) {
  return std::string(step.name) + ": call " + std::to_string(call) +
         (on ? " and all after it: " : ": ") + strerror(error);
}

// The code tells these errors apart nowhere, so each call sees one of them.
int ErrorOf(int call) { return kErrors[call % 3]; }

// What is there after a power cut: `after`, or also `before` when the request failed. "" = good.
std::string Lost(World& world, const Step& before, const Step& after, bool acknowledged) {
  const std::string lost = world.LostAfter(after);
  return lost.empty() || acknowledged ? lost : world.LostAfter(before);
}

// False when the step makes fewer calls.
bool FailAt(const std::vector<Step>& steps, size_t at, int call, bool on) {
  const Step& step = steps[at];
  const Step& before = steps[at - 1];
  const std::string point = Point(step, call, on, ErrorOf(call));
  World world;
  Server& server = world.server();
  for (size_t i = 0; i < at; ++i) server.Ask(steps[i].method, steps[i].query, steps[i].body);
  world.disk().FailAt(call, on, ErrorOf(call));
  Reply reply = server.Ask(step.method, step.query, step.body);
  const bool failed = world.disk().Failed();
  // A document that is there is not "no such state" on the bad disk either.
  const bool there = !before.document.empty() && !step.document.empty();
  if (there && server.Ask(Method::kGet, "", "").status == 404) FAIL(point.c_str());
  world.disk().Heal();
  if (!failed) return false;
  CHECK_TEXT(reply.status == 200 || reply.status == 503, point.c_str());
  std::string lost = Lost(world, before, step, reply.status == 200);
  STRCMP_EQUAL_TEXT("", lost.c_str(), point.c_str());
  if (reply.status == 200) return true;
  for (int i = 0; i < kRepeats && reply.status != 200; ++i) {
    reply = world.Process()->Ask(step.method, step.query, step.body);
  }
  CHECK_EQUAL_TEXT(200, reply.status, point.c_str());
  lost = world.LostAfter(step);
  STRCMP_EQUAL_TEXT("", lost.c_str(), ("repeated, " + point).c_str());
  return true;
}

void FailEachCallOf(size_t at) {
  const std::vector<Step> steps = Life();
  for (bool on : {false, true}) {
    int call = 0;
    while (FailAt(steps, at, call, on)) ++call;
    CHECK(call > 2 && call < kMaxCalls);
  }
}

std::unique_ptr<EnvelopeKms> KmsWith(const SecretString& key, const SecretString& ring) {
  KmsSettings settings;
  settings.key = key;
  settings.keyring = ring;
  return *OpenEnvelopeKms(settings);
}

constexpr char kKeyOfWorld[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

// The store below a server, with its only state.
struct Below {
  Below(Disk& disk, const std::string& dir) : storage(disk, dir) {
    store_id = (*storage.ReadIdentity()).store_id;
    const Status listed = storage.List([this](const StateId& there) {
      id = there;
      return true;
    });
    CHECK(listed.ok());
  }
  // How many records there are; each must open with these keys.
  size_t Opened(Kms& kms) {
    const std::vector<uint64_t> versions = *storage.Versions(id);
    for (uint64_t n : versions) {
      CHECK(kms.Open({store_id, id, n}, *storage.Get(id, n)).ok());
    }
    return versions.size();
  }
  // The same of the kept uploads and of the store's secret.
  size_t OpenedBesides(Kms& kms) {
    const std::vector<KeptUpload> uploads = *storage.ListUploads();
    for (const KeptUpload& upload : uploads) {
      CHECK(kms.Open({store_id, upload.id, 0}, *storage.GetUpload(upload)).ok());
    }
    CHECK(OpenStoreSecret(kms, *storage.ReadIdentity()).ok());
    return uploads.size() + 1;
  }

  FsStorage storage;
  std::string store_id;
  StateId id;
};

// The part of Life() that leaves two versions under a lock.
constexpr size_t kWritten = 5;
void Live(Server* server) {
  const std::vector<Step> steps = Life();
  for (size_t i = 0; i <= kWritten; ++i)
    server->Ask(steps[i].method, steps[i].query, steps[i].body);
}

bool FailPruneAt(int call, bool on) {
  World world;
  Live(&world.server());
  Below below(world.disk(), world.StoreDir());
  std::unique_ptr<EnvelopeKms> kms = KmsWith(SecretString(kKeyOfWorld), SecretString());
  const auto prune = [&] {
    return PruneState(below.storage, MemLocker(SystemClock()), *kms, SystemClock(), {1, 0},
                      below.store_id, below.id);
  };
  world.disk().FailAt(call, on, ErrorOf(call));
  (void)prune();
  const bool failed = world.disk().Failed();
  world.disk().Heal();
  STRCMP_EQUAL("", world.LostAfter(Life()[kWritten]).c_str());
  CHECK(prune().ok());
  STRCMP_EQUAL("", world.LostAfter(Life()[kWritten]).c_str());
  return failed;
}

bool FailRekeyAt(int call, bool on, const SecretString& new_key) {
  World world;
  Live(&world.server());
  // It is refused, and kept.
  CHECK_EQUAL(409, world.server().Ask(Method::kPost, "?ID=a", Document(1)).status);
  Below below(world.disk(), world.StoreDir());
  std::unique_ptr<EnvelopeKms> both = KmsWith(new_key, SecretString(kKeyOfWorld));
  const auto rekey = [&] {
    Rekeyer rekeyer(below.storage, below.store_id, *both, *SealingTag(*both), false,
                    [](const StateId&, uint64_t, const Status&) {});
    rekeyer.DoState(below.id);
    rekeyer.DoSecret();
    const Result<std::vector<KeptUpload>> uploads = below.storage.ListUploads();
    if (!uploads.ok()) return rekeyer.counts().failed + 1;
    for (const KeptUpload& upload : *uploads) rekeyer.DoUpload(upload);
    return rekeyer.counts().failed;
  };
  world.disk().FailAt(call, on, ErrorOf(call));
  uint64_t not_done = rekey();
  const bool failed = world.disk().Failed();
  world.disk().Heal();
  Below cut(PosixDisk(), world.Cut());
  CHECK_EQUAL(2U, cut.Opened(*both));
  CHECK_EQUAL(2U, cut.OpenedBesides(*both));
  if (not_done > 0) not_done = rekey();
  CHECK_EQUAL(0U, not_done);
  // It was said to be done, so the old key goes.
  std::unique_ptr<EnvelopeKms> after = KmsWith(new_key, SecretString());
  Below end(PosixDisk(), world.Cut());
  CHECK_EQUAL(2U, end.Opened(*after));
  CHECK_EQUAL(2U, end.OpenedBesides(*after));
  return failed;
}

}  // namespace

TEST_GROUP(DiskFault){};

TEST(DiskFault, OfAFirstLock) { FailEachCallOf(1); }
TEST(DiskFault, OfALock) { FailEachCallOf(3); }
TEST(DiskFault, OfAFirstWrite) { FailEachCallOf(4); }
TEST(DiskFault, OfAWrite) { FailEachCallOf(5); }
TEST(DiskFault, OfADelete) { FailEachCallOf(6); }
TEST(DiskFault, OfAnUnlock) { FailEachCallOf(7); }

TEST(DiskFault, OfPruning) {
  for (bool on : {false, true}) {
    int call = 0;
    while (FailPruneAt(call, on)) ++call;
    CHECK(call > 2);
  }
}

TEST(DiskFault, OfRekeying) {
  const SecretString new_key = NewKeyText();
  for (bool on : {false, true}) {
    int call = 0;
    while (FailRekeyAt(call, on, new_key)) ++call;
    CHECK(call > 2);
  }
}

}  // namespace stateward
