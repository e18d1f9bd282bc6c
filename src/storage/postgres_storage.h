// States in Postgres (docs/formats.md, "Tables in Postgres"). Rules S4, S11.
//
// Every statement reads the store's marker along with what it is after, on a server that says it is
// no standby: rows that are not there prove nothing without that.
#ifndef STATEWARD_STORAGE_POSTGRES_STORAGE_H_
#define STATEWARD_STORAGE_POSTGRES_STORAGE_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/head_hints.h"
#include "postgres/pg_pool.h"
#include "stateward/clock.h"
#include "stateward/storage.h"
#include "stateward/store_copy.h"

namespace stateward {

inline constexpr char kPgStatesSetting[] = "STORAGE_POSTGRES_TABLE";

struct PostgresStorageOptions {
  std::string legacy_table;  // kPgStatesSetting as PgTableName quotes it
  // The locks lie in the same pool: each write is made while their row is held.
  bool with_locks = false;
};

// A record is fetched in pieces, so that neither the connection's buffer nor the answer holds
// another whole copy of a large state.
inline constexpr size_t kPgPiece = size_t{2} << 20;

class PostgresStorage : public Storage, public StoreCopy {
 public:
  // `clock` must outlive it. Touches nothing yet.
  PostgresStorage(std::shared_ptr<PgPool> pool, const Clock& clock, PostgresStorageOptions options);

  std::string_view Name() const override { return "postgres"; }
  // With the locks in the same database an append that is still on its way holds the row of its
  // state's lock: who comes later waits for its end.
  bool WritesMayArriveLate() const override { return !shared_->options.with_locks; }
  std::unique_ptr<Storage> Within(Transaction& transaction) override;
  Result<StoreIdentity> ReadIdentity() override;
  void Expect(const StoreIdentity& identity) override;
  uint32_t Format() override;
  Status WriteIdentity(const StoreIdentity& marker, const StoreIdentity* replaces) override;
  Result<uint64_t> Head(const StateId& id) override;
  uint64_t SeenHead(const StateId& id) override { return shared_->hints.Get(id); }
  Result<Bytes> Get(const StateId& id, uint64_t n) override;
  Result<Newest> GetNewest(const StateId& id) override;
  Result<Newest> GetNewestFront(const StateId& id, size_t limit) override;
  Result<std::vector<Front>> Fronts(const std::vector<End>& ends, size_t limit) override;
  Result<std::optional<uint64_t>> StoredBytes(const StateId& id) override;
  Result<Bytes> GetPrefix(const StateId& id, uint64_t n, size_t limit) override;
  Result<AppendOutcome> Append(const StateId& id, uint64_t expected_head, ByteView sealed) override;
  Status Settle(const StateId& id, uint64_t n) override;
  Status Replace(const StateId& id, uint64_t n, const Sha256Digest& expected,
                 ByteView sealed) override;
  Result<std::vector<uint64_t>> Versions(const StateId& id) override;
  Status ListAfter(const StateId& after, const std::function<bool(const StateId&)>& each) override;
  Result<EndPage> Ends(const std::string& prefix) override;
  Result<uint64_t> Count() override;
  Status Prune(const StateId& id, uint64_t n) override;
  Status PutUpload(const KeptUpload& upload, ByteView sealed) override;
  Status SettleUpload(const KeptUpload& upload) override;
  Result<std::vector<KeptUpload>> ListUploads() override;
  Result<std::vector<KeptUpload>> ListUploadsOf(const std::string& principal_tag) override;
  Result<Bytes> GetUpload(const KeptUpload& upload) override;
  Result<Bytes> GetUploadPrefix(const KeptUpload& upload, size_t limit) override;
  Status ReplaceUpload(const KeptUpload& upload, ByteView sealed) override;
  Status Publish(const std::string& server_id, ByteView text) override;
  Result<std::vector<ServerNotice>> Published() override;
  Status Withdraw(const std::string& server_id) override;
  Result<Bytes> ReadLease(const std::string& name) override;
  Result<bool> ExchangeLease(const std::string& name, ByteView expected, ByteView next) override;
  Result<Bytes> ReadCache(const std::string& name) override;
  Status WriteCache(const std::string& name, ByteView sealed) override;
  Result<std::vector<std::string>> CacheNames() override;
  Status RemoveCache(const std::string& name) override;
  Status RemoveUpload(const KeptUpload& upload) override;
  Result<Bytes> GetLegacy(const std::string& legacy_id) override;
  Status ListLegacy(const std::function<bool(const LegacyBlob&)>& each) override;
  Result<std::optional<StateId>> LegacyClaim(const std::string& legacy_id) override;
  Result<StateId> ClaimLegacy(const std::string& legacy_id, const StateId& id) override;
  Status EachClaim(
      const std::function<bool(const std::string& name, const StateId& id)>& each) override;
  Status PutRecord(const StateId& id, uint64_t n, ByteView sealed) override;
  Status PutLegacy(const std::string& legacy_id, ByteView blob) override;
  Status Check() override;
  std::string Warning() override { return shared_->pool->Warning(); }

