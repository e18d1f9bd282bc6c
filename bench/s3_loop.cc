// The ceiling of an S3 server: signed requests in a loop, without anything around them.
//
//   s3_loop HOST:PORT CLIENTS SECONDS STATE_BYTES LOCK_BYTES   (S3_ACCESS_KEY, S3_SECRET_KEY)
//
// Prints steps per second: "get" of a state, "post" a create-exclusive PUT of one, "lock" a PUT
// of a lock's record that must replace what was read before; "cycle" is lock, get, post, lock: the
// fewest requests that a LOCK, GET, POST, UNLOCK can be.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "http_client/http_client.h"
#include "s3/sigv4.h"
#include "stateward/clock.h"

namespace stateward {
namespace {

using Clock = std::chrono::steady_clock;

struct Target {
  HttpClient* client;
  std::string host;
  std::string access_key;
  SecretString secret_key;
  int clients;
  double seconds;
};

// The answer's ETag; ends the program unless the answer is 200.
std::string Send(const Target& target, const std::string& method, const std::string& key,
                 const std::string& body, std::pair<std::string, std::string> condition) {
  ByteView view{reinterpret_cast<const uint8_t*>(body.data()), body.size()};
  HttpRequest request;
  request.method = method;
  SigningInput in;
  in.method = method;
  in.path = "/bench" + key;
  in.payload_sha256 = HexEncode(Sha256(view));
  in.amz_date = AmzDate(SystemClock().NowMs());
  in.region = "us-east-1";
  request.url = "http://" + target.host + in.path;
  request.headers = {{"host", target.host},
                     {"x-amz-date", in.amz_date},
                     {"x-amz-content-sha256", in.payload_sha256}};
  if (!condition.first.empty()) request.headers.push_back(std::move(condition));
  if (method == "PUT") request.body = view;
  for (const auto& [name, value] : request.headers) in.headers[name] = value;
  request.headers.emplace_back("authorization", SignV4(in, target.access_key, target.secret_key));
  Result<HttpAnswer> answer = target.client->Send(request);
  const bool bucket_is_there = key.empty() && answer.ok() && answer->status == 409;
  if (!bucket_is_there && (!answer.ok() || answer->status != 200)) {
    std::fprintf(stderr, "s3_loop: %s %s: %d\n", method.c_str(), key.c_str(),
                 answer.ok() ? answer->status : 0);
    std::exit(1);
  }
  return std::string(answer->Header("etag"));
}

// Runs step(client number, count so far) of every client until the time is over.
template <typename Step>
void Measure(const char* name, const Target& target, const Step& step) {
  std::atomic<uint64_t> done{0};
  std::vector<std::thread> threads;
  auto begin = Clock::now();
  auto end = begin + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(target.seconds));
  for (int client = 0; client < target.clients; ++client) {
    threads.emplace_back([&, client] {
      for (uint64_t n = 0; Clock::now() < end; ++n) {
        step(client, n);
        ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  double took = std::chrono::duration<double>(Clock::now() - begin).count();
  std::printf("%s %.1f\n", name, static_cast<double>(done) / took);
}

void Run(const Target& target, size_t state_bytes, size_t lock_bytes) {
  std::string state(state_bytes, 's'), lock(lock_bytes, 'l');
  std::string run = std::to_string(Clock::now().time_since_epoch().count());
  auto key = [&](const char* kind, int client) {
    return "/" + std::string(kind) + "-" + run + "-" + std::to_string(client);
  };
  std::vector<std::string> tags;
  for (int client = 0; client < target.clients; ++client) {
    Send(target, "PUT", key("state", client), state, {});
    tags.push_back(Send(target, "PUT", key("lock", client), lock, {}));
  }
  auto get = [&](int client) { Send(target, "GET", key("state", client), "", {}); };
  auto post = [&](int client, const std::string& name) {
    Send(target, "PUT", key("state", client) + name, state, {"if-none-match", "*"});
  };
  auto replace_lock = [&](int client, uint64_t n) {
    std::string& tag = tags[static_cast<size_t>(client)];
    std::string record = std::to_string(n) + lock;
    tag = Send(target, "PUT", key("lock", client), record, {"if-match", tag});
  };
  Measure("get", target, [&](int client, uint64_t) { get(client); });
  Measure("post", target,
          [&](int client, uint64_t n) { post(client, "-post-" + std::to_string(n)); });
  Measure("lock", target, replace_lock);
  Measure("cycle", target, [&](int client, uint64_t n) {
    replace_lock(client, n);
    get(client);
    post(client, "-cycle-" + std::to_string(n));
    replace_lock(client, n);
  });
}

int Main(int argc, char** argv) {
  const char* access = std::getenv("S3_ACCESS_KEY");
  const char* secret = std::getenv("S3_SECRET_KEY");
  if (argc != 6 || access == nullptr || secret == nullptr) return 2;
  HttpClientOptions options;
  options.allow_http = true;
  Result<std::unique_ptr<HttpClient>> client = NewCurlClient(options);
  if (!client.ok()) return 1;
  Target target{client->get(),      argv[1],           access, SecretString(secret),
                std::atoi(argv[2]), std::atof(argv[3])};
  Send(target, "PUT", "", "", {});  // the bucket
  Run(target, std::strtoul(argv[4], nullptr, 10), std::strtoul(argv[5], nullptr, 10));
  return 0;
}

}  // namespace
}  // namespace stateward

int main(int argc, char** argv) { return stateward::Main(argc, argv); }
