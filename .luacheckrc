std = "lua54"
max_line_length = 100
files["spec"] = { std = "lua54+busted" }
files[".luacheckrc"] = { std = "luacheckrc" }
exclude_files = { "build" }
