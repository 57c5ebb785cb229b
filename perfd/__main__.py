"""`python -m perfd`."""

from perfd.cli import main

raise SystemExit(main())
