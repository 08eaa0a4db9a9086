io.write(require("banger.cli.luals").text())
