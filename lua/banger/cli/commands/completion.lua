return {
  name = "completion", summary = "completion for bash, zsh or fish",
  verbs = { {
    name = "completion", summary = "completion for bash, zsh or fish", as = "any", plain = true,
    args = { { name = "SHELL", type = "shell", help = "bash, zsh or fish; `words` answers what the script asks" } },
    flags = {}, rest = { name = "WORD" },
    run = "completion:script",
    examples = { "banger completion bash > ~/.local/share/bash-completion/completions/banger" },
  } },
}
