# `make install DESTDIR= PREFIX=`: programs, unit files, snippets, example settings, documents, manual pages.
SHARE := $(DESTDIR)$(PREFIX)/share
UNITS := stateward.service stateward-fcgi.service stateward-fcgi.socket stateward-spawn.service
.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -d $(DESTDIR)$(PREFIX)/lib/sysusers.d $(SHARE)/stateward/nginx $(SHARE)/stateward/apache $(SHARE)/doc/stateward
	install -d $(SHARE)/man/man8
	install -m 0644 man/*.8 $(SHARE)/man/man8
	install -m 0755 build/release/stateward build/release/statewardctl $(DESTDIR)$(PREFIX)/bin
	for unit in $(UNITS); do sed 's#/usr/local/#$(PREFIX)/#g' conf/$$unit \
	  > $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit; done
	install -m 0644 conf/stateward.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/stateward.conf
	install -m 0644 conf/stateward.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/stateward.conf
	install -m 0644 conf/stateward.env $(SHARE)/stateward
	install -m 0644 nginx/* $(SHARE)/stateward/nginx
	install -m 0644 apache/* $(SHARE)/stateward/apache
	install -m 0644 README.md CHANGELOG.md LICENSE docs/*.md $(SHARE)/doc/stateward
