"""What else a step may be than a change worth a finding; each filter is one file with `check`."""
