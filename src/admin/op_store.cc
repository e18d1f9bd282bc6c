// The store as a whole: what takes its room, and how it and its services are.
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "admin/all_states.h"
#include "admin/run.h"
#include "base/together.h"
#include "state/key_notice.h"
#include "state/lock_info.h"
#include "state/store_gate.h"
#include "state/store_secret.h"

namespace stateward {
namespace {

struct Usage {
  uint64_t states = 0;
  uint64_t records = 0;
  std::optional<uint64_t> bytes = 0;  // nullopt: the backend does not know
  uint64_t documents = 0;             // bytes of the newest ones
  uint64_t uploads = 0;
  uint64_t upload_bytes = 0;
};

using UsageByProject = std::map<std::string, Usage>;
using UploadsById = std::map<std::string, Usage>;

// Stored bytes are asked for so many states at the same time.
constexpr size_t kAtOnce = 8;

// States of which the stored bytes are still to be asked for.
using Waiting = std::vector<std::pair<StateId, Usage*>>;

Status AddStoredBytes(const History& history, Waiting* waiting) {
  std::vector<Result<std::optional<uint64_t>>> sizes(waiting->size(), std::optional<uint64_t>());
  RunAll(waiting->size(),
         [&](size_t i) { sizes[i] = history.records().StoredBytes((*waiting)[i].first); });
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (!sizes[i].ok()) return std::move(sizes[i]).status();
    std::optional<uint64_t>& sum = (*waiting)[i].second->bytes;
    if (sum && *sizes[i]) *sum += **sizes[i];
    if (!*sizes[i]) sum.reset();
  }
  waiting->clear();
  return Status();
}

Result<UploadsById> UploadsOf(const History& history) {
  Result<std::vector<KeptUpload>> all = history.uploads().ListUploads();
  if (!all.ok()) return std::move(all).status();
  UploadsById uploads;
  for (const KeptUpload& upload : *all) {
    Usage& usage = uploads[upload.id.hex()];
    ++usage.uploads;
    usage.upload_bytes += upload.size;
  }
  return uploads;
}

void AddUploads(const Usage& of, Usage* usage) {
  usage->uploads += of.uploads;
  usage->upload_bytes += of.upload_bytes;
}

Status AddStates(const Call& call, const History& history, UploadsById uploads,
                 UsageByProject* projects) {
  Waiting waiting;
  Status bytes;
  const auto take = [&](StateSummary&& state) {
    if (!MaySee(call, state)) {
      uploads.erase(state.id.hex());
      return true;
    }
    Usage& usage = (*projects)[state.key.project];
    ++usage.states;
    usage.records += state.records;
    if (state.version > 0) usage.documents += state.info.size;
    if (auto kept = uploads.find(state.id.hex()); kept != uploads.end()) {
      AddUploads(kept->second, &usage);
      uploads.erase(kept);
    }
    if (state.bytes && usage.bytes) {
      *usage.bytes += *state.bytes;
      return true;
    }
    waiting.emplace_back(state.id, &usage);
    if (waiting.size() == kAtOnce) bytes = AddStoredBytes(history, &waiting);
    return bytes.ok();
  };
  STATEWARD_RETURN_IF_ERROR(EachState(history, "", take, [&call](uint64_t done, uint64_t total) {
    call.caller.Report(done, total);
  }));
  STATEWARD_RETURN_IF_ERROR(bytes);
  // Of no state that is left; whose it was is not known any more.
  if (call.caller.on_store.Has(Right::kAdminister)) {
    for (const auto& [id, of] : uploads) AddUploads(of, &(*projects)[""]);
  }
  return AddStoredBytes(history, &waiting);
}

// What a part of the store says is wrong with it.
void AddTrouble(const char* part, const Status& status, std::vector<std::string>* wrong) {
  if (!status.ok()) wrong->push_back(std::string(part) + ": " + status.detail());
}

std::vector<std::string> TextsOf(const std::vector<KeyNotice>& servers) {
  std::vector<std::string> texts;
  for (const KeyNotice& each : servers) {
    texts.push_back(each.server + ", version " + each.version + ", seals with " + each.seals +
                    ", opens " + std::to_string(each.opens.size()) +
                    (each.opens.size() == 1 ? " key" : " keys") + ", formats up to " +
                    std::to_string(each.format) + ", heard of " + FormatTime(each.time_ms));
  }
  return texts;
}

Value NumberOrTrouble(const char* part, Result<uint64_t> number, std::vector<std::string>* wrong) {
  if (number.ok()) return *number;
  AddTrouble(part, number.status(), wrong);
  return {};
}

// Whether the keys here are this store's: a key that works may be another's.
Status OpensStore(const AdminService& service) {
  Result<StoreIdentity> identity = service.storage().ReadIdentity();
  if (!identity.ok()) return std::move(identity).status();
  Result<SecretBytes> secret = OpenStoreSecret(service.kms(), *identity);
  return secret.ok() ? Status() : std::move(secret).status().At("the store's secret");
}

Result<uint64_t> LocksHeld(Locker& locker) {
  Result<HeldCount> count = locker.CountHeld();
  if (!count.ok()) return std::move(count).status();
  return count->all();
}

}  // namespace

