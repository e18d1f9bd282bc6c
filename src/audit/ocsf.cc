#include "audit/ocsf.h"

#include <cstdio>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "base/json_writer.h"

namespace stateward {
namespace {

constexpr std::string_view kVersion = "1.5.0";
constexpr uint64_t kClass = 6003;  // API Activity
constexpr uint64_t kCategory = 6;  // Application Activity
constexpr uint64_t kOther = 99;

// OCSF's activity_id of the class.
uint64_t ActivityOf(const std::string& action) {
  constexpr uint64_t kCreate = 1;
  constexpr uint64_t kRead = 2;
  constexpr uint64_t kUpdate = 3;
  constexpr uint64_t kDelete = 4;
  if (action.compare(0, 4, "read") == 0) return kRead;
  if (action == "write" || action == "rollback") return kUpdate;
  if (action == "delete" || action == "unlock" || action == "force unlock") return kDelete;
  return action == "lock" || action == "undelete" ? kCreate : kOther;
}

// Milliseconds since 1970 of "2026-11-26T12:00:00.123Z".
int64_t TimeMs(const std::string& text) {
  tm utc{};
  int ms = 0;
  const int got = sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &utc.tm_year, &utc.tm_mon,
                         &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &ms);
  if (got != 7) return 0;
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  return static_cast<int64_t>(timegm(&utc)) * 1000 + ms;
}

class Event {
 public:
  explicit Event(const AuditLine& line) : line_(line) { w_.BeginObject(); }

  std::string Text(const char* member) const { return line_.json.String(member).value_or(""); }
  void Put(std::string_view key, const std::string& value) {
    if (!value.empty()) w_.Key(key).String(value);
  }
  void Base() {
    const std::string action = Text("action");
    const uint64_t activity = ActivityOf(action);
    w_.Key("activity_id").Uint(activity);
    if (activity == kOther) Put("activity_name", action);
    w_.Key("category_uid").Uint(kCategory).Key("class_uid").Uint(kClass);
    w_.Key("type_uid").Uint(kClass * 100 + activity);
    w_.Key("time").Int(TimeMs(Text("time")));
    const std::string result = Text("result");
    w_.Key("severity_id").Uint(result == "done" ? 1 : 2);  // Informational, Low
    w_.Key("status_id").Uint(result == "done" ? 1 : 2);    // Success, Failure
    if (std::optional<uint64_t> status = line_.json.Uint("status")) {
      w_.Key("status_code").String(std::to_string(*status));
    }
    Put("status_detail", Text("reason"));
  }
  void Metadata() {
    w_.Key("metadata").BeginObject().Key("version").String(kVersion);
    w_.Key("product").BeginObject().Key("name").String("Stateward").EndObject();
    w_.Key("uid").String(line_.head.chain + "-" + std::to_string(line_.head.sequence));
    Put("correlation_uid", Text("traceparent"));
    w_.Key("log_name").String("audit").EndObject();
  }
  void Who() {
    const std::string principal = Text("principal");
    w_.Key("actor").BeginObject().Key("user").BeginObject();
    w_.Key("name").String(principal.empty() ? "unknown" : principal).EndObject().EndObject();
    const std::string address = Text("address");
    w_.Key("src_endpoint").BeginObject();
    const bool is_ip = address.find_first_not_of("0123456789abcdefABCDEF.:") == std::string::npos;
    w_.Key(is_ip && !address.empty() ? "ip" : "name");
    w_.String(address.empty() ? "unknown" : address).EndObject();
  }
  void What() {
    w_.Key("api").BeginObject().Key("operation").String(Text("action"));
    const std::string request = Text("request_id");
    if (!request.empty()) w_.Key("request").BeginObject().Key("uid").String(request).EndObject();
    w_.EndObject();
    w_.Key("resources").BeginArray().BeginObject();
    // What is done to the store as a whole names no state.
    const std::string state = Text("state");
    Put("name", state.empty() ? "store" : state);
    w_.Key("type").String(state.empty() ? "Stateward store" : "Terraform state");
    if (std::optional<uint64_t> n = line_.json.Uint("version_after")) {
      w_.Key("version").String(std::to_string(*n));
    }
    w_.EndObject().EndArray();
  }
  // What the class has no member for.
  void Rest(std::string_view text) {
    w_.Key("raw_data").String(text);  // with its MAC, and the claims
    w_.Key("unmapped").BeginObject();
    for (const char* member : {"event", "way", "issuer", "rule", "lock_id", "upload"}) {
      Put(member, Text(member));
    }
    for (const char* member : {"intent", "version_before", "serial_before", "version_after",
                               "serial_after", "resources", "left_out"}) {
      if (std::optional<uint64_t> n = line_.json.Uint(member)) w_.Key(member).Uint(*n);
    }
    w_.EndObject();
  }
  std::string Take() && {
    w_.EndObject();
    return std::move(w_).Take();
  }

 private:
  const AuditLine& line_;
  JsonWriter w_;
};

}  // namespace

std::string ToOcsf(const AuditLine& line, std::string_view text) {
  if (line.kind != kAuditDone) return "";
  Event event(line);
  event.Base();
  event.Metadata();
  event.Who();
  event.What();
  event.Rest(text);
  return std::move(event).Take();
}

}  // namespace stateward
