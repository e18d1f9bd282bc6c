// What the metrics say of what was counted.
#include "metrics/metrics.h"

#include <CppUTest/TestHarness.h>

#include <filesystem>
#include <memory>
#include <string>

namespace stateward {

TEST_GROUP(Metrics) {
  char folder[40] = "/tmp/stateward-metrics-XXXXXX";

  void setup() override { CHECK(mkdtemp(folder) != nullptr); }
  void teardown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::unique_ptr<Metrics> Of(const char* storage, const char* lock) const {
    Result<std::unique_ptr<Region>> region = Region::Open(folder);
    CHECK(region.ok());
    return std::make_unique<Metrics>(std::move(*region), BackendNames{storage, lock, "local"});
  }
};

TEST(Metrics, WaitsForAConnectionAreShownForThePoolsThereAre) {
  std::unique_ptr<Metrics> metrics = Of("postgres", "redis");
  metrics->OnPoolWait("postgres", true, 2000);
  metrics->OnPoolWait("postgres", false, 5000000);
  const std::string text = metrics->Render();
  for (const char* line :
       {"stateward_pool_wait_duration_seconds_bucket{pool=\"postgres\",le=\"0.0025\"} 1\n",
        "stateward_pool_wait_duration_seconds_count{pool=\"postgres\"} 2\n",
        "stateward_pool_wait_duration_seconds_count{pool=\"redis\"} 0\n",
        "stateward_pool_wait_failures_total{pool=\"postgres\"} 1\n",
        "stateward_pool_wait_failures_total{pool=\"redis\"} 0\n"}) {
    CHECK_TEXT(text.find(line) != text.npos, line);
  }
}

TEST(Metrics, WithoutAPoolThereIsNothingToSayOfIt) {
  std::unique_ptr<Metrics> metrics = Of("fs", "local");
  CHECK(metrics->Render().find("pool=") == std::string::npos);
}

}  // namespace stateward
