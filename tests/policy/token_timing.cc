// Does the time of a machine token's check tell how much of it was right? Welch's t-test over two
// kinds of wrong tokens: one that differs from a good one in its last digit, and random ones.
//   token_timing [SAMPLES]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "auth/logins.h"
#include "base/random.h"
#include "base/sha256.h"

namespace stateward {
namespace {

struct Sums {
  double n = 0;
  double mean = 0;
  double m2 = 0;
  void Add(double x) {
    ++n;
    double d = x - mean;
    mean += d / n;
    m2 += d * (x - mean);
  }
  double Variance() const { return m2 / (n - 1); }
};

double TimeOf(const Policy& policy, const SecretString& token) {
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    if (Logins::FindToken(policy, token) != nullptr) std::abort();
  }
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

int Run(int samples) {
  Policy policy;
  std::string good;
  for (int i = 0; i < 20; ++i) {
    good = NewMachineToken();
    policy.tokens.push_back({std::to_string(i), Sha256(good), 0});
  }
  std::string near = good;
  near.back() = near.back() == '0' ? '1' : '0';
  std::mt19937 rng(20261125);
  // All made before, so that nothing but the check itself differs between the kinds.
  std::vector<std::pair<size_t, SecretString>> tokens;
  for (int i = 0; i < 2 * samples; ++i) {
    std::string random = NewMachineToken();
    size_t kind = rng() & 1;
    tokens.emplace_back(kind, SecretString(kind == 0 ? near : random));
  }
  std::vector<double> times[2];
  for (const auto& [kind, token] : tokens) times[kind].push_back(TimeOf(policy, token));
  // What a busy machine adds is cut off, the same for both.
  std::vector<double> all(times[0]);
  all.insert(all.end(), times[1].begin(), times[1].end());
  std::sort(all.begin(), all.end());
  double limit = all[all.size() * 9 / 10];
  Sums sums[2];
  for (int kind = 0; kind < 2; ++kind) {
    for (double t : times[kind]) {
      if (t <= limit) sums[kind].Add(t);
    }
  }
  double t = (sums[0].mean - sums[1].mean) /
             std::sqrt(sums[0].Variance() / sums[0].n + sums[1].Variance() / sums[1].n);
  printf("near miss %.0f ns (%d), random %.0f ns (%d), t = %.2f\n", sums[0].mean / 20,
         static_cast<int>(sums[0].n), sums[1].mean / 20, static_cast<int>(sums[1].n), t);
  return std::fabs(t) < 4.5 ? 0 : 1;
}

}  // namespace
}  // namespace stateward

int main(int argc, char** argv) { return stateward::Run(argc > 1 ? std::atoi(argv[1]) : 10000); }
