// States come from elsewhere, with the store gone at every call on the way: nobody ever reads an
// old version, and another run goes on to the same end.
#include "moving/importer.h"

#include <CppUTest/TestHarness.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "auth/policy_auth.h"
#include "doubles/tool_world.h"
#include "moving/import_names.h"
#include "state/pruner.h"

namespace stateward {
namespace {

constexpr int64_t kDay = 24LL * 60 * 60 * 1000;
const StateKey kTo{"", "net", "prod"};

class FakeSource : public Source {
 public:
  std::vector<std::pair<std::string, int64_t>> documents;  // newest first, with their times
  bool held_by_other = false;
  int locks = 0;

  Result<std::vector<SourceState>> List() override {
    return std::vector<SourceState>{{"prod", "fake"}};
  }
  Result<std::vector<SourceVersion>> Versions(const SourceState&) override {
    std::vector<SourceVersion> out;
    for (size_t i = 0; i < documents.size(); ++i) {
      out.push_back({std::to_string(i), documents[i].second});
    }
    return out;
  }
  Result<SecretBytes> Read(const SourceState&, const SourceVersion& version) override {
    return Text(documents[std::stoul(version.id)].first);
  }
  Result<SourceLock> Lock(const SourceState&) override {
    if (held_by_other) return Status(Code::kLocked, "ann is at work");
    ++locks;
    return SourceLock::kHeld;
  }
  Status Unlock(const SourceState&) override {
    --locks;
    return Status();
  }
};

Grant Reader() { return IdentifiedGrant(kTo, {Rights::All(), false, {}}); }

struct World : ToolWorld {
  FakeSource source;

