#include "admin/summary_cache.h"

#include <optional>
#include <utility>

#include "base/json.h"

namespace stateward {
namespace {

// A row takes 300 bytes; far below kMaxCacheEntry.
constexpr JsonBounds kBounds = {kMaxCacheEntry, 4};

void WriteSummary(const Records::End& end, const StateSummary& state, JsonWriter* json) {
  const VersionInfo& info = state.info;
  json->BeginObject();
  json->Key("id").String(end.id.hex()).Key("n").Text64(end.n).Key("stamp").String(end.stamp);
  json->Key("tenant").String(state.key.tenant);
  json->Key("project").String(state.key.project).Key("name").String(state.key.name);
  json->Key("version").Text64(state.version);
  json->Key("kind").Uint(static_cast<uint64_t>(info.kind)).Key("serial").Text64(info.serial);
  json->Key("size").Text64(info.size).Key("time").Text64(static_cast<uint64_t>(info.time_ms));
  json->Key("writer").String(info.writer).EndObject();
}

// nullopt: not of this record.
std::optional<StateSummary> ReadSummary(const JsonObject& row, const Records::End& end) {
  if (row.Uint("n") != end.n || row.String("stamp") != end.stamp) return std::nullopt;
  const auto text = [&row](const char* name) { return row.String(name).value_or(""); };
  const auto number = [&row](const char* name) { return row.Uint(name).value_or(0); };
  StateSummary state;
  state.id = end.id;
  state.records = end.records;
  state.head = end.n;
  state.key = {text("tenant"), text("project"), text("name")};
  // The id is of the name, so a row that was mixed up shows.
  if (!(StateId::Of(state.key) == end.id)) return std::nullopt;
  state.version = number("version");
  state.info.kind = static_cast<RecordKind>(number("kind"));
  state.info.serial = number("serial");
  state.info.size = number("size");
  state.info.time_ms = static_cast<int64_t>(number("time"));
  state.info.writer = text("writer");
  return state;
}

}  // namespace

bool SummariesAreDear(const History& history) {
  return history.records().FrontsAreRoundTrips() || history.kms().Name() == "transit";
}

std::string SummariesName(const std::string& prefix) {
  return prefix.empty() ? "list" : "list-" + prefix;
}

Result<CachedSummaries> LoadSummaries(const History& history, const std::string& prefix,
                                      const std::vector<Records::End>& ends) {
  CachedSummaries out;
  Result<SecretBytes> text = history.ReadCache(SummariesName(prefix));
  if (!text.ok() && text.status().code() == Code::kNotFound) return out;
  if (!text.ok()) return std::move(text).status();
  Result<JsonObject> object = ParseSmallJson(*text, kBounds);
  if (!object.ok()) return out;
  const std::optional<std::vector<JsonObject>> rows = object->Objects("rows");
  if (!rows) return out;
  std::map<std::string, const Records::End*> known;
  for (const Records::End& end : ends) {
    if (!end.stamp.empty()) known[end.id.hex()] = &end;
  }
  for (const JsonObject& row : *rows) {
    auto end = known.find(row.String("id").value_or(""));
    if (end == known.end()) continue;
    std::optional<StateSummary> state = ReadSummary(row, *end->second);
    if (state) out[end->first] = *std::move(state);
  }
  return out;
}

void SaveSummaries(const History& history, const std::string& prefix,
                   const std::vector<Records::End>& ends, const std::vector<StateSummary>& states) {
  std::map<std::string, const StateSummary*> by_id;
  for (const StateSummary& state : states) by_id[state.id.hex()] = &state;
  JsonWriter json;
  json.BeginObject().Key("rows").BeginArray();
  for (const Records::End& end : ends) {
    auto state = by_id.find(end.id.hex());
    if (state == by_id.end() || end.stamp.empty() || !state->second->trouble.empty()) continue;
    // A newer one was read in the place of one that was pruned meanwhile.
    if (state->second->head != end.n) continue;
    WriteSummary(end, *state->second, &json);
  }
  json.EndArray().EndObject();
  (void)history.WriteCache(SummariesName(prefix), json.text());
}

}  // namespace stateward