 private:
  // Of the storage and of each part of it within a transaction.
  struct Shared {
    const std::shared_ptr<PgPool> pool;
    const Clock& clock;
    const PostgresStorageOptions options;
    std::atomic<int64_t> wrote_us{0};  // the last good try of Check() to write
    std::mutex place_mutex;
    // A place without its timeline: as told by Expect, or seen first. Every later look must find
    // the same, or the same in another format.
    std::string place;
    bool expected = false;  // the pool may learn the timeline
    HeadHints hints;        // of what is committed

    Shared(std::shared_ptr<PgPool> of, const Clock& with, PostgresStorageOptions as)
        : pool(std::move(of)), clock(with), options(std::move(as)) {}
  };
  PostgresStorage(std::shared_ptr<Shared> shared, PgTransaction& transaction)
      : shared_(std::move(shared)), transaction_(&transaction) {}

  PgQueries& Queries();
  Result<StoreIdentity> FindIdentity();
  static std::string PlaceOf(const StoreIdentity& identity);
  // Compares what a statement says of the marker with what is expected, and its timeline with what
  // was seen there.
  Status CheckPlace(std::string_view text);
  // Whether it is the one that is expected, in a format that is known.
  Status CheckIdentity(std::string_view place);
  // What is expected, on the newest timeline that was seen; asks when nothing was seen yet.
  Result<std::string> Place();
  // Runs a statement whose first row starts with the place.
  Result<PgRows> Ask(PgStatement statement, PgUse use);
  // The same by a function of the schema, where it is there; `plain` takes the same parameters and
  // gives the same columns.
  Result<PgRows> AskFunction(const char* function, PgStatement plain, PgUse use);
  // The second column of the row that `sql` finds by its name ($1), as bytes; kNotFound with
  // `absent` when there is none.
  Result<Bytes> ReadNamed(const char* sql, const std::string& name, const char* absent);
  // At most `limit` bytes of the newest record; *whole: these are all, and there is one.
  Result<Newest> AskNewest(const StateId& id, size_t limit, bool* whole);
  // Whether the original's table is there.
  Result<bool> LegacyThere();
  // The newest record as the transaction brought it along; nullptr: ask.
  Result<const PgTransaction::Newest*> BroughtAlong(const StateId& id);
  // A head that was found, given what was known before it was looked for.
  Result<uint64_t> Found(const StateId& id, uint64_t hint, uint64_t head);
  // Completes the first piece of a record. False: the row is another by now.
  Result<bool> ReadRest(const StateId& id, uint64_t n, uint64_t size,
                        const std::string& row_version, Bytes* bytes);

  const std::shared_ptr<Shared> shared_;
  PgTransaction* const transaction_ = nullptr;  // nullptr: each call is a transaction of its own
};

}  // namespace stateward

#endif  // STATEWARD_STORAGE_POSTGRES_STORAGE_H_
