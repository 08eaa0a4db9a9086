-- Loaded by busted before the first spec (see .busted): puts banger.rt.*, luv and cjson of build/spec/banger.so where
-- require finds them, so that specs use the modules that the program has.
require "banger.rt"
