std = "luajit"
max_line_length = 140
self = false
unused_args = false
files["spec"] = { std = "luajit+busted" }
files["lua/banger/types_rt.lua"] = { max_line_length = false }   -- one field a line, as language servers show it
