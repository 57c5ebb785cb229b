"""From windows in the store to tickets and their verdicts; an agent leaves this to its centre."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perfd.config import Config
from perfd.engine.surroundings import MINUTE, Surroundings
from perfd.interfaces import Tracker
from perfd.jobs.agents import Agents
from perfd.jobs.canary import CanaryJob
from perfd.jobs.deliver import Deliverer
from perfd.jobs.desk import TicketDesk
from perfd.jobs.detect import DetectJob
from perfd.jobs.detectability import DetectabilityJob
from perfd.jobs.follow import Follower
from perfd.jobs.functions import FunctionJob
from perfd.jobs.instances import InstanceJob
from perfd.jobs.scan import ScanJob
from perfd.jobs.trends import TrendJob
from perfd.jobs.verify import VerifyJob
from perfd.model.batch import Batch
from perfd.schedule import in_thread


class Judging:
    """Detects, follows, verifies and delivers; `desk` is the way in for people.

    `agents` takes what others forward; `absorbed` is called with it. `component` has a life of its
    own: whoever composes this starts and stops it.
    """

    def __init__(
        self,
        config: Config,
        around: Surroundings,
        *,
        trackers: Sequence[Tracker],
        base_url: str,
        absorbed: Callable[[Batch], None] = lambda _: None,
    ) -> None:
        store, meter, pace = around.store, around.meter, config.pace
        self.follower = Follower(store, config.tickets, pace=pace, base_url=base_url, meter=meter)
        self.desk = TicketDesk(self.follower, around.clock)
        self.component = Deliverer(
            store, self.follower, trackers, around.clock, around.random, meter
        )
        self.agents = Agents(
            store,
            self.desk,
            config.agents,
            pace=pace,
            clock=around.clock,
            meter=meter,
            absorbed=absorbed,
        )
        self._plan(config, around)

    def _plan(self, config: Config, around: Surroundings) -> None:
        """What is done how often, in minutes; each in a thread of its own."""
        store, meter, pace = around.store, around.meter, config.pace
        record, settings = self.follower.record, config.detect
        detect = DetectJob(store, record, settings, pace, meter, self.agents)
        canary = CanaryJob(store, record, settings, pace)
        scan = ScanJob(store, self.follower, settings, pace, meter, detect.budgets)
        functions = FunctionJob(store, self.follower, settings, pace, meter, detect.budgets)
        trends = TrendJob(store, record, settings, pace, meter)
        detectability = DetectabilityJob(store, settings, pace, meter, around.random)
        self._detectors = detect, canary, scan, functions, trends, detectability
        jobs: tuple[tuple[float, str, Callable[[float], None]], ...] = (
            (1.0, "detect", detect.run),
            (1.0, "canary", canary.run),
            (1.0, "instances", InstanceJob(store, record, pace).run),
            (1.0, "verify", VerifyJob(store, self.follower, pace=pace).run),
            (1.0, "follow", self.follower.tick),
            (5.0, "scan", scan.run),
            (5.0, "functions", functions.run),
            (60.0, "resources", trends.resources),
            (60.0, "detectability", detectability.run),
            (360.0, "trends", trends.run),
        )
        for minutes, name, run in jobs:
            around.schedule.every(minutes * MINUTE / pace, name, in_thread(run))

    def configure(self, config: Config, trackers: Sequence[Tracker]) -> None:
        """Take new settings of detection and tickets; what was judged stays as it is."""
        for detector in self._detectors:
            detector.configure(config.detect)
        self.follower.configure(config.tickets)
        self.component.configure(trackers)
