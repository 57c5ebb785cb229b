"""The demonstration: a sample shop that gets slower, and the real perfd that finds out why."""

from perfd.demo.options import DemoOptions

__all__ = ["DemoOptions", "run_demo"]


def run_demo(options: DemoOptions) -> int:
    """Tell the story; 0 if it went as it should, 1 if not, 130 if somebody stopped it."""
    # The shop's processes import this package too, and need nothing of what tells their story.
    from perfd.demo.telling import tell

    return tell(options)
