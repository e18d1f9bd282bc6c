#include "storage/postgres_storage.h"

#include <string>

#include "base/sha256.h"
#include "conformance/storage_cases.h"
#include "doubles/fake_clock.h"
#include "service/postgres_box.h"

namespace stateward {
namespace {

class PostgresFixture : public StorageFixture {
 public:
  explicit PostgresFixture(bool with_locks = false, const char* service = "POSTGRES")
      : with_locks_(with_locks), connection_(ServiceEnv(service)) {}
  std::shared_ptr<Storage> Open() override {
    return std::make_shared<PostgresStorage>(PostgresBox::Pool(8, connection_), clock_,
                                             PostgresStorageOptions{"\"states\"", with_locks_});
  }
  void RemoveMarker() override { box_.Exec("DELETE FROM stateward.store_marker"); }
  void PutLegacy(const std::string& legacy_id, const std::string& blob) override {
    box_.PutLegacy("states", legacy_id, blob);
  }
  // Whatever else lies in the database is none of ours: the schema is.
  bool PutStranger() override { return false; }
  PostgresBox& box() { return box_; }
  FakeClock& clock() { return clock_; }

 private:
  const bool with_locks_;
  const std::string connection_;
  PostgresBox box_;
  FakeClock clock_;
};

}  // namespace

TEST_GROUP(PostgresStorageConforms) { PostgresFixture fixture; };
STORAGE_CONFORMS(PostgresStorageConforms)

// Through pgbouncer, which gives each transaction another session.
TEST_GROUP(PgBouncerStorageConforms) { PostgresFixture fixture{false, "PGBOUNCER"}; };
STORAGE_CONFORMS(PgBouncerStorageConforms)

TEST_GROUP(PostgresStorage) {
  PostgresFixture fixture;
  StateId id = StateId::Of({"", "p", "n"});
  std::shared_ptr<Storage> storage;

  void setup() override { storage = storage_cases::Fresh(fixture); }
};

TEST(PostgresStorage, LateWritesAreRuledOutOnlyBesideItsLocks) {
  CHECK(storage->WritesMayArriveLate());
  CHECK_FALSE(PostgresFixture(true).Open()->WritesMayArriveLate());
}

TEST(PostgresStorage, AnotherStoreInItsPlaceIsAnOutage) {
  storage_cases::Put(*storage, id, 0, std::string("one"));
  fixture.box().Exec("UPDATE stateward.store_marker SET store_id = repeat('c', 32)");
  storage_cases::Is(Code::kUnavailable, storage->Head(id));
  storage_cases::Is(Code::kUnavailable, storage->GetNewest(id));
  storage_cases::Is(Code::kUnavailable, storage->Append(id, 1, std::string("two")));
  LONGS_EQUAL(1, fixture.box().Number("SELECT count(*) FROM stateward.records"));
}

// The address leads to another one's Postgres for a while, or did so at the start.
TEST(PostgresStorage, NothingIsLearntFromAnotherStore) {
  PostgresBox& box = fixture.box();
  storage_cases::Put(*storage, id, 0, std::string("one"));
  const auto opened = [&] {
    return std::make_unique<PostgresStorage>(PostgresBox::Pool(2, PostgresBox::OnTimeline()),
                                             SystemClock(),
                                             PostgresStorageOptions{"\"states\"", false});
  };
  box.SetTimeline("00000001");
  std::unique_ptr<PostgresStorage> worked = opened();
  worked->Expect(storage_cases::Marker());
  LONGS_EQUAL(1, *worked->Head(id));
  box.SetTimeline("00000007");
  box.Exec("UPDATE stateward.store_marker SET store_id = repeat('c', 32)");
  box.Exec("UPDATE stateward.records SET n = 5");
  storage_cases::Is(Code::kUnavailable, worked->Head(id));
  storage_cases::Is(Code::kUnavailable, worked->GetLegacy(std::string(64, 'a')));
  std::unique_ptr<PostgresStorage> fresh = opened();
  CHECK(fresh->Count().ok());
  box.SetTimeline("00000001");
  box.Exec("UPDATE stateward.records SET n = 1");
  box.Exec("UPDATE stateward.store_marker SET store_id = '" + storage_cases::Marker().store_id +
           "'");
  fresh->Expect(storage_cases::Marker());
  for (PostgresStorage* each : {worked.get(), fresh.get()}) LONGS_EQUAL(1, *each->Head(id));
}

// An old primary that came back knows neither what was written since, nor may it take anything.
TEST(PostgresStorage, AnOlderTimelineThanWasSeenIsAnOutage) {
  using storage_cases::Is;
  PostgresBox& box = fixture.box();
  box.SetTimeline("00000009");
  PostgresStorage here(PostgresBox::Pool(2, PostgresBox::OnTimeline()), SystemClock(),
                       PostgresStorageOptions{"\"states\"", false});
  here.Expect(storage_cases::Marker());
  storage_cases::Put(here, id, 0, std::string("one"));
  box.SetTimeline("0000000A");  // a failover costs nothing
  storage_cases::Put(here, id, 1, std::string("two"));
  box.SetTimeline("00000009");
  const StateId other = StateId::Of({"", "p", "other"});
  for (const bool functions : {true, false}) {
    if (!functions) box.Exec("DROP FUNCTION stateward.newest_3, stateward.append_3");
    Is(Code::kUnavailable, here.Head(other));
    Is(Code::kUnavailable, here.GetNewest(other));
    Is(Code::kUnavailable, here.GetNewestFront(id, 10));
    Is(Code::kUnavailable, here.Get(id, 1));
    Is(Code::kUnavailable, here.Append(id, 2, std::string("three")));
    Is(Code::kUnavailable, here.Append(other, 0, std::string("one")));
  }
  Is(Code::kUnavailable, here.Replace(id, 1, Sha256(std::string("one")), std::string("new")));
  Is(Code::kUnavailable, here.Prune(id, 1));
  Is(Code::kUnavailable, here.Settle(id, 2));
  Is(Code::kUnavailable, here.ListUploads());
  Is(Code::kUnavailable, here.WriteCache("c", std::string("sealed")));
  Is(Code::kUnavailable, here.Publish(std::string(32, 'a'), std::string("text")));
  CHECK_FALSE(*here.ExchangeLease("jobs", ByteView(), std::string("lease")));
  const Status check = here.Check();
  Is(Code::kUnavailable, check);
  STRCMP_CONTAINS("an older timeline", check.detail().c_str());
  LONGS_EQUAL(2, box.Number("SELECT count(*) FROM stateward.records WHERE data IN ('one', 'two')"));
  for (const char* table : {"cache", "servers", "leases"}) {
    LONGS_EQUAL(0, box.Number(std::string("SELECT count(*) FROM stateward.") + table));
  }
  box.SetTimeline("0000000A");
  LONGS_EQUAL(2, *here.Head(id));
}

// Who has seen a record does not take the one before it for the newest.
TEST(PostgresStorage, ARecordThatIsGoneIsAnOutageWhereItWasSeen) {
  storage_cases::Put(*storage, id, 0, std::string("one"));
  storage_cases::Put(*storage, id, 1, std::string("two"));
  LONGS_EQUAL(2, storage->SeenHead(id));
  std::shared_ptr<Storage> reader = fixture.Open();
  LONGS_EQUAL(2, reader->GetNewest(id)->n);
  fixture.box().Exec("DELETE FROM stateward.records WHERE n = 2");
  for (Storage* each : {static_cast<Storage*>(storage.get()), reader.get()}) {
    for (int i = 0; i < 2; ++i) {
      storage_cases::Is(Code::kUnavailable, each->Head(id));
      storage_cases::Is(Code::kUnavailable, each->GetNewest(id));
    }
  }
  LONGS_EQUAL(1, *fixture.Open()->Head(id));  // nobody remembers
}

TEST(PostgresStorage, AFormatOfALaterVersionIsAnOutage) {
  fixture.box().Exec("UPDATE stateward.store_marker SET format = 2");
  storage_cases::Is(Code::kUnavailable, fixture.Open()->Head(id));
  CHECK_FALSE(fixture.Open()->ReadIdentity().ok());
}

TEST(PostgresStorage, WithoutItsTablesNothingIsAbsent) {
  for (const char* table : {"records", "legacy_claims", "uploads"}) {
    fixture.box().Exec(std::string("ALTER TABLE stateward.") + table + " RENAME TO away");
    if (std::string(table) == "records") {
      storage_cases::Is(Code::kUnavailable, storage->Head(id));
      storage_cases::Is(Code::kUnavailable, storage->Get(id, 1));
      storage_cases::Is(Code::kUnavailable, storage->GetNewest(id));
    } else if (std::string(table) == "legacy_claims") {
      storage_cases::Is(Code::kUnavailable, storage->LegacyClaim(std::string(64, 'a')));
    } else {
      storage_cases::Is(Code::kUnavailable, storage->ListUploads());
    }
    fixture.box().Exec(std::string("ALTER TABLE stateward.away RENAME TO ") + table);
    LONGS_EQUAL(0, *storage->Head(id));
  }
}

TEST(PostgresStorage, AStoreWithoutMarkerIsNotMadeAnew) {
  storage_cases::Put(*storage, id, 0, std::string("one"));
  fixture.RemoveMarker();
  Status made = fixture.Open()->WriteIdentity(storage_cases::Marker(), nullptr);
  storage_cases::Is(Code::kConflict, made);
}

TEST(PostgresStorage, NoTableOfTheOriginalIsNoState) {
  storage_cases::Is(Code::kNotFound, storage->GetLegacy(std::string(64, 'a')));
  fixture.box().Exec("CREATE TABLE states (other text)");
  storage_cases::Is(Code::kUnavailable, storage->GetLegacy(std::string(64, 'a')));
}

// A plain name finds what lies on the search path of this role, in schemas that it may use.
TEST(PostgresStorage, ATableOfTheOriginalThatIsNotSeenIsNoAbsence) {
  PostgresBox& box = fixture.box();
  const std::string legacy(64, 'a');
  box.Exec("CREATE SCHEMA hidden");
  box.Exec("CREATE TABLE hidden.states (id text, name text, data text)");  // another program's
  storage_cases::Is(Code::kNotFound, storage->GetLegacy(legacy));
  box.Exec("DROP TABLE hidden.states");
  box.PutLegacy("hidden.states", legacy, std::string("blob"));
  const auto any = [](const Storage::LegacyBlob&) { return true; };
  for (const char* change : {"SELECT 1", "REVOKE USAGE ON SCHEMA hidden FROM CURRENT_USER"}) {
    box.Exec(change);
    const Status unseen = storage->GetLegacy(legacy).status();
    storage_cases::Is(Code::kUnavailable, unseen);
    STRCMP_CONTAINS("schema hidden", unseen.detail().c_str());
    STRCMP_CONTAINS("STORAGE_POSTGRES_TABLE", unseen.detail().c_str());
    storage_cases::Is(Code::kUnavailable, storage->ListLegacy(any));
  }
  PostgresStorage plain(PostgresBox::Pool(1), SystemClock(),
                        PostgresStorageOptions{"\"states\"", true});
  storage_cases::Is(Code::kUnavailable, plain.PutLegacy(legacy, std::string("copy")));
  // The way out, where it is another installation's.
  PostgresStorage elsewhere(PostgresBox::Pool(1), SystemClock(),
                            PostgresStorageOptions{"\"public\".\"states\"", true});
  storage_cases::Is(Code::kNotFound, elsewhere.GetLegacy(legacy));
}

TEST(PostgresStorage, RowsThatAPolicyMayHideAreNoAbsence) {
  PostgresBox& box = fixture.box();
  box.PutLegacy("states", std::string(64, 'a'), std::string("blob"));
  box.Exec("ALTER TABLE states ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  storage_cases::Is(Code::kUnavailable, storage->GetLegacy(std::string(64, 'a')));
}

// In pieces; another one exchanges the bytes in between.
TEST(PostgresStorage, ALargeRecordIsNeverAMixture) {
  std::string one = storage_cases::Noise(size_t{5} << 20);
  std::string two = storage_cases::Noise(size_t{5} << 20);
  storage_cases::Put(*storage, id, 0, one);
  std::atomic<bool> end{false};
  std::thread rekey([&] {
    std::shared_ptr<Storage> other = fixture.Open();
    for (int i = 0; i < 6; ++i) {
      const std::string& from = i % 2 == 0 ? one : two;
      if (!other->Replace(id, 1, Sha256(from), i % 2 == 0 ? two : one).ok()) break;
    }
    end = true;
  });
  int whole = 0;
  int mixed = 0;
  const auto look = [&](const Result<Bytes>& bytes) {
    if (!bytes.ok()) return;  // it changed again and again
    const bool good = ByteView(*bytes) == ByteView(one) || ByteView(*bytes) == ByteView(two);
    ++(good ? whole : mixed);
  };
  while (!end && mixed == 0) look(storage->Get(id, 1));
  rekey.join();
  look(AskAgain([&] { return storage->Get(id, 1); }));
  LONGS_EQUAL(0, mixed);
  CHECK(whole > 0);
}

TEST(PostgresStorage, ListsMoreThanOnePage) {
  fixture.box().Exec(
      "INSERT INTO stateward.records SELECT encode(sha256(i::text::bytea), 'hex'), n, 'x'"
      " FROM generate_series(1, 2500) i, generate_series(1, 2) n");
  LONGS_EQUAL(2500, *storage->Count());
  std::string last;
  int count = 0;
  CHECK(storage
            ->List([&](const StateId& each) {
              if (each.hex() <= last) return false;
              last = each.hex();
              ++count;
              return true;
            })
            .ok());
  LONGS_EQUAL(2500, count);
}

}  // namespace stateward
