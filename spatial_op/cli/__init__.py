"""The command line: ``main`` has the commands and their options, the other files one job each."""
