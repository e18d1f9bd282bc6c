// Where the audit trail goes.
#ifndef STATEWARD_AUDIT_AUDIT_SETTINGS_H_
#define STATEWARD_AUDIT_AUDIT_SETTINGS_H_

#include <string>

namespace stateward {

struct AuditSettings {
  std::string file;       // AUDIT_FILE; "" = none
  bool journal = false;   // AUDIT_JOURNAL
  std::string syslog;     // AUDIT_SYSLOG: path of a datagram socket; "" = none
  bool required = false;  // AUDIT_REQUIRED

  bool on() const { return !file.empty() || journal || !syslog.empty(); }
};

}  // namespace stateward

#endif  // STATEWARD_AUDIT_AUDIT_SETTINGS_H_
