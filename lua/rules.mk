# Manual pages, made from the command table.
.PHONY: man
man: $(B)/man/banger.1 ## manual pages into build/man
$(B)/man/banger.1: $(B)/banger-dev docs/man.lua
	@rm -rf $(@D) && mkdir -p $(@D)
	$(B)/banger-dev --lua docs/man.lua $(@D)

.PHONY: install-man
install-man: man
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 0644 $(B)/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
INSTALL += install-man
