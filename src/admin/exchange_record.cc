#include "admin/exchange_record.h"

#include <string>
#include <utility>

#include "base/sha256.h"

namespace stateward {
namespace {

// A rekey exchanges a record once.
constexpr int kTries = 4;

}  // namespace

Status ExchangeRecord(const AdminService& service, const StateId& id, uint64_t n,
                      const ExchangeFn& change, const Sha256Digest* seen) {
  Result<std::string> store_id = service.StoreId();
  if (!store_id.ok()) return std::move(store_id).status();
  const SealContext where{*store_id, id, n, service.storage().Format()};
  for (int i = 0; i < kTries; ++i) {
    Result<Bytes> record = service.storage().Get(id, n);
    if (!record.ok()) return std::move(record).status();
    if (seen != nullptr && Sha256(*record) != *seen) {
      return {Code::kConflict, "somebody exchanged the record"};
    }
    Result<Opened> opened = service.kms().Open(where, *record);
    if (!opened.ok()) return std::move(opened).status();
    STATEWARD_RETURN_IF_ERROR(change(&*opened));
    Result<Bytes> sealed = service.kms().Seal(where, opened->info, opened->document);
    if (!sealed.ok()) return std::move(sealed).status();
    Status done = service.storage().Replace(id, n, Sha256(*record), *sealed);
    if (done.code() != Code::kConflict) return done;
  }
  return Status::Unavailable("the record is exchanged by others all the time");
}

}  // namespace stateward