  // A day between two serials; the newest was written more than 400 days ago.
  int64_t TimeOf(uint64_t serial) const {
    return clock.NowMs() - (500 - static_cast<int64_t>(serial)) * kDay;
  }
  void Fill(uint64_t from, uint64_t to) {
    source.documents.clear();
    for (uint64_t serial = to; serial >= from; --serial) {
      source.documents.emplace_back(TestDocument(serial), TimeOf(serial));
    }
  }
  // One run; the store is gone after so many of its calls. 0: it stays.
  Result<Imported> Import(int calls = 0) {
    auto states = Serve(true);
    storage->calls_left = calls;
    const Importer importer(
        {*b.storage, *b.locker, *b.kms, *states, clock, store_id, "admin:test", nullptr});
    Result<Imported> done = importer.Import(source, {"prod", "fake"}, kTo);
    const bool gone = storage->down;
    storage->calls_left = 0;
    storage->down = false;
    if (gone) return Status::Unavailable("killed");
    return done;
  }
  std::vector<Opened> Versions() {
    std::vector<Opened> out;
    const History history(*b.storage, *b.kms, store_id);
    const StateId id = StateId::Of(kTo);
    const std::vector<uint64_t> numbers = *storage->Versions(id);
    for (uint64_t n : numbers) {
      Result<Opened> opened = history.Open(id, n);
      CHECK(opened.ok());
      if (opened->info.version.kind == RecordKind::kState) out.push_back(*std::move(opened));
    }
    return out;
  }
  void CheckAll(uint64_t serials, const std::string& text) {
    const std::vector<Opened> versions = Versions();
    LONGS_EQUAL_TEXT(serials, versions.size(), text.c_str());
    for (uint64_t i = 0; i < serials; ++i) {
      const VersionInfo& info = versions[i].info.version;
      LONGS_EQUAL_TEXT(serials - i, info.serial, text.c_str());
      CHECK_TEXT(ByteView(versions[i].document) == ByteView(TestDocument(serials - i)),
                 text.c_str());
      CHECK_TEXT(info.time_ms == TimeOf(serials - i), text.c_str());
    }
    LONGS_EQUAL_TEXT(0, b.locker->CountHeld()->all(), text.c_str());
    auto server = Serve(false);
    CHECK_FALSE(server->Lock(Reader(), Text(R"({"ID":"x"})")).locked);
    CHECK(server->Unlock(Reader(), Text(R"({"ID":"x"})"), "").status.ok());
  }
};

}  // namespace

TEST_GROUP(Importer){};

TEST(Importer, KilledAnywhereNobodyReadsAnOldVersionAndAnotherRunEnds) {
  bool ended = false;
  for (int calls = 1; !ended; ++calls) {
    World w;
    w.Fill(1, 4);
    ended = w.Import(calls).ok();
    const std::string text = "killed after " + std::to_string(calls) + " calls";
    StateAnswer seen = w.Serve(false)->Get(Reader());
    const bool newest = seen.status.ok() && ByteView(seen.document) == ByteView(TestDocument(4));
    CHECK_TEXT(newest || seen.status.code() == Code::kNotFound, text.c_str());
    Result<Imported> second = w.Import();
    STRCMP_EQUAL_TEXT("", second.ok() ? "" : second.status().detail().c_str(), text.c_str());
    w.CheckAll(4, text);
  }
}

TEST(Importer, ANameThatANamespaceHoldsIsRefusedBeforeAnythingIsMade) {
  World w;
  w.Fill(1, 2);
  Grant from = Reader();
  from.key.tenant = "namespace";
  auto states = w.Serve(false);
  CHECK(states->Put(from, "", Text(TestDocument(1, "another"))).status.ok());
  const Importer importer(
      {*w.b.storage, *w.b.locker, *w.b.kms, *states, w.clock, w.store_id, "admin:test", nullptr});
  Result<Imported> looked = importer.Look(w.source, {"prod", "fake"}, kTo);
  CHECK(looked.status().code() == Code::kConflict);
  STRCMP_CONTAINS("statewardctl adopt", looked.status().detail().c_str());
  CHECK(importer.Import(w.source, {"prod", "fake"}, kTo).status().code() == Code::kConflict);
  LONGS_EQUAL(0, *w.storage->Head(StateId::Of(kTo)));
  LONGS_EQUAL(0, w.b.locker->CountHeld()->all());
}

TEST(Importer, KilledAndTheSourceWentOnMeanwhile) {
  bool ended = false;
  for (int calls = 1; !ended; ++calls) {
    World w;
    w.Fill(1, 3);
    ended = w.Import(calls).ok();
    w.Fill(1, 5);
    CHECK(w.Import().ok());
    const std::string text = "killed after " + std::to_string(calls) + " calls";
    LONGS_EQUAL_TEXT(5, w.Versions().size(), text.c_str());
    LONGS_EQUAL_TEXT(5, w.Versions()[0].info.version.serial, text.c_str());
    LONGS_EQUAL_TEXT(1, w.Versions()[4].info.version.serial, text.c_str());
  }
}

TEST(Importer, OnlyWhatContinuesAStateIsPutOnIt) {
  World w;
  w.Fill(1, 3);
  LONGS_EQUAL(3, w.Import()->added);
  LONGS_EQUAL(0, w.Import()->added);
  w.Fill(2, 5);
  LONGS_EQUAL(2, w.Import()->added);
  w.CheckAll(0 + 5, "continued");

  w.Fill(1, 4);
  LONGS_EQUAL(static_cast<int>(Code::kConflict), static_cast<int>(w.Import().status().code()));
  w.source.documents = {{TestDocument(9, "another"), 1}};
  LONGS_EQUAL(static_cast<int>(Code::kConflict), static_cast<int>(w.Import().status().code()));
  LONGS_EQUAL(5, w.Versions().size());
  LONGS_EQUAL(0, w.b.locker->CountHeld()->all());
  LONGS_EQUAL(0, w.source.locks);
}

TEST(Importer, ALockThereOrHereIsRespected) {
  World w;
  w.Fill(1, 2);
  w.source.held_by_other = true;
  Result<Imported> there = w.Import();
  LONGS_EQUAL(static_cast<int>(Code::kLocked), static_cast<int>(there.status().code()));
  LONGS_EQUAL(0, w.Versions().size());
  w.source.held_by_other = false;
  auto server = w.Serve(false);
  CHECK(server->Lock(Reader(), Text(R"({"ID":"x"})")).status.ok());
  LONGS_EQUAL(static_cast<int>(Code::kConflict), static_cast<int>(w.Import().status().code()));
  CHECK(server->Unlock(Reader(), Text(R"({"ID":"x"})"), "").status.ok());
  CHECK(w.Import().ok());
}

TEST(Importer, OldTimesAreNoReasonToPruneOnTheDay) {
  World w;
  w.Fill(1, 6);
  CHECK(w.Import().ok());
  HistoryRules rules;
  rules.keep = 2;
  rules.days = 30;
  const auto prune = [&] {
    return *PruneState(*w.b.storage, *w.b.locker, *w.b.kms, w.clock, rules, w.store_id,
                       StateId::Of(kTo));
  };
  LONGS_EQUAL(0, prune());
  w.clock.Advance(31 * kDay);
  LONGS_EQUAL(4, prune());
}

TEST(Importer, AnOlderVersionThatIsNoStateStaysBehind) {
  World w;
  w.Fill(1, 4);
  w.source.documents[2].first = "<html>";
  Result<Imported> done = w.Import();
  CHECK(done.ok());
  LONGS_EQUAL(1, done->unreadable);
  LONGS_EQUAL(3, w.Versions().size());
  World other;
  other.Fill(1, 2);
  other.source.documents[0].first = "<html>";
  CHECK_FALSE(other.Import().ok());
  LONGS_EQUAL(0, other.Versions().size());
}

TEST_GROUP(ImportNames){ImportNames Named(const char* text){return *ImportNames::OfFile(text);
}  // namespace stateward
}
;

TEST(ImportNames, PatternsAndFiles) {
  STRCMP_EQUAL("network-prod",
               ImportNames::OfPattern("net/network-{workspace}")->Of("prod")->name.c_str());
  CHECK_FALSE(ImportNames::OfPattern("net").ok());
  CHECK_FALSE(ImportNames::OfPattern("net/{workspace}")->Of("a b").ok());
  Result<ImportNames> names = ImportNames::OfFile("# old new\nprod net/prod\na b\tnet/a-b\r\n\n");
  CHECK(names.ok());
  STRCMP_EQUAL("a-b", names->Of("a b")->name.c_str());
  LONGS_EQUAL(static_cast<int>(Code::kNotFound), static_cast<int>(names->Of("c").status().code()));
  CHECK_FALSE(ImportNames::OfFile("a net/x\nb net/x\n").ok());
  CHECK_FALSE(ImportNames::OfFile("a net/x\na net/y\n").ok());
  CHECK_FALSE(ImportNames::OfFile("a net\n").ok());
}

TEST(ImportNames, WhatIsMeantForAnotherSourceIsFound) {
  CHECK((Named("prod net/prod\nstage net/stage\n").Missing({"prod", "other"}) ==
         std::vector<std::string>{"stage"}));
  CHECK(ImportNames::OfPattern("net/{workspace}")->Missing({"prod"}).empty());
  CHECK(ImportNames::OfPattern("net/x")->IsOneAddress());
  CHECK_FALSE(ImportNames::OfPattern("net/{workspace}")->IsOneAddress());
  CHECK_FALSE(Named("prod net/prod\n").IsOneAddress());
}

}  // namespace stateward
