"""Charts as SVG text: pure functions, no style attributes (the content policy forbids them)."""
