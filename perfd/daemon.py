"""The composition root and the life of the daemon: the one file that knows every part.

Start is downstream first (store, outbox, web, aggregate, schedule, receivers), drain the reverse.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from perfd import __version__
from perfd.aggregate.aggregator import Aggregator
from perfd.clock import SystemClock
from perfd.config import Config
from perfd.errors import ConfigError, PerfdError, StoreError
from perfd.interfaces import Clock
from perfd.jobs.deliver import Deliverer
from perfd.jobs.desk import TicketDesk
from perfd.jobs.detect import DetectJob
from perfd.jobs.flush import FlushJob
from perfd.jobs.follow import Follower
from perfd.jobs.intake import LoggedIntake
from perfd.jobs.replay import replay
from perfd.jobs.sample import SampleJob
from perfd.jobs.verify import VerifyJob
from perfd.model.series import Resource
from perfd.schedule import Schedule, in_thread
from perfd.sources.admission import Admission
from perfd.sources.decoders import Decoders
from perfd.sources.otlp_decode import OtlpDecoder
from perfd.sources.profile_decode import ProfileDecoder
from perfd.sources.pyroscope_push import routes as pyroscope_routes
from perfd.sources.sampler import ResourceSampler
from perfd.store.lock import DirectoryLock
from perfd.store.open import open_store
from perfd.store.request_log import SegmentLog
from perfd.supervise import FAILED, OK, Part, Supervisor, nothing, notify_systemd, watchdog_period
from perfd.telemetry import Telemetry
from perfd.trackers.build import build_trackers
from perfd.web.access import Access
from perfd.web.app import WebApp
from perfd.web.credentials import access_for, server_context
from perfd.web.totals import ServiceTotals

log = logging.getLogger(__name__)

MINUTE = 60.0  # seconds at pace 1: a row of the store, and how often deploys are judged
FLUSH = 20.0  # seconds at pace 1; each flush rewrites the rows of the minutes that it touches
SHORTEST_FLUSH = 0.5
DRAIN_SECONDS = 20.0  # for one part; a service manager's own limit must be longer
SELF_PROFILE_HZ = 20
HOT_SECTIONS = ("detect", "tickets")  # a reload applies these; the rest needs a restart


# What every receiver is handed.
Door = tuple[Decoders, LoggedIntake, Admission, Access, Clock, Telemetry]


class Daemon:
    """perfd as a process. Building it touches nothing; `run` is its life."""

    def __init__(
        self,
        config: Config,
        reload: Callable[[], Config],
        *,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        self._config = config
        self._reload = reload
        self._clock = clock or SystemClock()
        self._random = random.Random(seed)
        self._trackers = build_trackers(config.tickets, self._clock)
        self._telemetry = Telemetry(config.telemetry, __version__)
        self._supervisor = Supervisor(self._clock)
        self._lock = DirectoryLock(Path(config.data_dir))
        self._stop = asyncio.Event()
        self._last_reload = 1.0

    # --- life -------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Live until told to stop; 0 after a drain, 1 when an essential part failed."""
        self._listen_to_signals()
        self._lock.acquire()
        try:
            self._compose()
            await self._supervisor.start()
            self._supervisor.ready = True
            notify_systemd("READY=1")
            log.info("perfd %s is ready: %s", __version__, self._web.address)
            await self._until_told()
        except (PerfdError, OSError) as error:
            log.critical("%s", error)
            return 1
        finally:
            notify_systemd("STOPPING=1")
            await self._supervisor.stop(within=DRAIN_SECONDS)
            self._lock.release()
            self._telemetry.close()
        return 1 if self._supervisor.failed.is_set() else 0

    async def _until_told(self) -> None:
        watchdog = asyncio.create_task(self._feed_watchdog(), name="watchdog")
        told = [
            asyncio.create_task(self._stop.wait(), name="told to stop"),
            asyncio.create_task(self._supervisor.failed.wait(), name="a part failed"),
        ]
        await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
        for task in (*told, watchdog):
            task.cancel()
        log.info("perfd stops")

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_reload)

    def _told_to_stop(self, number: int) -> None:
        """The first time drain; the second time end at once."""
        if self._stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._stop.set()

    async def _feed_watchdog(self) -> None:
        period = watchdog_period()
        while period is not None:
            await asyncio.sleep(period)
            stale = self._supervisor.stale()
            if stale:
                log.error("the watchdog is not fed: %s overdue", ", ".join(stale))
            else:
                notify_systemd("WATCHDOG=1")

    # --- reload -----------------------------------------------------------------------------------

    def _told_to_reload(self) -> None:
        """Take a new configuration, or keep the old one and say what is wrong with the new one."""
        try:
            config = self._reload()
            trackers = build_trackers(config.tickets, self._clock)
        except ConfigError as error:
            for problem in error.problems:
                log.error("the old configuration stays: %s", problem)
            self._reloaded("refused", 0.0)
            return
        cold = [
            name
            for name in config.__struct_fields__
            if name not in HOT_SECTIONS and getattr(config, name) != getattr(self._config, name)
        ]
        if cold:
            log.warning("changed, but only a restart applies it: %s", ", ".join(cold))
        self._detect.configure(config.detect)
        self._follower.configure(config.tickets)
        self._deliver.configure(trackers)
        self._trackers = trackers
        self._config = config
        self._reloaded("applied", 1.0)
        log.info("the configuration was reloaded")

    def _reloaded(self, outcome: str, successful: float) -> None:
        self._last_reload = successful
        self._telemetry.count("perfd_config_reloads", outcome=outcome)

    # --- composition ------------------------------------------------------------------------------

    def _compose(self) -> None:
        """Make every part, and put the components into the order in which they start."""
        config, clock, meter, pace = self._config, self._clock, self._telemetry, self._config.pace
        data = Path(config.data_dir)
        self._store = open_store(data, config.store, pace=pace, clock=clock, meter=meter)
        self._log = SegmentLog(
            data / "log",
            config.store.log,
            durability=config.durability,
            after=self._store.log_position(),
            clock=clock,
            meter=meter,
            on_failure=self._log_failed,
        )
        self._aggregate = Aggregator(
            config.aggregate, pace=pace, meter=meter, random=self._random.random
        )
        self._intake = LoggedIntake(self._log, self._aggregate, clock, meter)
        self._totals = ServiceTotals()
        self._flush = FlushJob(
            self._aggregate, self._store, self._log, clock, meter, self._totals.add
        )
        self._follower = Follower(
            self._store, config.tickets, pace=pace, base_url=self._base_url(), meter=meter
        )
        self._verify = VerifyJob(self._store, self._follower, pace=pace)
        self._detect = DetectJob(self._store, self._follower.record, config.detect, pace, meter)
        self._deliver = Deliverer(
            self._store, self._follower, self._trackers, clock, self._random, meter
        )
        self._decoder = Decoders(
            {
                "traces": (otlp := OtlpDecoder(config.otlp, meter)),
                "metrics": otlp,
                "logs": otlp,
                "profiles": ProfileDecoder(config.profiles, meter),
            }
        )
        self._admission = Admission(
            config.otlp.max_in_flight_size, config.otlp.max_in_flight_requests
        )
        self._web = self._pages()
        self._schedule = self._jobs()
        self._register()
        self._publish()

    def _pages(self) -> WebApp:
        config = self._config
        return WebApp(
            listen=config.listen.http,
            store=self._store,
            desk=TicketDesk(self._follower, self._clock),
            live=self._aggregate,
            board=self._supervisor,
            access=access_for(config.listen.http, config.auth),
            clock=self._clock,
            meter=self._telemetry,
            totals=self._totals,
            render_metrics=lambda: (self._telemetry.render(), "text/plain; version=0.0.4"),
            settings=config.web,
            pace=config.pace,
            extra_routes=pyroscope_routes(*self._door(config.listen.http), config.profiles),
            tls=server_context(config.auth.tls),
            endpoints={
                "otlp_http": f"http://{config.listen.otlp_http}",
                "pyroscope": self._base_url(),
            },
        )

    def _door(self, address: str) -> Door:
        guard = access_for(address, self._config.auth)
        return (
            self._decoder, self._intake, self._admission, guard, self._clock, self._telemetry,
        )  # fmt: skip

    def _jobs(self) -> Schedule:
        config, pace = self._config, self._config.pace
        minute = MINUTE / pace
        schedule = Schedule(self._clock, self._telemetry)
        sampler = ResourceSampler(
            self._aggregate.resources,
            own=Resource("perfd", __version__, "perfd", str(os.getpid())),
            own_pid=os.getpid(),
            host=socket.gethostname(),
            settings=config.sample,
            meter=self._telemetry,
        )
        every = schedule.every
        every(config.sample.interval / pace, "sample", SampleJob(sampler, self._aggregate).run)
        every(max(FLUSH / pace, SHORTEST_FLUSH), "flush", self._flushing)
        every(minute, "detect", in_thread(self._detect.run))
        every(minute, "verify", in_thread(self._verify.run))
        every(minute, "follow", in_thread(self._follower.tick))
        every(max(minute, 1.0), "maintain", in_thread(self._store.maintain))
        return schedule

    async def _flushing(self, now: float) -> None:
        """The heartbeat of the data path: it also beats when the disk is full, which will pass."""
        try:
            await self._flush.run(now)
        finally:
            self._supervisor.beat("flush", FLUSH)

    def _register(self) -> None:
        """The order of the start; the drain is the reverse."""
        config, add = self._config, self._supervisor.add
        add(Part("store", nothing, self._close_store), essential=True)
        add(self._deliver)
        add(self._web, essential=True)
        add(Part("aggregate", self._replay, self._drain), essential=True)
        add(Part("schedule", self._start_schedule, self._stop_schedule), essential=True)
        if config.telemetry.self_profile:
            add(Part("self-profile", self._profile_self, self._stop_profiling))
        if config.listen.otlp_http:
            from perfd.sources.otlp_http import OtlpHttp

            address = config.listen.otlp_http
            add(OtlpHttp(config.otlp, address, *self._door(address)), essential=True)
        if config.listen.otlp_grpc:
            from perfd.sources.otlp_grpc import OtlpGrpc

            address = config.listen.otlp_grpc
            add(OtlpGrpc(config.otlp, address, *self._door(address)), essential=True)

    def _publish(self) -> None:
        """Gauges of what only the daemon knows together."""
        meter, started = self._telemetry, self._clock.now()
        meter.gauge("perfd_start_timestamp_seconds", lambda: started)
        meter.gauge("perfd_store_size_bytes", lambda: float(self._store.size()))
        meter.gauge("perfd_log_size_bytes", lambda: float(self._log.size))
        meter.gauge("perfd_config_last_reload_successful", lambda: self._last_reload)
        for signal_ in ("traces", "metrics", "logs", "profiles"):
            meter.gauge("perfd_in_flight_items", self._in_flight(signal_), signal=signal_)
        for status in self._supervisor.statuses():
            name = status.component
            meter.gauge("perfd_component_ok", self._is_ok(name), component=name)

    def _in_flight(self, name: str) -> Callable[[], float]:
        return lambda: float(self._aggregate.in_flight.get(name, 0) + self._flush.held(name))

    def _is_ok(self, name: str) -> Callable[[], float]:
        return lambda: float(
            any(s.component == name and s.state == OK for s in self._supervisor.statuses())
        )

    # --- parts that are two functions -------------------------------------------------------------

    async def _close_store(self) -> None:
        self._log.close()
        await asyncio.to_thread(self._store.close)

    async def _replay(self) -> None:
        """Read back what a crash left, before anything new arrives."""
        count = await asyncio.to_thread(
            replay,
            self._log,
            self._store,
            self._decoder,
            self._aggregate,
            self._aggregate.take,
            self._telemetry,
        )
        if count:
            log.info("read %d acknowledged items back from the request log", count)
        self._intake.open = True

    async def _drain(self) -> None:
        self._intake.open = False
        await self._flush.drain(self._clock.now())

    async def _start_schedule(self) -> None:
        self._schedule.start()

    async def _stop_schedule(self) -> None:
        await self._schedule.stop(within=DRAIN_SECONDS / 2)

    async def _profile_self(self) -> None:
        import pyroscope

        pyroscope.configure(
            application_name="perfd",
            server_address=self._web.address,
            sample_rate=SELF_PROFILE_HZ,
            tags={"service.version": __version__, "deployment.environment.name": "perfd"},
        )

    async def _stop_profiling(self) -> None:
        import pyroscope

        await asyncio.to_thread(pyroscope.shutdown)

    def _log_failed(self, error: StoreError) -> None:
        self._supervisor.report("store", FAILED, str(error))

    def _base_url(self) -> str:
        """Where links lead: the public address, or the one that perfd listens on."""
        return self._config.web.public_url.rstrip("/") or f"http://{self._config.listen.http}"
