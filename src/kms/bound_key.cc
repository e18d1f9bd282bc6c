#include "kms/bound_key.h"

#include <array>

#include "base/hex.h"
#include "base/sha256.h"
#include "stateward/secret.h"

namespace stateward {
namespace {

constexpr std::string_view kTag = "stateward wrapped key v1";

Result<Sha256Digest> PlaceDigest(const SealContext& where) {
  std::array<uint8_t, 16> store;
  std::array<uint8_t, 32> state;
  if (!HexDecode(where.store_id, store.data(), store.size())) {
    return Status::InvalidArgument("a store id has 32 hex digits");
  }
  if (!HexDecode(where.id.hex(), state.data(), state.size())) {
    return Status::InvalidArgument("a state id has 64 hex digits");
  }
  Sha256Stream stream;
  stream.Update(kTag);
  stream.Update(store);
  stream.Update(state);
  return stream.Finish();
}

}  // namespace

Result<SecretBytes> BindKey(ByteView key, const SealContext& where) {
  Result<Sha256Digest> place = PlaceDigest(where);
  if (!place.ok()) return place.status();
  SecretBytes bound;
  bound.reserve(kBoundKeyBytes);
  bound.insert(bound.end(), key.begin(), key.end());
  bound.insert(bound.end(), place->begin(), place->end());
  return bound;
}

Result<SecretBytes> UnbindKey(ByteView bound, const SealContext& where) {
  Result<Sha256Digest> place = PlaceDigest(where);
  if (!place.ok()) return place.status();
  if (bound.size() != kBoundKeyBytes) return Status::Corruption("what was wrapped is no data key");
  if (!EqualInConstantTime(bound.Sub(kKeyBytes, place->size()), *place)) {
    return Status::Corruption("the wrapped key belongs to another state or another store");
  }
  const ByteView key = bound.Sub(0, kKeyBytes);
  return SecretBytes(key.begin(), key.end());
}

}  // namespace stateward
