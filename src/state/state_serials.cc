// Documents of before, by their serial.
#include <string>
#include <utility>

#include "document/document_scanner.h"
#include "history/history.h"
#include "state/refusal.h"
#include "state/state_service.h"

namespace stateward {
namespace {

constexpr char kNoSuchSerial[] = "no version of this state has that serial";

// Of several versions with this serial the newest: a push may have gone back to it. kNotFound: none
// has it, or the state was deleted. *moved_to: the state has another address now, and gives nothing
// away here, whatever is left of it. A record that cannot be read may be the one: that is an error.
Result<SecretBytes> ReadSerial(const History& history, const StateId& id,
                               const std::vector<uint64_t>& numbers, uint64_t serial,
                               std::string* moved_to) {
  bool newest = true;
  for (uint64_t n : numbers) {
    Result<SealedInfo> info = history.Info(id, n);
    if (!info.ok() && info.status().code() == Code::kNotFound) continue;  // pruned meanwhile
    if (!info.ok()) return std::move(info).status();
    const VersionInfo& version = info->version;
    if (version.kind == RecordKind::kNoOp) continue;
    if (newest && version.kind == RecordKind::kTombstone) return Status::NotFound("deleted");
    if (newest && version.kind == RecordKind::kMoved) {
      *moved_to = version.moved_to;
      return Status::NotFound("moved");
    }
    newest = false;
    if (version.kind != RecordKind::kState || version.serial != serial) continue;
    Result<Opened> opened = history.Open(id, n);
    if (!opened.ok() && opened.status().code() == Code::kNotFound) continue;
    if (!opened.ok()) return std::move(opened).status();
    return std::move(opened->document);
  }
  return Status::NotFound(kNoSuchSerial);
}

}  // namespace

StateAnswer StateService::GetSerial(const Grant& grant, uint64_t serial) {
  StateAnswer answer;
  StateId id = StateId::Of(grant.key);
  Result<std::shared_ptr<const StoreIdentity>> store = Open(grant, id);
  if (!store.ok()) return ErrorAnswer(std::move(store).status());
  Result<std::vector<uint64_t>> numbers = storage_.Versions(id);
  if (!numbers.ok()) return ErrorAnswer(Status::Unavailable(numbers.status().detail()));
  if (numbers->empty()) {  // there may be a state of the original
    answer = Get(grant);
    if (!answer.status.ok()) return answer;
    Result<DocumentInfo> scanned = ScanDocument(answer.document);
    if (scanned.ok() && scanned->serial == serial) return answer;
    answer.document.clear();
    answer.status = Status::NotFound(kNoSuchSerial);
  } else {
    std::string moved_to;
    Result<SecretBytes> document =
        ReadSerial(History(storage_, kms_, (*store)->store_id), id, *numbers, serial, &moved_to);
    if (!moved_to.empty()) {
      return RefusalAnswer(ForwardedRefusal(grant.key, moved_to), moved_to);
    }
    if (document.ok()) answer.document = std::move(*document);
    if (!document.ok()) answer.status = std::move(document).status();
  }
  if (answer.status.code() == Code::kNotFound) answer.hint = kNoSuchSerial;
  return MayLag(std::move(answer));
}

}  // namespace stateward
