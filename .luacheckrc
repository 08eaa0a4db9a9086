std = "luajit"
max_line_length = 140
self = false
unused_args = false
files["spec"] = { std = "luajit+busted" }
