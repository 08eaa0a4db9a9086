-- Every code that an error of banger can carry. Closed: a spec fails for a code that is raised and not here,
-- and for one here that nothing raises. A code's meaning never changes; a new meaning is a new code.
--
-- Codes that helper/codes.def names are raised by the helper and decoded by the runtime.
require "banger.core.codes_base"
require "banger.core.codes_vm"
require "banger.core.codes_system"

return require("banger.core.codes_registry").all
