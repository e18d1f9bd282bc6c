// States of Terraform's s3 backend: the default workspace under KEY, the others under
// WORKSPACE_KEY_PREFIX/WORKSPACE/KEY. Old versions where the bucket keeps them. Locked by
// KEY.tflock, as use_lockfile does; the locks of a DynamoDB table are not seen.
#ifndef STATEWARD_MOVING_S3_SOURCE_H_
#define STATEWARD_MOVING_S3_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "moving/source.h"
#include "s3/s3_client.h"
#include "stateward/clock.h"

namespace stateward {

struct S3SourceOptions {
  S3Settings settings;  // the bucket's
  std::string key;      // of the default workspace
  std::string workspace_key_prefix = "env:";
};

class S3Source : public Source {
 public:
  static Result<std::unique_ptr<Source>> Open(S3SourceOptions options, const Clock& clock);
  S3Source(S3SourceOptions options, std::unique_ptr<S3Client> client, const Clock& clock)
      : options_(std::move(options)), client_(std::move(client)), clock_(clock) {}

  Result<std::vector<SourceState>> List() override;
  Result<std::vector<SourceVersion>> Versions(const SourceState& state) override;
  Result<SecretBytes> Read(const SourceState& state, const SourceVersion& version) override;
  Result<SourceLock> Lock(const SourceState& state) override;
  Status Unlock(const SourceState& state) override;

 private:
  std::string PlaceOf(const std::string& key) const {
    return "s3://" + options_.settings.bucket + "/" + key;
  }
  std::string KeyOf(const SourceState& state) const {
    return state.place.substr(PlaceOf("").size());
  }

  const S3SourceOptions options_;
  const std::unique_ptr<S3Client> client_;
  const Clock& clock_;
};

}  // namespace stateward

#endif  // STATEWARD_MOVING_S3_SOURCE_H_
