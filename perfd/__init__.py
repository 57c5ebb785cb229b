"""perfd: finds performance regressions in running services, proves them, and verifies the fix."""

__version__ = "0.1.0"
