// Counts what the server does and shows it as Prometheus text (docs/metrics.md).
// Thread-safe.
#ifndef STATEWARD_METRICS_METRICS_H_
#define STATEWARD_METRICS_METRICS_H_

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "metrics/region.h"
#include "stateward/observer.h"

namespace stateward {

struct BackendNames {
  std::string storage;
  std::string lock;
  std::string kms;
};

class Metrics : public Observer {
 public:
  // `region` may be null: then nothing is counted, and Render() says only what it knows.
  Metrics(std::unique_ptr<Region> region, BackendNames names);

  void OnRequest(RouteName route, Method method, int status, int64_t duration_us) override;
  void OnBackendCall(BackendKind kind, std::string_view call, bool ok,
                     int64_t duration_us) override;
  void OnUploadKept() override;
  void OnTokenDisagreement() override;
  void OnAuditLost() override;
  void OnWriteRefused(std::string_view reason) override;
  void OnNoOpRecord() override;
  void OnPoolWait(std::string_view pool, bool ok, int64_t duration_us) override;
  void OnSync(int64_t duration_us) override;
  void OnConnectionEnded(std::string_view reason) override;
  void OnConnections(const ConnectionGauges& now) override;
  void OnAuditWritten(uint64_t lines) override;

  // Prometheus text of others, shown with ours. Once, before the first Render().
  void SetMore(std::function<std::string()> more) { more_ = std::move(more); }

  // How many blobs of the original nobody has taken over; nullopt: not counted.
  using LookUpUntouched = std::function<std::optional<uint64_t>()>;
  void SetUntouched(LookUpUntouched look_up);

  // Prometheus text format 0.0.4.
  std::string Render();

 private:
  void Count(size_t counter, uint64_t n = 1);
  void Observe(size_t histogram, int64_t duration_us);
  std::optional<uint64_t> Untouched();

  std::unique_ptr<Region> region_;
  const BackendNames names_;
  std::mutex mutex_;
  std::function<std::string()> more_;
  LookUpUntouched look_up_untouched_;
};

}  // namespace stateward

#endif  // STATEWARD_METRICS_METRICS_H_
