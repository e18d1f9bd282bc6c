#include "driver_options.h"

#include <getopt.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <string>

namespace bench {

const char kUsage[] =
    "usage: driver [options] HOST:PORT | unix:/PATH\n"
    "  --mode MODE      cycle (LOCK GET POST UNLOCK), get, lock (LOCK UNLOCK), post,\n"
    "                   turns (all states are locked, then all unlocked: processor time of each)\n"
    "  --clients N      concurrent clients (16)\n"
    "  --states N       states in all, at least one for each client (one each)\n"
    "  --size BYTES     of a state (20000)\n"
    "  --duration S     measured time (5)\n"
    "  --warmup S       before it (1)\n"
    "  --base PATH      before the state's number (/state/bench/RANDOM-)\n"
    "  --user NAME --password SECRET (TF_HTTP_USERNAME, TF_HTTP_PASSWORD, or basic, bench)\n"
    "  --pids N,N       processes whose memory and processor time are reported\n"
    "  --fresh          a connection of its own for each request\n"
    "  --pause MS       a client waits so long before each request, on the average (0)\n"
    "  --no-md5         no Content-MD5\n"
    "  --no-check       a GET's answer need not be the state that was written\n"
    "  --json           for programs\n"
    "Exit code 1: there were errors. Rates of a verb are clients / mean latency.\n";

namespace {

std::vector<int> Numbers(const std::string& list) {
  std::vector<int> out;
  std::stringstream text(list);
  for (std::string item; std::getline(text, item, ',');) out.push_back(atoi(item.c_str()));
  return out;
}

}  // namespace

bool Parse(int argc, char** argv, Options* options) {
  const option kLong[] = {
      {"mode", 1, nullptr, 'm'}, {"clients", 1, nullptr, 'c'},  {"states", 1, nullptr, 's'},
      {"size", 1, nullptr, 'z'}, {"duration", 1, nullptr, 'd'}, {"warmup", 1, nullptr, 'w'},
      {"base", 1, nullptr, 'b'}, {"user", 1, nullptr, 'u'},     {"password", 1, nullptr, 'p'},
      {"pids", 1, nullptr, 'i'}, {"no-md5", 0, nullptr, '5'},   {"no-check", 0, nullptr, 'k'},
      {"json", 0, nullptr, 'j'}, {"fresh", 0, nullptr, 'f'},    {"pause", 1, nullptr, 'a'},
      {nullptr, 0, nullptr, 0}};
  WorkloadOptions& work = options->workload;
  using std::chrono::steady_clock;
  const int64_t now_us =
      std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now().time_since_epoch())
          .count();
  work.base += std::to_string(now_us % 1000000000) + "-";
  if (const char* user = getenv("TF_HTTP_USERNAME")) work.user = user;
  if (const char* password = getenv("TF_HTTP_PASSWORD")) work.password = password;
  for (int c = 0; (c = getopt_long(argc, argv, "", kLong, nullptr)) != -1;) {
    const std::string value = optarg == nullptr ? "" : optarg;
    auto number = [&] { return static_cast<size_t>(strtoull(value.c_str(), nullptr, 10)); };
    switch (c) {
      case 'm':
        work.mode = value;
        break;
      case 'c':
        options->clients = number();
        break;
      case 's':
        options->states = number();
        break;
      case 'z':
        work.size = number();
        break;
      case 'd':
        options->duration_s = strtod(value.c_str(), nullptr);
        break;
      case 'w':
        options->warmup_s = strtod(value.c_str(), nullptr);
        break;
      case 'b':
        work.base = value;
        break;
      case 'u':
        work.user = value;
        break;
      case 'p':
        work.password = value;
        break;
      case 'i':
        options->pids = Numbers(value);
        break;
      case 'a':
        options->pause_us = std::strtoll(value.c_str(), nullptr, 10) * 1000;
        break;
      case 'f':
        options->fresh = true;
        break;
      case '5':
        work.md5 = false;
        break;
      case 'k':
        options->check = false;
        break;
      case 'j':
        options->json = true;
        break;
      default:
        return false;
    }
  }
  if (options->states == 0) options->states = options->clients;
  bool known = work.mode == "cycle" || work.mode == "get" || work.mode == "lock" ||
               work.mode == "post" || work.mode == "turns";
  return known && optind + 1 == argc && options->address.Parse(argv[optind]) &&
         options->clients > 0 && options->states >= options->clients && options->duration_s > 0;
}

}  // namespace bench
