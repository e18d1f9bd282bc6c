#include "redis/redis_client.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "base/hex.h"
#include "base/loopback.h"

namespace stateward {
namespace {

// Between two tries to reach a server that is starting.
constexpr std::chrono::milliseconds kPause{100};

std::string Sha1Hex(const std::string& text) {
  std::array<uint8_t, 20> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  return HexEncode(ByteView(digest.data(), digest.size()));
}

// The value of a line "name:value" of INFO; "" when there is none.
std::string InfoField(const std::string& info, const std::string& name) {
  size_t at = info.find("\n" + name + ":");
  if (at == std::string::npos) return "";
  at += name.size() + 2;
  return info.substr(at, info.find_first_of("\r\n", at) - at);
}

// A server that answers so will be another one soon: look again who is the master, or wait.
// The error of a script may have words of its own before that (Redis 6: "ERR Error running script
// …: -READONLY …").
bool WillChange(const RedisReply& reply) {
  if (reply.kind != RedisReply::Kind::kError) return false;
  for (const char* word : {"READONLY ", "LOADING ", "MASTERDOWN "}) {
    const size_t at = reply.text.find(word);
    if (at == 0 || (at != std::string::npos && reply.text[at - 1] == '-')) return true;
  }
  return false;
}

Status Refused(const std::string& what, const RedisReply& reply) {
  return Status::Unavailable("redis: " + what + ": " +
                             (reply.kind == RedisReply::Kind::kError ? reply.text : "odd answer"));
}

// Also worth another try before the patience is over, unlike a wrong password.
Status NotYet(std::string text) { return {Code::kOverloaded, std::move(text)}; }

}  // namespace

RedisScript::RedisScript(std::string text) : text_(std::move(text)), sha1_(Sha1Hex(text_)) {}

Result<std::unique_ptr<RedisClient>> RedisClient::New(RedisOptions options, const Clock& clock,
                                                      Observer* observer) {
  Result<RedisAddress> address = ParseRedisAddress(options.address);
  if (!address.ok()) return std::move(address).status();
  // Of sentinels the master's address is what counts.
  const bool direct = address->unix_path.empty() && address->sentinel_group.empty();
  if (direct && options.cleartext == "refuse" && !IsLoopback(address->host_ports.front().host)) {
    return Status::InvalidArgument("REDIS_ADDR: " + address->host_ports.front().host +
                                   " is another host, and REDIS_CLEARTEXT=refuse");
  }
  return std::unique_ptr<RedisClient>(
      new RedisClient(std::move(options), std::move(*address), clock, observer));
}

RedisClient::RedisClient(RedisOptions options, RedisAddress address, const Clock& clock,
                         Observer* observer)
    : options_(std::move(options)),
      address_(std::move(address)),
      clock_(clock),
      observer_(observer) {}

RedisClient::~RedisClient() = default;

Result<RedisReply> RedisClient::Run(const RedisScript& script, const std::vector<std::string>& keys,
                                    const std::vector<std::string>& arguments) {
  const int64_t deadline_us = clock_.SteadyUs() + kCallUs;
  Status last;
  for (bool again : {false, true}) {
    Result<LinkPtr> link = Borrow(again, deadline_us);
    if (!link.ok()) return std::move(link).status();
    Result<RedisReply> reply = Eval(link->get(), script, keys, arguments, deadline_us);
    if (reply.ok() && !WillChange(*reply)) {
      GiveBack(std::move(*link));
      if (reply->kind == RedisReply::Kind::kError) return Refused("script", *reply);
      return reply;
    }
    last = reply.ok() ? Refused("script", *reply) : std::move(reply).status();
    GiveBack(nullptr);
    // The others lead to the same process and are as dead.
    CloseIdle();
  }
  return last;
}

Result<RedisReply> RedisClient::Eval(Link* link, const RedisScript& script,
                                     const std::vector<std::string>& keys,
                                     const std::vector<std::string>& arguments,
                                     int64_t deadline_us) {
  std::string count = std::to_string(keys.size());
  std::vector<std::string_view> words = {"EVALSHA", script.sha1(), count};
  words.insert(words.end(), keys.begin(), keys.end());
  words.emplace_back(link->run_id);
  words.insert(words.end(), arguments.begin(), arguments.end());
  Result<RedisReply> reply = link->connection->Call(words, deadline_us);
  if (!reply.ok() || !reply->IsError("NOSCRIPT")) return reply;
  words[0] = "EVAL";
  words[1] = script.text();
  return link->connection->Call(words, deadline_us);
}

// Says how long it waited, with the mutex free.
Status RedisClient::TakePlace(int64_t deadline_us, std::unique_lock<std::mutex>* hold) {
  const int64_t start_us = clock_.SteadyUs();
  bool waited = false;
  Status status;
  while (status.ok() && borrowed_ >= options_.max_connections) {
    waited = true;
    const auto left = std::chrono::microseconds(deadline_us - clock_.SteadyUs());
    if (given_back_.wait_for(*hold, left) == std::cv_status::timeout &&
        borrowed_ >= options_.max_connections) {
      status = Status::Unavailable("redis: all connections are in use");
    }
  }
  if (status.ok()) ++borrowed_;
  if (waited && observer_ != nullptr) {
    hold->unlock();
    observer_->OnPoolWait("redis", status.ok(), clock_.SteadyUs() - start_us);
    hold->lock();
  }
  return status;
}

Result<RedisClient::LinkPtr> RedisClient::Borrow(bool again, int64_t deadline_us) {
  {
    std::unique_lock<std::mutex> hold(mutex_);
    STATEWARD_RETURN_IF_ERROR(TakePlace(deadline_us, &hold));
    while (!again && !idle_.empty()) {
      LinkPtr link = std::move(idle_.back());
      idle_.pop_back();
      if (link->connection->IsQuiet()) return link;
    }
  }
  for (;;) {
    Result<LinkPtr> link = Connect(std::min(deadline_us, clock_.SteadyUs() + kConnectUs));
    int64_t now_us = clock_.SteadyUs();
    bool give_up = link.ok() || link.status().code() != Code::kOverloaded || now_us >= deadline_us;
    {
      std::lock_guard<std::mutex> hold(mutex_);
      if (link.ok()) {
        down_since_us_ = 0;
      } else {
        if (down_since_us_ == 0) down_since_us_ = now_us;
        give_up = give_up || now_us - down_since_us_ >= kPatienceUs;
      }
    }
    if (give_up) {
      if (link.ok()) return link;
      GiveBack(nullptr);
      return Status::Unavailable(link.status().detail());
    }
    std::this_thread::sleep_for(kPause);
  }
}

void RedisClient::GiveBack(LinkPtr link) {
  std::lock_guard<std::mutex> hold(mutex_);
  --borrowed_;
  if (link && link->generation == generation_) idle_.push_back(std::move(link));
  given_back_.notify_one();
}

Status RedisClient::Examine() {
  const int64_t deadline_us = clock_.SteadyUs() + kCallUs;
  Result<LinkPtr> link = Borrow(false, deadline_us);
  if (!link.ok()) return std::move(link).status();
  const Status status = CheckServer(link->get(), deadline_us);
  GiveBack(status.ok() ? std::move(*link) : nullptr);
  // The others must not go on with what was refused here: each is looked at again.
  if (!status.ok()) CloseIdle();
  return status.ok() ? status : Status::Unavailable(status.detail());
}

void RedisClient::CloseIdle() {
  std::vector<LinkPtr> closed;
  std::lock_guard<std::mutex> hold(mutex_);
  ++generation_;
  closed.swap(idle_);
}

std::string RedisClient::Warning() {
  std::lock_guard<std::mutex> hold(mutex_);
  return warning_;
}

void RedisClient::NoteWarning(std::string warning) {
  std::lock_guard<std::mutex> hold(mutex_);
  warning_ = std::move(warning);
}

Result<RedisClient::LinkPtr> RedisClient::Connect(int64_t deadline_us) {
  bool cleartext = false;
  Result<std::unique_ptr<RedisConnection>> connection = OpenServer(deadline_us, &cleartext);
  if (!connection.ok()) return std::move(connection).status();
  LinkPtr link = std::make_unique<Link>();
  link->connection = std::move(*connection);
  link->cleartext = cleartext;
  {
    std::lock_guard<std::mutex> hold(mutex_);
    link->generation = generation_;
  }
  Status proved = Prove(link.get(), deadline_us);
  if (!proved.ok()) return proved;
  return link;
}

Result<std::unique_ptr<RedisConnection>> RedisClient::OpenServer(int64_t deadline_us,
                                                                 bool* cleartext) {
  Result<std::unique_ptr<RedisConnection>> connection = Status::Internal("not connected");
  if (!address_.unix_path.empty()) {
    connection = RedisConnection::OpenUnix(clock_, address_.unix_path, deadline_us);
  } else {
    HostPort server = address_.host_ports.front();
    if (!address_.sentinel_group.empty()) {
      Result<HostPort> master = AskSentinels(deadline_us);
      if (!master.ok()) return std::move(master).status();
      server = std::move(*master);
    }
    *cleartext = !IsLoopback(server.host);
    if (*cleartext && options_.cleartext == "refuse") {
      return Status::Unavailable("redis: " + server.host +
                                 " is another host, and REDIS_CLEARTEXT=refuse");
    }
    connection = RedisConnection::Open(clock_, server, deadline_us);
  }
  if (!connection.ok()) return NotYet(connection.status().detail());
  return connection;
}

Result<HostPort> RedisClient::AskSentinels(int64_t deadline_us) {
  Status last;
  for (const HostPort& sentinel : address_.host_ports) {
    // One that does not answer must leave time for the others.
    int64_t until_us = clock_.SteadyUs() + (deadline_us - clock_.SteadyUs()) / 2;
    auto connection = RedisConnection::Open(clock_, sentinel, until_us);
    if (!connection.ok()) {
      last = NotYet(connection.status().detail());
      continue;
    }
    if (!options_.sentinel_password.empty()) {
      auto in = (*connection)->Call({"AUTH", options_.sentinel_password.Reveal()}, until_us);
      if (in.ok() && in->kind == RedisReply::Kind::kError) return Refused("sentinel AUTH", *in);
    }
    auto reply =
        (*connection)
            ->Call({"SENTINEL", "get-master-addr-by-name", address_.sentinel_group}, until_us);
    if (!reply.ok()) {
      last = NotYet(reply.status().detail());
      continue;
    }
    if (reply->kind == RedisReply::Kind::kError) return Refused("sentinel", *reply);
    if (reply->kind != RedisReply::Kind::kArray || reply->items.size() != 2) {
      last = Status::Unavailable("redis: the sentinels know no " + address_.sentinel_group);
      continue;
    }
    const std::string& host = reply->items[0].text;
    bool v6 = host.find(':') != std::string::npos;
    auto master = ParseRedisAddress((v6 ? "[" + host + "]" : host) + ":" + reply->items[1].text);
    if (!master.ok()) return Status::Unavailable("redis: a sentinel names no usable address");
    return master->host_ports.front();
  }
  return last;
}

Status RedisClient::Prove(Link* link, int64_t deadline_us) {
  RedisConnection& connection = *link->connection;
  if (!options_.password.empty()) {
    std::vector<std::string_view> words = {"AUTH"};
    if (!options_.user.empty()) words.emplace_back(options_.user);
    words.emplace_back(options_.password.Reveal());
    Result<RedisReply> in = connection.Call(words, deadline_us);
    if (!in.ok()) return NotYet(in.status().detail());
    if (in->kind == RedisReply::Kind::kError && !WillChange(*in)) return Refused("AUTH", *in);
  }
  if (options_.database != 0) {
    std::string database = std::to_string(options_.database);
    Result<RedisReply> selected = connection.Call({"SELECT", database}, deadline_us);
    if (!selected.ok()) return NotYet(selected.status().detail());
    if (selected->kind == RedisReply::Kind::kError) return Refused("SELECT", *selected);
  }
  return CheckServer(link, deadline_us);
}

// What the server may be told to change while connections are kept, too.
Status RedisClient::CheckServer(Link* link, int64_t deadline_us) {
  RedisConnection& connection = *link->connection;
  Result<RedisReply> info = connection.Call({"INFO"}, deadline_us);
  if (!info.ok()) return NotYet(info.status().detail());
  if (info->kind != RedisReply::Kind::kText) return Refused("INFO", *info);
  link->run_id = InfoField(info->text, "run_id");
  std::string policy = InfoField(info->text, "maxmemory_policy");
  if (InfoField(info->text, "loading") == "1") return NotYet("redis: it is loading its data");
  if (InfoField(info->text, "role") != "master") {
    return NotYet("redis: this server is a replica; locks need the master");
  }
  if (InfoField(info->text, "cluster_enabled") == "1") {
    return Status::Unavailable("redis: a cluster cannot keep the locks; use a single server");
  }
  if (link->run_id.empty() || policy != "noeviction") {
    return Status::Unavailable("redis: maxmemory-policy is " + policy +
                               "; it would drop locks, so it must be noeviction");
  }
  std::string warning;
  if (InfoField(info->text, "aof_enabled") != "1") {
    warning = "redis: appendonly is off: a restart may lose locks";
  } else {
    Result<RedisReply> fsync = connection.Call({"CONFIG", "GET", "appendfsync"}, deadline_us);
    if (!fsync.ok()) return NotYet(fsync.status().detail());
    if (fsync->items.size() != 2) {
      warning = "redis: appendfsync is not known (CONFIG GET is not allowed); it must be always";
    } else if (fsync->items[1].text != "always") {
      warning = "redis: appendfsync is not always: a crash may lose the newest locks";
    }
  }
  if (link->cleartext && options_.cleartext == "warn") {
    warning += std::string(warning.empty() ? "" : "; ") +
               "redis: password and locks cross the network in the clear (REDIS_CLEARTEXT)";
  }
  NoteWarning(std::move(warning));
  return Status();
}

}  // namespace stateward
