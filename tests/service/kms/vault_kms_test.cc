// The Kms cases over a real Vault: KV v2 and Transit.
#include <CppUTest/TestHarness.h>

#include <set>

#include "base/base64.h"
#include "conformance/kms_cases.h"
#include "kms/key_tag.h"
#include "kms/key_text.h"
#include "kms/open_kms.h"
#include "service/service_env.h"
#include "vault/vault_json.h"

namespace stateward {
namespace {

using kms_cases::CheckCode;
using kms_cases::CheckOpens;
using kms_cases::MustSeal;
using kms_cases::StateText;
using kms_cases::Where;

VaultOptions RealVault() {
  VaultOptions options;
  options.address = ServiceEnv("VAULT_ADDR");
  options.auth.token = SecretString(ServiceEnv("VAULT_TOKEN"));
  return options;
}

// The administrator's side. Names are of this test alone, so that tests do not meet.
class Admin {
 public:
  void Post(const std::string& path, const std::string& body) {
    Result<VaultAnswer> answer = client_->Call({"POST", path, body});
    if (!answer.ok()) FAIL(answer.status().detail().c_str());
    CHECK_TRUE_TEXT(answer->status == 200, answer->error.c_str());
  }
  void Delete(const std::string& path) { (void)client_->Call({"DELETE", path}); }
  std::string PutKey(const std::string& name) {
    const std::string key(NewKeyText().Reveal());
    Post("kv/data/" + name, "{\"data\":{\"key\":\"" + key + "\"}}");
    return key;
  }

 private:
  std::unique_ptr<VaultClient> client_ = *VaultClient::New(RealVault(), SystemClock(), nullptr);
};

KmsSettings Kv(const std::string& name) {
  KmsSettings settings;
  settings.backend = "vault";
  settings.vault_key_path = "kv/data/" + name;
  settings.vault = RealVault();
  return settings;
}

KmsSettings Transit(const std::string& name) {
  KmsSettings settings;
  settings.backend = "transit";
  settings.transit_engine = "transit";
  settings.transit_key = name;
  settings.vault = RealVault();
  return settings;
}

constexpr std::string_view kDoc = "{ }";

KeyTag TagIn(const Bytes& record) { return TagOf(*ParseHeader(record)); }

}  // namespace

TEST_GROUP(KvKms) {
  Admin admin;
  std::string name = "test-" + RandomHex(6);
  std::unique_ptr<Kms> kms;
  void setup() override {
    admin.PutKey(name);
    kms = *OpenKms(Kv(name));
  }
};
KMS_CONFORMS(KvKms)

TEST(KvKms, VersionsRotateAndAreDeleted) {
  const Bytes first = MustSeal(*kms, Where(), kDoc);
  admin.PutKey(name);
  std::unique_ptr<Kms> other = *OpenKms(Kv(name));
  const Bytes second = MustSeal(*other, Where(), kDoc);
  CHECK(TagIn(first).id != TagIn(second).id);
  CheckOpens(*other, Where(), first, kDoc);
  CheckOpens(*kms, Where(), second, kDoc);  // looked up
  admin.Post("kv/delete/" + name, "{\"versions\":[2]}");
  std::unique_ptr<Kms> late = *OpenKms(Kv(name));
  CheckCode(Code::kUnknownKey, late->Open(Where(), second));
  CHECK(TagIn(MustSeal(*late, Where(), kDoc)).id == TagIn(first).id);
  CheckOpens(*kms, Where(), second, kDoc);  // kept in memory
  admin.Post("kv/destroy/" + name, "{\"versions\":[1,2]}");
  CHECK((*OpenKms(Kv(name)))->Check().detail().find("deleted or destroyed") != std::string::npos);
  CHECK((*OpenKms(Kv(name + "x")))->Check().detail().find("no secret") != std::string::npos);
}

TEST_GROUP(TransitKms) {
  Admin admin;
  std::string name = "test-" + RandomHex(6);
  std::unique_ptr<Kms> kms;
  void setup() override {
    admin.Post("transit/keys/" + name, "{}");
    kms = *OpenKms(Transit(name));
  }
};
KMS_CONFORMS(TransitKms)

TEST(TransitKms, StatesOf200Megabytes) {
  const std::string document = StateText(200 << 20);
  const Bytes record = MustSeal(*kms, Where(), document);
  CheckOpens(**OpenKms(Transit(name)), Where(), record, document);
}

TEST(TransitKms, RotationAsItsUsersExpect) {
  const Bytes first = MustSeal(*kms, Where(), kDoc);
  admin.Post("transit/keys/" + name + "/rotate", "{}");
  const Bytes second = MustSeal(*kms, Where(), kDoc);
  LONGS_EQUAL(1, TagIn(first).version);
  LONGS_EQUAL(2, TagIn(second).version);
  CheckOpens(**OpenKms(Transit(name)), Where(), first, kDoc);
  admin.Post("transit/keys/" + name + "/config", "{\"min_decryption_version\":2}");
  std::unique_ptr<Kms> fresh = *OpenKms(Transit(name));
  Result<Opened> refused = fresh->Open(Where(), first);
  CheckCode(Code::kUnknownKey, refused);
  STRCMP_CONTAINS("too old", refused.status().detail().c_str());
  CheckOpens(*fresh, Where(), second, kDoc);
}

TEST(TransitKms, AMissingKeyIsNotMade) {
  std::unique_ptr<Kms> other = *OpenKms(Transit(name + "-missing"));
  CheckCode(Code::kUnavailable, other->Seal(Where(), kms_cases::InfoOf(kDoc), kDoc));
  CheckCode(Code::kUnavailable, other->Seal(Where(), kms_cases::InfoOf(kDoc), kDoc));
  admin.Post("transit/keys/" + name + "/config", "{\"deletion_allowed\":true}");
  const Bytes record = MustSeal(*kms, Where(), kDoc);
  admin.Delete("transit/keys/" + name);
  CheckOpens(*kms, Where(), record, kDoc);  // from the cache
  CheckCode(Code::kUnavailable, (*OpenKms(Transit(name)))->Open(Where(), record));
}

TEST(TransitKms, WholeStatesOfTheOriginal) {
  Result<std::unique_ptr<VaultClient>> client =
      VaultClient::New(RealVault(), SystemClock(), nullptr);
  const std::string document = "{\"version\":4,\"text\":\"" + std::string(500000, 'x') + "\"}";
  const std::string body = "{\"plaintext\":\"" + Base64Encode(document) + "\"}";
  Result<VaultAnswer> answer =
      (*client)->Call({"POST", "transit/encrypt/" + name, body, uint64_t{4} << 20});
  if (!answer.ok()) FAIL(answer.status().detail().c_str());
  auto text = *JsonText(answer->body, {"data", "ciphertext"});
  Result<SecretBytes> opened = kms->OpenLegacy(text->Reveal());
  CHECK(opened.ok());
  CHECK(ByteView(*opened) == ByteView(document));
  // What Vault's listener forbids is said, and does not stand in the way of other calls.
  const std::string large = "vault:v1:" + std::string(2 << 20, 'A');
  Result<SecretBytes> refused = kms->OpenLegacy(large);
  CheckCode(Code::kUnavailable, refused);
  STRCMP_CONTAINS("max_json_string_value_length", refused.status().detail().c_str());
  const Bytes record = MustSeal(*kms, Where(), kDoc);
  // A1: what the record says in clear is no state of the original.
  CheckCode(Code::kCorruption, kms->OpenLegacy(ParseHeader(record)->wrapped));
}

}  // namespace stateward
