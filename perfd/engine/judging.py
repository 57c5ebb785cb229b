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
    """Detects, follows, verifies and delivers, once a minute; `desk` is the way in for people.

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
        self._detect = DetectJob(
            store, self.follower.record, config.detect, pace, meter, self.agents
        )
        self._verify = VerifyJob(store, self.follower, pace=pace)
        self._canary = CanaryJob(store, self.follower.record, config.detect, pace)
        budgets = lambda: self._detect.budgets  # noqa: E731 - made anew with its settings
        self._functions = FunctionJob(store, self.follower, config.detect, pace, meter, budgets)
        self._scan = ScanJob(
            store, self.follower, config.detect, pace, meter, lambda: self._detect.budgets
        )
        self._trends = TrendJob(store, self.follower.record, config.detect, pace, meter)
        self._detectability = DetectabilityJob(store, config.detect, pace, meter, around.random)
        minute, every = MINUTE / pace, around.schedule.every
        every(minute, "detect", in_thread(self._detect.run))
        every(minute, "canary", in_thread(self._canary.run))
        every(minute, "instances", in_thread(InstanceJob(store, self.follower.record, pace).run))
        every(5.0 * minute, "functions", in_thread(self._functions.run))
        every(60.0 * minute, "resources", in_thread(self._trends.resources))
        every(360.0 * minute, "trends", in_thread(self._trends.run))
        every(minute, "verify", in_thread(self._verify.run))
        every(minute, "follow", in_thread(self.follower.tick))
        every(60.0 * minute, "detectability", in_thread(self._detectability.run))
        every(5.0 * minute, "scan", in_thread(self._scan.run))

    def configure(self, config: Config, trackers: Sequence[Tracker]) -> None:
        """Take new settings of detection and tickets; what was judged stays as it is."""
        self._detect.configure(config.detect)
        self._functions.configure(config.detect)
        self._canary.configure(config.detect)
        self._trends.configure(config.detect)
        self._scan.configure(config.detect)
        self._detectability.configure(config.detect)
        self.follower.configure(config.tickets)
        self.component.configure(trackers)
