"""One file per subcommand, imported only when it is called."""
