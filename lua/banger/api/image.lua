-- banger.image: disk images of the caller. Made in this process; the daemon is only asked who uses one.
local artefact = require "banger.api.artefact"

return artefact.of("image", "banger.host.image", { build = true, import = true })
