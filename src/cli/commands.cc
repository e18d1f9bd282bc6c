#include <algorithm>

#include "cli/cmd.h"
#include "cli/command.h"
#include "cli/commands_moving.h"

namespace stateward {
namespace {

using K = ParamKind;
using N = HostNeeds;
using U = ParamUse;

constexpr Param kAdopt[] = {
    {"state", K::kState, U::kOptionalArgument, "PROJECT/NAME", "the state of one namespace"},
    {"from",
     K::kText,
     U::kOption,
     "NAMESPACE",
     "the namespace, if several secrets have a state of this name (they are listed)",
     {},
     1,
     64},
    {"all", K::kFlag, U::kOption, "",
     "every state of the secrets, and each blob of terraform-backend that a secret and a name "
     "explain"},
    {"secrets", K::kFile, U::kOption, "FILE",
     "a secret a line; mode 0600. With --all, the states of these; with PROJECT/NAME, only for a "
     "state of which terraform-backend may hold a lock: it is found by its secret alone"},
    {"names", K::kFile, U::kOption, "FILE", "with --all: PROJECT/NAME a line; mode 0600"},
    {"names-from-log", K::kFile, U::kManyOptions, "FILE",
     "with --all: takes names from an access log of nginx or Apache"},
    kDryRunParam,
    {"done", K::kFlag, U::kOption, "",
     "declare that nobody needs the remaining blobs: absent names are 404 again, for ever"},
};

constexpr Param kBackendConfig[] = {
    {"state", K::kState, U::kArgument, "PROJECT/NAME", "the state"},
    {"site",
     K::kText,
     U::kRequiredOption,
     "URL",
     "the address of all states on the web server: https://HOST/state",
     {},
     8,
     1024},
};

constexpr Param kConvertTransit[] = {
    {"file", K::kText, U::kArgument, "FILE", "a state of terraform-backend, vault:vN:…"},
    {"in-place", K::kFlag, U::kOption, "", "replace the file, and keep the old one as FILE.backup"},
};

constexpr Param kDecrypt[] = {
    {"file", K::kText, U::kArgument, "FILE",
     "a version, .../states/<aa>/<state id>/<20 digits>, a kept upload, or a blob of "
     "terraform-backend"},
    {"store-id", K::kText, U::kOption, "ID", "32 hex digits, from the identity file", {}, 32, 32},
    {"state-id", K::kText, U::kOption, "ID", "64 hex digits", {}, 64, 64},
    {"version", K::kNumber, U::kOption, "N", "its number; 0 for a kept upload"},
    {"legacy", K::kFlag, U::kOption, "", "FILE is a blob of terraform-backend, whatever its name"},
    {"info", K::kFlag, U::kOption, "",
     "also print what is sealed with the state, as a line of JSON on the standard error"},
};

constexpr Param kDoctor[] = {
    {"url",
     K::kText,
     U::kArgument,
     "URL",
     "the address of a state that is not there: https://HOST/state/doctor/test",
     {},
     8,
     1024},
    {"login", K::kText, U::kOption, "FILE",
     "user and password, a line each; mode 0600. Without it TF_HTTP_USERNAME, TF_HTTP_PASSWORD"},
    {"ca-file", K::kText, U::kOption, "FILE", "trust certificates of these authorities, as PEM"},
    {"pause", K::kNumber, U::kOption, "SECONDS", "how long the slow body pauses", "25", 1, 60},
    {"plain-port", K::kNumber, U::kOption, "PORT", "where plain HTTP answers", "80", 1, 65535},
};

constexpr Param kDropName[] = {
    {"state", K::kState, U::kArgument, "PROJECT/NAME", "the name"},
    {"yes", K::kFlag, U::kOption, "", "free it"},
};

constexpr Param kInit[] = {
    {"locks", K::kFlag, U::kOption, "",
     "give the store to the lock service of these settings; stop every server of the old one "
     "first"},
};

constexpr Param kKeys[] = {
    {"retired",
     K::kText,
     U::kManyOptions,
     "KEY",
     "fail if anything still needs this key (its id; for Transit ID:vN). Take the key away only "
     "when this succeeds",
     {},
     1,
     128},
};

constexpr Param kNewName[] = {
    {"name", K::kText, U::kArgument, "NAME", "as the policy file will call it", {}, 1, 256},
};

constexpr Param kPolicyCheck[] = {
    {"file", K::kText, U::kOptionalArgument, "FILE", "without it, the one of AUTH_POLICY_FILE"},
};

constexpr Param kPolicyTest[] = {
    {"method",
     K::kChoice,
     U::kArgument,
     "METHOD",
     "what is asked for",
     {},
     0,
     kNoLimit,
     "GET|POST|PUT|LOCK|UNLOCK|DELETE|OUTPUTS"},
    {"state", K::kState, U::kArgument, "PROJECT/NAME", "of which state"},
    {"policy", K::kText, U::kOption, "FILE", "without it, the file of AUTH_POLICY_FILE"},
    {"claims", K::kText, U::kOption, "FILE",
     "who asks: a token with these claims, as JSON, with issuer, audience and times"},
    {"at", K::kTime, U::kOption, "TIME", "look at another time than now"},
    {"user", K::kText, U::kOption, "NAME", "who asks: a user of the policy"},
    {"token", K::kText, U::kOption, "NAME", "who asks: a machine token of the policy"},
    {"proxy-user", K::kText, U::kOption, "NAME", "who asks: a user of the web server"},
    {"certificate", K::kText, U::kOption, "SUBJECT", "who asks: a client certificate"},
};

constexpr Param kReference[] = {
    {"form",
     K::kChoice,
     U::kArgument,
     "FORM",
     "what is made of the tables",
     {},
     0,
     kNoLimit,
     "markdown|man|bash|zsh"},
};

constexpr Param kRekey[] = {
    kDryRunParam,
    {"yes", K::kFlag, U::kOption, "",
     "go on even if running servers do not know that key: they will answer 503"},
    {"to-env-file", K::kEnvFile, U::kOption, "FILE",
     "seal with the keys that FILE's settings name (KMS_*, VAULT_*), and open with those of this "
     "host's settings, too"},
};

constexpr Param kUpgrade[] = {
    kDryRunParam,
    {"yes", K::kFlag, U::kOption, "",
     "go on even if running servers do not know that format: they answer 503 then"},
};

constexpr Command kCommands[] = {
    {"adopt", N::kStore, kAdopt,
     "gives states that were stored with basic auth to identified users, with their history",
     "Kept uploads come along. The old namespace answers 409 afterwards. You may repeat it, also "
     "after it was killed. With --all, names that the store or the policy knows are tried, too; at "
     "the end it says how many blobs of terraform-backend match no secret and name.",
     "statewardctl adopt net/prod --dry-run\n"
     "statewardctl adopt --all --secrets secrets --names names\n",
     CmdAdopt},
    {"backend-config", N::kNothing, kBackendConfig,
     "prints the backend block and the environment for a state",
     "The block alone is the output; the environment is a note on the standard error.",
     "statewardctl backend-config net/prod --site https://state.example.org/state\n"
     "statewardctl backend-config net/prod --site https://state.example.org/state > backend.tf\n",
     CmdBackendConfig},
    {"convert-transit", N::kStore, kConvertTransit,
     "turns a state of terraform-backend that Transit encrypted into the form of its local key",
     "Works without Vault: KMS_KEY (and KMS_KEYRING) must hold the keys that were exported from "
     "Transit, and the state must open with one of them. Writes to the output. Records of "
     "Stateward need no conversion: KMS_TRANSIT_EXPORTED opens them.",
     "statewardctl convert-transit --in-place 0d2c….tfstate\n", CmdConvertTransit},
    {"backup",
     N::kStore,
     {},
     "writes everything of the store into one tar file, while servers work",
     "Sealed records stay sealed, and the keys are not in it. Each state is as it was at one "
     "moment. docs/moving/store.md says more.",
     "statewardctl backup --output stateward-backup.tar\n",
     CmdBackup},
    {"backup verify", N::kSettings, kBackupVerifyParams,
     "reads a backup to its end, compares every digest and opens everything; writes nothing", "",
     "statewardctl backup verify stateward-backup.tar\n", CmdBackupVerify},
    {"copy", N::kStore, kCopyParams, "moves the whole store to another storage, while servers work",
     "Sealed records are moved without opening them. In the end the source is closed: every server "
     "of it answers 503, and the target opens, with its own lock service. Never both are open. "
     "Locks that are held, and states that the target alone has, stop it before anything is "
     "closed (exit code 4). May be stopped at any "
     "moment and run again. docs/moving/store.md says more.",
     "statewardctl copy --to-env-file postgres.env --wait 600\n", CmdCopy},
    {"decrypt", N::kSettings, kDecrypt,
     "opens a record of the fs storage without a server and writes the state to the output",
     "Needs the settings of the keys (KMS_*, VAULT_*) as the server has them; without Vault, the "
     "key from the KV secret in KMS_KEY, or the exported Transit keys in KMS_TRANSIT_EXPORTED. "
     "Options give what the path and the store's identity file do not tell.",
     "statewardctl decrypt states/ab/ab12…/00000000000000000007 -o state.json\n", CmdDecrypt},
    {"doctor", N::kNothing, kDoctor,
     "plays a client against a live site and says what in nginx or Apache is set wrong",
     "It makes the state, locks it, writes 5 MB, reads, releases the lock (by force, too), and "
     "deletes what it made. For each thing that is wrong it says which line is needed. The exit "
     "code is 0 when nothing "
     "is wrong, 1 when something is, 3 when no site answers.",
     "TF_HTTP_USERNAME=alice TF_HTTP_PASSWORD=… "
     "statewardctl doctor https://state.example.org/state/doctor/test\n",
     CmdDoctor},
    {"drop-name", N::kStore, kDropName,
     "shows which states of basic auth keep identified users from a name; --yes frees it",
     "Requests of identified users for such a name are answered 409. The states stay readable "
     "under their secrets, and never hold the name again. To hand such a state over, use adopt.",
     "statewardctl drop-name net/prod\n", CmdDropName},
    {"export", N::kStore, kExportParams, "writes states in clear text into a tar file",
     "PROJECT/NAME.tfstate, byte for byte as the client sent it, with the time of its version. "
     "Without --output the tar file goes to the standard output, for a program that encrypts it. "
     "With --original-key, terraform-backend reads the files (docs/moving/out.md).",
     "statewardctl export '**' --versions | age -r age1… > states.tar.age\n"
     "statewardctl export net/prod --output prod.tar\n",
     CmdExport},
    {"import", N::kStore, kImportParams,
     "takes states over from elsewhere, with lineage, serial and all versions that the source has",
     "Shows a table first of what comes from where (with --dry-run nothing else). A state is "
     "locked "
     "meanwhile, here and, where that can be, there. On an address that is in use only what "
     "continues it is put. What came is read again and compared. May be stopped at any moment and "
     "run again: what is done is passed over. docs/moving/import.md says more.",
     "statewardctl import --folder . --to 'net/network-{workspace}' --dry-run\n", CmdImport},
    {"init", N::kStore, kInit,
     "makes the store's identity file in a place that is empty or holds terraform-backend's data",
     "", "statewardctl init\n", CmdInit},
    {"keygen",
     N::kNothing,
     {},
     "prints a fresh key for KMS_KEY: 32 random bytes in base64; it is stored nowhere",
     "",
     "umask 077; statewardctl keygen > /etc/stateward/kms.key\n",
     CmdKeygen},
    {"keys", N::kStore, kKeys, "counts, for each key, what needs it",
     "Versions, kept uploads, states of terraform-backend that nobody has written to since, the "
     "store's secret. The key that seals now is marked. A key of Transit has a line for each of "
     "its versions. With --json a key has the members key, versions, states, uploads, original, "
     "secret, from and seals.",
     "statewardctl keys\n"
     "statewardctl keys --retired 630dcd2966c4336691125448bbb25b4f\n",
     CmdKeys},
    {"passwd", N::kNothing, kNewName, "makes a user's lines for the policy file",
     "Asks for the password, twice at a terminal and without showing it; elsewhere it is one line "
     "of the standard input.",
     "statewardctl passwd alice >> policy.toml\n", CmdPasswd},
    {"policy check", N::kSettings, kPolicyCheck,
     "says what is wrong with a policy file, with line and column", "",
     "statewardctl policy check policy.toml\n", CmdPolicyCheck},
    {"policy test", N::kSettings, kPolicyTest, "says what a policy would decide, and by which rule",
     "Exactly one option says who asks. The exit code is 0 when it is allowed.",
     "statewardctl policy test --user alice POST net/prod\n"
     "statewardctl policy test --claims claims.json --at 2027-01-31T00:00:00Z LOCK net/prod\n",
     CmdPolicyTest},
    {"reference", N::kNothing, kReference, "prints what is made of the tables of all commands", "",
     "statewardctl reference markdown\n", CmdReference, true},
    {"rekey", N::kStore, kRekey,
     "seals everything again with the key that seals now, while servers work",
     "Every version of every state, the kept uploads and the store's secret. States of "
     "terraform-backend stay as they are. You may stop it at any moment and run it again: it skips "
     "what is done. Give all servers the new key first.",
     "statewardctl rekey --dry-run\n", CmdRekey},
    {"restore", N::kStore, kRestoreParams, "makes a closed store of a backup",
     "The place must be empty. The store is closed, so that nobody is served by mistake: "
     "`statewardctl init --locks` opens it. May be stopped at any moment and run again.",
     "statewardctl restore stateward-backup.tar --into new.env --new-identity\n", CmdRestore},
    {"token", N::kNothing, kNewName, "makes a machine token",
     "The token itself is printed once, on the standard error; its lines for the policy file, "
     "which hold only a digest, on the output.",
     "statewardctl token runner >> policy.toml\n", CmdToken},
    {"upgrade", N::kStore, kUpgrade, "raises the store to the newest format that this build knows",
     "A newer build reads and writes the store's format until this command raises it. From then on "
     "older builds answer 503 and write nothing. There is no way back but a backup.",
     "statewardctl upgrade --dry-run\n", CmdUpgrade},
    {"webhook test",
     N::kSettings,
     {},
     "sends one event to the webhook and says what came of it",
     "The event is webhook.test. It goes where WEBHOOK_URL says, signed and judged as a server's "
     "events are.",
     "statewardctl webhook test\n",
     CmdWebhookTest},
};

// An empty value is a script's variable that is not set, and never what was meant.
constexpr Param TextOption(std::string_view name, std::string_view value, std::string_view help) {
  return {name, K::kText, U::kOption, value, help, {}, 1};
}

// In the order of the help.
constexpr Param kCommon[] = {
    TextOption("env-file", "FILE",
               "the file of settings; without it those of the unit, otherwise of the environment"),
    TextOption("unit", "UNIT", "the unit that starts the server, by name or path of its file"),
    TextOption("user", "USER", "the server's user, where no unit starts it"),
    TextOption("server", "URL",
               "do it over the API of the server at this https address, with your own credentials: "
               "TF_HTTP_USERNAME and TF_HTTP_PASSWORD, or --credentials"),
    TextOption("ca-file", "FILE",
               "with --server: the authorities (PEM) that signed the server's certificate; without "
               "it the system's"),
    TextOption("credentials", "FILE",
               "with --server: USER:PASSWORD in a file that nobody else may read"),
    TextOption("output", "FILE", "write the output into this new file, mode 0600"),
    {"force", K::kFlag, U::kOption, "", "replace an existing FILE"},
    {"json", K::kFlag, U::kOption, "", "rows as JSON, for programs"},
    {"quiet", K::kFlag, U::kOption, "", "no progress, no notes"},
    {"help", K::kFlag, U::kOption, "", "show this help; behind a command, the command's"},
    {"version", K::kFlag, U::kOption, "", "show the version"},
};

}  // namespace

const Param kYesParam = {"yes", K::kFlag, U::kOption, "", "do it without asking"};

TableView<Command> Commands() { return kCommands; }

ParamTable CommonParams() { return kCommon; }

std::vector<CommandForm> CommandForms() {
  std::vector<CommandForm> forms;
  for (const Operation& row : Operations()) {
    forms.push_back({row.name, HostNeeds::kStore, row.params, row.help, row.about, row.examples,
                     &row, nullptr});
  }
  for (const Command& row : kCommands) {
    forms.push_back(
        {row.name, row.needs, row.params, row.help, row.about, row.examples, nullptr, &row});
  }
  std::sort(forms.begin(), forms.end(),
            [](const CommandForm& a, const CommandForm& b) { return a.name < b.name; });
  return forms;
}

}  // namespace stateward
