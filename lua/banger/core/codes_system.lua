-- Codes of the installed system (core/codes), its releases and updates, and of the runtime's own primitives.
local registry = require "banger.core.codes_registry"

local code = registry.code
local FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED = registry.FAILED, registry.USAGE, registry.NOT_FOUND, registry.CONFLICT, registry.DENIED

-- The installed system, releases and updates.
code("systemd.failed", FAILED, "systemd refused or could not do what was asked.",
  { "a unit that does not start" }, "`systemctl status` and `journalctl -u` of the unit tell more")
code("system.owner_root", USAGE, "The owner of the VMs cannot be root.",
  { "run as root without sudo", "--owner root" })
code("system.other_owner", CONFLICT, "banger is installed for another owner.", { "--owner with another name than before" })
code("system.no_systemd", FAILED, "The host does not run systemd.", { "a container", "another init" })
code("system.foreign_file", CONFLICT, "A file of somebody else is where banger has to put its own.",
  { "an earlier installation by hand" })
code("system.vms_left", FAILED, "VMs could not be deleted, so nothing was removed.", { "a VM in an unknown state" })
code("update.download", FAILED, "A part of a release could not be downloaded.", { "no network", "a wrong address" })
code("update.busy", CONFLICT, "Another update is under way.", { "a second command", "an update that was left to its unit" },
  "wait for it: `systemctl status banger-update`")
code("update.interrupted", FAILED, "What an update that was cut off has left could not be settled.",
  { "a full or failing disk", "a journal that was edited by hand" },
  "look at /usr/local/lib/banger/update.journal; `/usr/local/lib/banger/banger-recover --boot` tells more")
code("update.no_source", FAILED, "It is not known where newer releases are.", { "a build of one's own" })
code("update.migration", FAILED, "The new release cannot work with this host's database.",
  { "a database from a still newer release", "a damaged database" })
code("release.not_found", NOT_FOUND, "There is no such release on this host.", { "it was never installed", "it was pruned" },
  "`banger system status` shows the releases that are here")
code("release.malformed", FAILED, "A part of a release is not of the form that it must have.",
  { "a cut-off or changed download" }, "try again; if it stays so, the release itself is damaged")
code("release.digest", FAILED, "A file of a release is not the one that its manifest names.",
  { "a changed download", "a file that was edited in place", "a failing disk" }, "install the release again")
code("update.wrong_product", FAILED, "The signed release is of another product.", { "a wrong address" })
code("update.wrong_version", FAILED, "The version is not the one that was asked for or that should run now.",
  { "a mixed-up or replayed release" })
code("update.wrong_arch", FAILED, "The release is for another kind of machine.", { "a wrong archive" })
code("update.too_far", CONFLICT, "The release cannot be reached from this one directly.", { "several releases were skipped" })
code("update.rollback", CONFLICT, "The release is older than one that this host has seen.",
  { "an attempt to bring back an old, signed release", "a downgrade on purpose" })
code("update.expired", FAILED, "The signed release is past its date.",
  { "somebody keeps newer releases from this host", "a wrong clock" })
code("update.helper_sick", FAILED, "After the update the helper did not serve the daemon.", { "a defect of the release" })
code("update.vm_lost", FAILED, "After the update a VM was not seen as it was before.", { "a defect of the release" })
code("update.rollback_failed", FAILED, "The old release was selected again, but does not serve yet.",
  { "a host that is out of memory or disk" })

-- The runtime's own primitives.
code("kvm.absent", FAILED, "This host has no KVM.", { "a virtual machine without nested virtualisation", "switched off in the firmware" })
code("kvm.denied", DENIED, "The user may not open /dev/kvm.", { "not in the group that owns it" })
code("kvm.broken", FAILED, "KVM is there and does not run guests.", { "nested virtualisation that is not whole" },
  "use engine qemu, which emulates")
code("rt.library_missing", FAILED, "A shared library that banger loads at first use is not there.",
  { "an incomplete installation" }, "install libcurl4, libssl3 and libsqlite3-0 (Debian's names)")
code("user.not_found", NOT_FOUND, "The host has no such user.", { "a typing error", "the account was removed" })
code("sock.truncated", FAILED, "A message on a unix socket was larger than expected, or brought descriptors that nobody asked for.",
  { "another program speaks on the socket", "two releases are mixed" })
code("pidfile.held", CONFLICT, "Another process of this kind runs already.", { "it was started twice" })
code("pidfile.free", NOT_FOUND, "No process of this kind runs.", { "it was stopped", "it ended by itself" })
code("pidfile.unproven", FAILED, "Somebody holds the lock of a pidfile, but not the process that the file names.",
  { "it is just starting", "the file was edited" }, "try again; if it stays so, find the holder with lsof")
code("signature.bad_key", FAILED, "The public key cannot be used.", { "not PEM", "not an ECDSA key on P-256" })
code("signature.malformed", FAILED, "The signature does not have the form that it must have.",
  { "a cut-off or changed download", "a signature of another kind" })
code("signature.mismatch", FAILED, "The signature is not one of these bytes by this key.",
  { "a changed download", "a release of somebody else" })
code("state.busy", CONFLICT, "Another process has the database open.", { "a second daemon of this instance" })
code("state.constraint", CONFLICT, "A row of the database would not be unique or would refer to nothing.",
  { "two operations at once" })
code("state.failed", FAILED, "The database could not do what it was asked.", { "its folder is missing or not writable" })
code("dm.malformed", FAILED, "A line of device-mapper is not the status of a snapshot.", { "a device of another kind" })
code("http.failed", FAILED, "A request could not be made, or its answer could not be read.",
  { "no network", "the other side ended" })
code("http.too_large", FAILED, "The answer to a request is larger than it may be.", { "another server answers" })
code("http.insecure", FAILED, "A server could not prove who it is, or sent us to an address without TLS.",
  { "a proxy that opens TLS", "a wrong clock", "missing root certificates" })
