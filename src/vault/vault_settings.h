// The VAULT_* settings: where Vault is, and how to log in to it.
#ifndef STATEWARD_VAULT_VAULT_SETTINGS_H_
#define STATEWARD_VAULT_VAULT_SETTINGS_H_

#include <cstdint>
#include <string>

#include "stateward/secret.h"

namespace stateward {

struct VaultAuth {
  SecretString token;      // VAULT_TOKEN
  std::string token_file;  // VAULT_TOKEN_FILE; wins, and is read again when it changes

  std::string approle_mount = "approle";
  std::string approle_role_id;
  SecretString approle_secret_id;
  std::string approle_secret_id_file;  // wins; read at each login

  std::string kube_mount = "kubernetes";
  std::string kube_role;
  std::string kube_token_file;  // read at each login: the kubelet exchanges it
};

struct VaultOptions {
  std::string address;          // VAULT_ADDR
  std::string name_space;       // VAULT_NAMESPACE
  std::string ca_file;          // VAULT_CACERT
  std::string client_cert;      // VAULT_CLIENT_CERT
  std::string client_key;       // VAULT_CLIENT_KEY
  std::string tls_server_name;  // VAULT_TLS_SERVER_NAME
  VaultAuth auth;
  // Between attempts: a random time below a bound that begins with this and doubles.
  int64_t first_pause_ms = 100;
};

}  // namespace stateward

#endif  // STATEWARD_VAULT_VAULT_SETTINGS_H_
