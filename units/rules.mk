# The systemd side: recovery at boot, and the release archive.
PROGRAMS += $(B)/banger-recover

$(B)/banger-recover: units/recover.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(BASE_LDFLAGS) -o $@ $<

.PHONY: release
release: all ## signed release archive of VERSION= with KEY= (PEM, P-256) into build/release/
	units/release "$(VERSION)" "$(KEY)" $(B)/release

.PHONY: deb
deb: all ## Debian package of VERSION= into build/release/; installing it installs banger, purging it removes all
	DEB=1 units/release "$(VERSION)" "" $(B)/release
