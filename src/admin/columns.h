// The columns of the operations' rows. Names and kinds are stable: scripts read them
// (docs/commands.md). A new column goes to the end of its table.
#ifndef STATEWARD_ADMIN_COLUMNS_H_
#define STATEWARD_ADMIN_COLUMNS_H_

#include "admin/reply.h"

namespace stateward {

// Whose row it is; NameRow (admin/find_state.h) has the values of both.
inline constexpr Column kStateColumn = {"state", ColumnKind::kText, "STATE", "PROJECT/NAME"};
inline constexpr Column kNamespaceColumn = {
    "namespace", ColumnKind::kText, "NAMESPACE",
    "the namespace of basic auth; null: the state belongs to identified users"};

inline constexpr Column kGateColumn = {
    "no_new_lock", ColumnKind::kText, "NO NEW LOCK",
    "why no new lock is given: a freeze or a maintenance, by whom and why; null: one is given",
    ColumnShown::kFilled};

inline constexpr Column kShowColumns[] = {
    kStateColumn,
    kNamespaceColumn,
    {"condition", ColumnKind::kText, "CONDITION",
     "ok; deleted; moved: it has another address now; damaged: its newest version does not open; "
     "unknown key: this server does not have its key; original: terraform-backend's, not written "
     "since"},
    {"version", ColumnKind::kNumber, "VERSION", "number of the newest version"},
    {"serial", ColumnKind::kNumber, "SERIAL", "of the newest version"},
    {"lineage", ColumnKind::kText, "LINEAGE", "of the newest version"},
    {"terraform_version", ColumnKind::kText, "TERRAFORM", "that wrote the newest version"},
    {"size", ColumnKind::kBytes, "SIZE", "of the newest document; null: deleted, or moved"},
    {"sha256", ColumnKind::kText, "SHA256",
     "of the newest document, in hex; null: you may not read it"},
    {"time", ColumnKind::kTime, "TIME", "when it was written"},
    {"principal", ColumnKind::kText, "BY", "who wrote it"},
    {"versions", ColumnKind::kNumber, "VERSIONS", "how many records are kept"},
    {"uploads", ColumnKind::kNumber, "UPLOADS", "how many refused uploads are kept"},
    {"lock", ColumnKind::kText, "LOCK", "the lock's ID; null: it is not locked"},
    {"lock_principal", ColumnKind::kText, "LOCKED BY", "who holds the lock"},
    {"lock_time", ColumnKind::kTime, "LOCKED SINCE", "when the lock was taken"},
    {"lock_operation", ColumnKind::kText, "LOCKED FOR", "what the lock was taken for"},
    kGateColumn,
};

inline constexpr Column kLocksColumns[] = {
    {"state", ColumnKind::kText, "STATE",
     "PROJECT/NAME; null: it has no version yet that says so, `unlock` takes the name all the "
     "same"},
    kNamespaceColumn,
    {"lock", ColumnKind::kText, "LOCK", "the lock's ID"},
    {"principal", ColumnKind::kText, "BY", "who holds it"},
    {"time", ColumnKind::kTime, "SINCE", "when it was taken"},
    {"operation", ColumnKind::kText, "OPERATION", "what it was taken for, as the client says"},
    {"who", ColumnKind::kText, "FROM", "user and host, as the client says"},
    {"client_version", ColumnKind::kText, "CLIENT", "the client's version, as it says"},
    {"info", ColumnKind::kText, "INFO", "the client's remark", ColumnShown::kJsonOnly},
    {"plan", ColumnKind::kFlag, "PLAN",
     "taken with the role plan: everybody who may write may release it", ColumnShown::kJsonOnly},
    {"state_id", ColumnKind::kText, "STATE ID", "the state's id in the store",
     ColumnShown::kJsonOnly},
    {"problem", ColumnKind::kText, "PROBLEM", "why the lock cannot be read; null: it can"},
    {"forcible", ColumnKind::kFlag, "YOU MAY FREE IT",
     "whether the caller may release it, by `unlock` or by UNLOCK"},
    {"token_expires", ColumnKind::kTime, "ITS TOKEN EXPIRES",
     "when the token that it was taken with expires, or did; null: never, or it is not known (of "
     "plans that share a state)",
     ColumnShown::kFilled},
};

inline constexpr Column kUnlockColumns[] = {
    kStateColumn,
    kNamespaceColumn,
    {"released", ColumnKind::kFlag, "RELEASED", "false: it was not locked"},
    {"lock", ColumnKind::kText, "LOCK", "ID of the lock that was released"},
    {"principal", ColumnKind::kText, "BY", "who held it"},
    {"time", ColumnKind::kTime, "SINCE", "when it was taken"},
    kGateColumn,
};

inline constexpr Column kCheckColumns[] = {
    {"state", ColumnKind::kText, "STATE", "PROJECT/NAME; null: nothing that opens names the state"},
    kNamespaceColumn,
    {"part", ColumnKind::kText, "PART",
     "version; lock; upload: refused and kept; original: a blob of terraform-backend; "
     "cache: what can be made again; temporary file; other: what is no part of the store"},
    {"name", ColumnKind::kText, "NAME",
     "the version's number, the name of the upload, entry or file, the blob's id; null: a lock"},
    {"problem", ColumnKind::kText, "PROBLEM", "what is wrong"},
    {"mend", ColumnKind::kText, "WHAT TO DO", "how to repair it"},
    {"state_id", ColumnKind::kText, "STATE ID", "the state's id in the store",
     ColumnShown::kJsonOnly},
};

inline constexpr Column kRepairColumns[] = {
    {"part", ColumnKind::kText, "PART", "lock, cache or temporary file"},
    {"name", ColumnKind::kText, "NAME", "of the entry or file; of a lock: its state's id"},
    {"problem", ColumnKind::kText, "PROBLEM", "what is wrong"},
    {"result", ColumnKind::kText, "RESULT",
     "removed, written again; to be removed, to be written again; or why it could not be"},
};

inline constexpr Column kAuditTailColumns[] = {
    {"seq", ColumnKind::kNumber, "LINE", "the line's number in its chain"},
    {"time", ColumnKind::kText, "TIME", "when it was"},
    {"event", ColumnKind::kText, "EVENT", "done, intends, start, stop, flood, lost or torn"},
    {"principal", ColumnKind::kText, "BY", "who did it; null: not known"},
    {"action", ColumnKind::kText, "ACTION", "what was done"},
    kStateColumn,
    {"result", ColumnKind::kText, "RESULT", "done, refused or failed"},
    {"status", ColumnKind::kNumber, "STATUS", "of HTTP", ColumnShown::kJsonOnly},
    {"version", ColumnKind::kNumber, "VERSION", "the newest one afterwards"},
    {"address", ColumnKind::kText, "FROM", "of the client"},
    {"rule", ColumnKind::kText, "RULE", "of the policy, that allowed it", ColumnShown::kJsonOnly},
    {"reason", ColumnKind::kText, "REASON", "why not", ColumnShown::kJsonOnly},
    {"request_id", ColumnKind::kText, "REQUEST", "as in the logs", ColumnShown::kJsonOnly},
};

inline constexpr Column kAuditVerifyColumns[] = {
    {"kind", ColumnKind::kText, "KIND",
     "fault: the trail was changed; open: a change was announced, and no line says how it ended"},
    {"file", ColumnKind::kText, "FILE", "null: of no file"},
    {"line", ColumnKind::kNumber, "LINE", "from 1; null: of no line"},
    {"what", ColumnKind::kText, "WHAT", "what is wrong"},
    {"state", ColumnKind::kText, "STATE", "of an open change", ColumnShown::kJsonOnly},
};

inline constexpr Column kVersionsColumns[] = {
    {"version", ColumnKind::kNumber, "VERSION",
     "the record's number; null for a refused upload and a forced release"},
    {"event", ColumnKind::kText, "EVENT",
     "write, delete, no-op, purged: its document was removed for good, moved: the state has "
     "another address, upload (refused and kept), forced release (of the state's lock), "
     "damaged: does not open, unknown key: this server does not have its key"},
    {"serial", ColumnKind::kNumber, "SERIAL", "of the document; of a deletion, of what it deleted"},
    {"lineage", ColumnKind::kText, "LINEAGE", "of the document", ColumnShown::kJsonOnly},
    {"time", ColumnKind::kTime, "TIME", "when it was written"},
    {"principal", ColumnKind::kText, "BY", "who wrote it"},
    {"operation", ColumnKind::kText, "OPERATION", "as the lock said; null without a lock"},
    {"lock", ColumnKind::kText, "LOCK", "ID of the lock it was written under, or that was released",
     ColumnShown::kJsonOnly},
    {"size", ColumnKind::kBytes, "SIZE", "of the document; null: it holds none"},
    {"sha256", ColumnKind::kText, "SHA256",
     "of the document, in hex; null: it holds none, or you may not read it",
     ColumnShown::kJsonOnly},
    {"terraform_version", ColumnKind::kText, "TERRAFORM", "that wrote the document",
     ColumnShown::kJsonOnly},
    {"upload", ColumnKind::kText, "UPLOAD", "name of the kept upload; null for a version"},
    {"note", ColumnKind::kText, "NOTE", "the reason that was given for it", ColumnShown::kFilled},
    {"pinned", ColumnKind::kFlag, "PINNED", "it is never pruned", ColumnShown::kJsonOnly},
    {"resources", ColumnKind::kNumber, "RESOURCES",
     "with --changes: how many the document has; null: only its client can read it",
     ColumnShown::kFilled},
    {"added", ColumnKind::kNumber, "+",
     "with --changes: resources added since the document before; null: that one is not kept",
     ColumnShown::kFilled},
    {"changed", ColumnKind::kNumber, "~", "with --changes: resources changed since then",
     ColumnShown::kFilled},
    {"removed", ColumnKind::kNumber, "-", "with --changes: resources removed since then",
     ColumnShown::kFilled},
    {"moved", ColumnKind::kNumber, "MOVED",
     "with --changes: resources that have another address since then", ColumnShown::kJsonOnly},
};

inline constexpr Column kListColumns[] = {
    {"state", ColumnKind::kText, "STATE",
     "PROJECT/NAME; null: its newest version does not open; a pattern does not leave it out"},
    kNamespaceColumn,
    {"condition", ColumnKind::kText, "CONDITION",
     "ok; deleted; moved: it has another address now; damaged, unknown key: its newest version "
     "does not open; no access: its file may not be opened; empty: no version is left"},
    {"serial", ColumnKind::kNumber, "SERIAL", "of the newest version"},
    {"size", ColumnKind::kBytes, "SIZE", "of the newest document"},
    {"time", ColumnKind::kTime, "TIME", "when it was written"},
    {"principal", ColumnKind::kText, "BY", "who wrote it"},
    {"version", ColumnKind::kNumber, "VERSION", "number of the newest version"},
    {"versions", ColumnKind::kNumber, "VERSIONS", "how many records are kept"},
    {"lock", ColumnKind::kText, "LOCK", "the lock's ID; null: it is not locked",
     ColumnShown::kJsonOnly},
    {"lock_principal", ColumnKind::kText, "LOCKED BY", "who holds the lock"},
    {"lock_time", ColumnKind::kTime, "LOCKED SINCE", "when it was taken", ColumnShown::kJsonOnly},
    {"state_id", ColumnKind::kText, "ID", "its folder in the store, in hex",
     ColumnShown::kJsonOnly},
};

inline constexpr Column kDuColumns[] = {
    {"project", ColumnKind::kText, "PROJECT", "null: damaged, or of a state that is gone"},
    {"states", ColumnKind::kNumber, "STATES", "deleted ones, too"},
    {"versions", ColumnKind::kNumber, "VERSIONS", "how many records are kept"},
    {"bytes", ColumnKind::kBytes, "STORED",
     "that the records take, sealed and compressed; null: the storage does not say"},
    {"documents", ColumnKind::kBytes, "DOCUMENTS", "size of the newest documents"},
    {"uploads", ColumnKind::kNumber, "UPLOADS", "how many refused uploads are kept"},
    {"upload_bytes", ColumnKind::kBytes, "OF SIZE", "that these take"},
};

inline constexpr Column kStatusColumns[] = {
    {"store", ColumnKind::kText, "STORE", "its id"},
    {"storage", ColumnKind::kText, "STORAGE", "fs, s3 or postgres"},
    {"lock_service", ColumnKind::kText, "LOCKS", "local, redis, postgres or s3"},
    {"key_service", ColumnKind::kText, "KEYS", "local, vault or transit"},
    {"states", ColumnKind::kNumber, "STATES", "deleted ones, too"},
    {"locks", ColumnKind::kNumber, "LOCKED", "how many are locked"},
    {"seals", ColumnKind::kText, "SEALS WITH", "id of the key of new versions"},
    {"opens", ColumnKind::kTexts, "OPENS WITH", "ids of all keys that are set here"},
    {"servers", ColumnKind::kTexts, "SERVERS", "running workers, each with version and keys"},
    {"silent", ColumnKind::kTexts, "SILENT", "workers not heard of for five minutes"},
    {"wrong", ColumnKind::kTexts, "WRONG", "what does not work; then the exit code is 1"},
    {"warnings", ColumnKind::kTexts, "WARNINGS", "what works, but promises less than it should"},
};

inline constexpr Column kPruneColumns[] = {
    {"versions", ColumnKind::kNumber, "VERSIONS", "removed; with --dry-run: that would be removed"},
    {"states", ColumnKind::kNumber, "OF STATES", "that they belong to"},
    {"uploads", ColumnKind::kNumber, "UPLOADS", "refused uploads removed, or that would be"},
    {"upload_bytes", ColumnKind::kBytes, "OF SIZE", "that they take together"},
    {"failed", ColumnKind::kNumber, "FAILED", "states that could not be read"},
};

}  // namespace stateward

#endif  // STATEWARD_ADMIN_COLUMNS_H_