Result<Reply> RunDu(const Call& call) {
  Result<History> history = call.service.OpenHistory();
  if (!history.ok()) return std::move(history).status();
  Result<UploadsById> uploads = UploadsOf(*history);
  if (!uploads.ok()) return std::move(uploads).status();
  UsageByProject projects;
  STATEWARD_RETURN_IF_ERROR(AddStates(call, *history, *std::move(uploads), &projects));
  Reply reply;
  for (const auto& [project, usage] : projects) {
    reply.rows.push_back({TextOrNull(project), usage.states, usage.records,
                          usage.bytes ? Value(*usage.bytes) : Value(), usage.documents,
                          usage.uploads, usage.upload_bytes});
  }
  return reply;
}

Result<Reply> RunStatus(const Call& call) {
  const AdminService& service = call.service;
  Result<std::string> store_id = service.StoreId();
  if (!store_id.ok()) return std::move(store_id).status();
  std::vector<std::string> wrong;
  std::vector<std::string> warnings;
  AddTrouble("store", service.storage().Check(), &wrong);
  AddTrouble("lock", service.locker().Check(), &wrong);
  AddTrouble("key", service.kms().Check(), &wrong);
  AddTrouble("key", OpensStore(service), &wrong);
  for (const std::string& warning :
       {service.storage().Warning(), service.locker().Warning(), service.kms().Warning(),
        FormatWarning(service.storage().Format())}) {
    if (!warning.empty()) warnings.push_back(warning);
  }
  Result<std::vector<std::string>> keys = service.kms().KeyIds();
  if (!keys.ok()) keys = std::vector<std::string>();
  Result<Servers> servers = ServersOf(service.storage(), service.clock().NowMs());
  if (!servers.ok()) AddTrouble("servers", servers.status(), &wrong);
  Row row = {*store_id,
             std::string(service.storage().Name()),
             std::string(service.locker().Name()),
             std::string(service.kms().Name()),
             NumberOrTrouble("store", service.storage().Count(), &wrong),
             NumberOrTrouble("lock", LocksHeld(service.locker()), &wrong),
             keys->empty() ? Value() : Value(keys->front()),
             *keys,
             servers.ok() ? Value(TextsOf(servers->running)) : Value(),
             servers.ok() ? Value(TextsOf(servers->silent)) : Value()};
  Reply reply;
  reply.verdict = wrong.empty() ? Verdict::kDone : Verdict::kFoundWrong;
  row.insert(row.end(), {Value(std::move(wrong)), Value(std::move(warnings))});
  reply.rows.push_back(std::move(row));
  return reply;
}

}  // namespace stateward
