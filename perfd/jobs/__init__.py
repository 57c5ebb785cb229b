"""Everything perfd does over time; the only place besides commands that joins core and doors."""
