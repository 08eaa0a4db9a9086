std = "luajit"
max_line_length = 110
self = false
unused_args = false
files["spec"] = { std = "luajit+busted" }
