#include "workload.h"

#include <openssl/evp.h>

#include <cstdio>
#include <cstring>

namespace bench {
namespace {

// Splitmix64: states and lock IDs are to differ, not to be secret.
uint64_t Next(uint64_t* random) {
  uint64_t z = (*random += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::string Hex(uint64_t* random, size_t digits) {
  std::string out;
  char piece[17];
  while (out.size() < digits) {
    snprintf(piece, sizeof piece, "%016llx", static_cast<unsigned long long>(Next(random)));
    out += piece;
  }
  out.resize(digits);
  return out;
}

std::string Uuid(uint64_t* random) {
  return Hex(random, 8) + "-" + Hex(random, 4) + "-4" + Hex(random, 3) + "-a" + Hex(random, 3) +
         "-" + Hex(random, 12);
}

std::string Base64(const unsigned char* bytes, size_t n) {
  std::string out(4 * ((n + 2) / 3) + 1, '\0');
  int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes, static_cast<int>(n));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::string Md5(std::string_view bytes) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  EVP_Digest(bytes.data(), bytes.size(), sum, &n, EVP_md5(), nullptr);
  return Base64(sum, n);
}

// Indented as Terraform writes it, with ids that do not repeat: zstd makes about a quarter of it.
std::string Resource(uint64_t* random) {
  return "    {\n      \"mode\": \"managed\",\n      \"type\": \"aws_instance\",\n"
         "      \"name\": \"node-" +
         Hex(random, 8) +
         "\",\n      \"provider\": \"provider[\\\"registry.terraform.io/hashicorp/aws\\\"]\",\n"
         "      \"instances\": [\n        {\n          \"schema_version\": 1,\n"
         "          \"attributes\": {\n            \"ami\": \"ami-" +
         Hex(random, 17) +
         "\",\n            \"arn\": \"arn:aws:ec2:eu-central-1:123456789012:instance/i-" +
         Hex(random, 17) + "\",\n            \"private_dns\": \"ip-" + Hex(random, 8) +
         ".internal\",\n            \"user_data\": \"" + Hex(random, 40) +
         "\"\n          },\n          \"sensitive_attributes\": []\n        }\n      ]\n    }";
}

}  // namespace

const char* VerbName(Verb verb) {
  constexpr const char* kNames[kVerbs] = {"LOCK", "GET", "POST", "UNLOCK"};
  return kNames[static_cast<size_t>(verb)];
}

Document::Document(size_t size, uint64_t seed) {
  constexpr std::string_view kEnd = "\n  ],\n  \"check_results\": null\n}\n";
  text_ = "{\n  \"version\": 4,\n  \"terraform_version\": \"1.9.8\",\n  \"serial\": ";
  mark_at_ = text_.size();
  text_ += std::to_string(serial_) + ",\n  \"lineage\": \"" + Uuid(&seed) +
           "\",\n  \"outputs\": {},\n  \"resources\": [\n";
  // Enough that the whole document has `size` bytes: white space fills what no resource does.
  text_.reserve(size + 2048);
  for (bool first = true;; first = false) {
    std::string next = (first ? "" : ",\n") + Resource(&seed);
    if (text_.size() + next.size() + kEnd.size() > size) break;
    text_ += next;
  }
  if (text_.size() + kEnd.size() < size) text_.append(size - text_.size() - kEnd.size(), ' ');
  text_ += kEnd;
}

void Document::RaiseSerial() {
  std::string digits = std::to_string(++serial_);
  std::memcpy(text_.data() + mark_at_, digits.data(), digits.size());
}

Workload::Workload(const WorkloadOptions& options, size_t first_state, size_t states, uint64_t seed)
    : options_(options), random_(seed) {
  std::string secret = options_.user + ":" + options_.password;
  authorization_ =
      "Basic " + Base64(reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  for (size_t i = 0; i < states; ++i) {
    states_.push_back({options_.base + std::to_string(first_state + i), "", "",
                       Document(options_.size, Next(&random_))});
  }
}

std::vector<Verb> Workload::Prologue() const {
  if (options_.mode == "post") return {Verb::kPost, Verb::kLock};
  return {Verb::kPost};
}

std::vector<Verb> Workload::Round() const {
  if (options_.mode == "get") return {Verb::kGet};
  if (options_.mode == "post") return {Verb::kPost};
  if (options_.mode == "lock") return {Verb::kLock, Verb::kUnlock};
  return {Verb::kLock, Verb::kGet, Verb::kPost, Verb::kUnlock};
}

std::vector<Verb> Workload::Epilogue() const {
  if (options_.mode == "post") return {Verb::kUnlock};
  return {};
}

void Workload::NewLock(State* state) {
  state->lock_id = Uuid(&random_);
  state->lock_body =
      R"({"ID":")" + state->lock_id +
      R"(","Operation":"OperationTypeApply","Info":"","Who":"runner@bench","Version":"1.9.8",)" +
      R"("Created":"2025-01-01T00:00:00.000000000Z","Path":""})";
}

Request Workload::Make(Verb verb) {
  State& state = states_[at_];
  std::string_view body;
  if (verb == Verb::kLock) NewLock(&state);
  if (verb == Verb::kPost) {
    state.document.RaiseSerial();
    body = state.document.text();
  } else if (verb != Verb::kGet) {
    body = state.lock_body;
  }
  last_ = {Head(verb, state, body), body};
  if (verb == Verb::kUnlock) state.lock_id.clear();
  return last_;
}

std::string Workload::Head(Verb verb, const State& state, std::string_view body) const {
  std::string head;
  head.reserve(512);
  head.append(VerbName(verb)).append(" ").append(state.path);
  if (verb == Verb::kPost && !state.lock_id.empty()) head.append("?ID=").append(state.lock_id);
  head.append(" HTTP/1.1\r\nHost: ").append(options_.host);
  head.append("\r\nUser-Agent: Go-http-client/1.1\r\nAuthorization: ").append(authorization_);
  if (verb != Verb::kGet) {
    head.append("\r\nContent-Type: application/json\r\nContent-Length: ");
    head.append(std::to_string(body.size()));
    if (options_.md5) head.append("\r\nContent-MD5: ").append(Md5(body));
  }
  return head.append("\r\n\r\n");
}

}  // namespace bench
