"""The life of the daemon and its doors: the one file that knows every part.

What happens between a body and a ticket is composed in `engine/`; here it meets the machine: its
clock, disk, signals and ports. Start is downstream first (store, outbox, web, aggregate, schedule,
receivers), drain the reverse.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from perfd import __version__
from perfd.clock import SystemClock
from perfd.config import Config
from perfd.engine.collecting import Collecting
from perfd.engine.forwarding import Forwarding
from perfd.engine.heap import settle
from perfd.engine.surroundings import Surroundings
from perfd.errors import ConfigError, PerfdError, StoreError
from perfd.interfaces import Clock, Component
from perfd.model.series import Resource
from perfd.schedule import Schedule
from perfd.sources.admission import Admission
from perfd.sources.door import Door
from perfd.sources.on_demand import OnDemand
from perfd.sources.pyroscope_push import routes as pyroscope_routes
from perfd.sources.sampler import ResourceSampler
from perfd.store.lock import DirectoryLock
from perfd.store.open import open_log, open_store
from perfd.supervise import FAILED, OK, Part, Supervisor, nothing, notify_systemd, watchdog_period
from perfd.telemetry import Telemetry
from perfd.tls.settings import TlsSettings
from perfd.trackers.build import build_trackers
from perfd.web.api_windows import routes as window_routes
from perfd.web.app import WebApp
from perfd.web.credentials import Doors, read_token, server_context, unguarded
from perfd.web.totals import ServiceTotals

if TYPE_CHECKING:
    from aiohttp.web import RouteDef

    from perfd.engine.judging import Judging

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0  # for one part; a service manager's own limit must be longer
SELF_PROFILE_HZ = 20
HOT_SECTIONS = ("detect", "tickets")  # a reload applies these; the rest needs a restart


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
        self._config, self._reload = config, reload
        self._clock = clock or SystemClock()
        self._name = config.forward.name or socket.gethostname()
        self._random = random.Random(seed)
        self._trackers = build_trackers(config.tickets, self._clock)
        self._telemetry = Telemetry(config.telemetry, __version__)
        self._supervisor = Supervisor(self._clock)
        self._lock = DirectoryLock(Path(config.data_dir))
        self._doors = Doors(config.auth, config.web.public_url)
        self._stop, self._last_reload = asyncio.Event(), 1.0

    # --- life -------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Live until told to stop; 0 after a drain, 1 when an essential part failed."""
        self._listen_to_signals()
        self._lock.acquire()
        try:
            self._compose()
            await self._supervisor.start()
            self._supervisor.ready = True
            settle()
            notify_systemd("READY=1")
            log.info("perfd %s is ready: %s", __version__, self._web.address)
            self._say_what_is_shut()
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

    def _say_what_is_shut(self) -> None:
        listen = self._config.listen
        doors = (listen.http, listen.otlp_http, listen.otlp_grpc)
        for address in unguarded(doors, self._config.auth):
            log.warning("%s takes nothing from anybody: auth.token_file is not set", address)

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
            token = read_token(config.auth.token_file)
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
        self._part.configure(config, trackers)
        self._doors.change_token(token)  # also when only the file's content changed
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
        config = self._config
        self._around = around = self._surroundings()
        self._totals = ServiceTotals()
        self._collecting = Collecting(config, around, flushed=self._totals.add)
        self._collecting.watch(self._sampler())
        self._part = self._agent() if config.forward.url else self._centre()
        self._admission = Admission(
            config.otlp.max_in_flight_size, config.otlp.max_in_flight_requests
        )
        self._web = self._pages()
        self._register()
        self._publish()

    def _agent(self) -> Forwarding:
        """It forwards, and judges nothing."""
        from perfd.jobs.carrier import HttpCarrier

        settings = self._config.forward
        token = partial(read_token, settings.token_file, "forward.token_file")
        carrier = HttpCarrier(settings, token)
        about = {"name": self._name, "version": __version__}
        return Forwarding(self._config, self._around, self._collecting, carrier, **about)

    def _centre(self) -> Judging:
        """It judges; what that takes an agent does not even load."""
        from perfd.engine.judging import Judging

        return Judging(
            self._config,
            self._around,
            trackers=self._trackers,
            base_url=self._base_url(),
            absorbed=self._totals.add,
        )

    def _surroundings(self) -> Surroundings:
        """The machine's own time, disk and randomness."""
        config, clock, meter = self._config, self._clock, self._telemetry
        self._schedule = Schedule(clock, meter)
        data = Path(config.data_dir)
        store = open_store(
            data,
            config.store,
            pace=config.pace,
            clock=clock,
            meter=meter,
            outbox=config.forward.max_bytes if config.forward.url else None,
        )
        log_ = open_log(
            data,
            config.store,
            durability=config.durability,
            after=store.log_position(),
            clock=clock,
            meter=meter,
            on_failure=self._log_failed,
        )
        beat = self._supervisor.beat
        return Surroundings(clock, self._schedule, meter, self._random, store, log_, beat)

    def _sampler(self) -> ResourceSampler:
        return ResourceSampler(
            self._collecting.aggregate.resources,
            own=Resource("perfd", __version__, "perfd", self._instance()),
            own_pid=os.getpid(),
            host=self._name,
            settings=self._config.sample,
            meter=self._telemetry,
        )

    def _instance(self) -> str:
        """Our own name among services; the processes of two agents' pods have the same number."""
        pid = str(os.getpid())
        return f"{self._name}:{pid}" if self._config.forward.url else pid

    def _pages(self) -> WebApp:
        config = self._config
        return WebApp(
            listen=config.listen.http,
            store=self._around.store,
            desk=self._part.desk,
            live=self._collecting.aggregate,
            board=self._supervisor,
            access=self._doors.access(config.listen.http),
            clock=self._clock,
            meter=self._telemetry,
            totals=self._totals,
            render_metrics=lambda: (self._telemetry.render(), "text/plain; version=0.0.4"),
            settings=config.web,
            pace=config.pace,
            extra_routes=self._pushes(),
            centre=self._part.agents,
            pages=self._part.agents is not None,
            tls=server_context(config.auth.tls),
            endpoints={
                "otlp_http": f"{_scheme(config.otlp.http.tls)}://{config.listen.otlp_http}",
                "pyroscope": self._base_url(),
            },
        )

    def _pushes(self) -> Sequence[RouteDef]:
        """What the port of the pages takes: profiles, and what agents forward."""
        config = self._config
        routes = pyroscope_routes(self._door(config.listen.http), config.profiles)
        agents = self._part.agents
        return (*routes, *window_routes(agents, config.agents)) if agents else routes

    def _door(self, address: str) -> Door:
        return Door(
            self._collecting.decoder,
            self._collecting.intake,
            self._admission,
            self._doors.access(address),
            self._clock,
            self._telemetry,
        )

    def _register(self) -> None:
        """The order of the start; the drain is the reverse."""
        config, add = self._config, self._supervisor.add
        add(Part("store", nothing, self._close_store), essential=True)
        add(self._part.component)
        add(self._web, essential=True)
        add(Part("aggregate", self._collecting.open, self._collecting.drain), essential=True)
        add(Part("schedule", self._start_schedule, self._stop_schedule), essential=True)
        if config.telemetry.self_profile:
            add(Part("self-profile", self._profile_self, self._stop_profiling))
        if config.listen.otlp_http:
            from perfd.sources.otlp_http import OtlpHttp

            address = config.listen.otlp_http
            add(OtlpHttp(config.otlp, address, self._door(address)), essential=True)
        if config.listen.otlp_grpc:
            address, make = config.listen.otlp_grpc, self._otlp_grpc
            grpc = make() if self._part.agents else OnDemand("otlp_grpc", address, make)
            add(grpc, essential=True)

    def _otlp_grpc(self) -> Component:
        from perfd.sources.otlp_grpc import OtlpGrpc

        address = self._config.listen.otlp_grpc
        return OtlpGrpc(self._config.otlp, address, self._door(address))

    def _publish(self) -> None:
        """Gauges of what only the daemon knows together."""
        meter, started = self._telemetry, self._clock.now()
        store, log_ = self._around.store, self._around.log
        meter.gauge("perfd_start_timestamp_seconds", lambda: started)
        meter.gauge("perfd_store_size_bytes", lambda: float(store.size()))
        meter.gauge("perfd_log_size_bytes", lambda: float(log_.size))
        meter.gauge("perfd_config_last_reload_successful", lambda: self._last_reload)
        for signal_ in ("traces", "metrics", "logs", "profiles"):
            meter.gauge("perfd_in_flight_items", self._in_flight(signal_), signal=signal_)
        for status in self._supervisor.statuses():
            name = status.component
            meter.gauge("perfd_component_ok", self._is_ok(name), component=name)

    def _in_flight(self, name: str) -> Callable[[], float]:
        return lambda: self._collecting.in_flight(name)

    def _is_ok(self, name: str) -> Callable[[], float]:
        return lambda: float(
            any(s.component == name and s.state == OK for s in self._supervisor.statuses())
        )

    # --- parts that are two functions -------------------------------------------------------------

    async def _close_store(self) -> None:
        self._around.log.close()
        await asyncio.to_thread(self._around.store.close)

    async def _start_schedule(self) -> None:
        self._schedule.start()

    async def _stop_schedule(self) -> None:
        await self._schedule.stop(within=DRAIN_SECONDS / 2)

    async def _profile_self(self) -> None:
        import pyroscope

        token = self._web.context.access.token
        pyroscope.configure(
            application_name="perfd",
            server_address=self._web.address,
            sample_rate=SELF_PROFILE_HZ,
            tags={"service.version": __version__, "deployment.environment.name": "perfd"},
            http_headers={"Authorization": f"Bearer {token}"} if token else {},
        )

    async def _stop_profiling(self) -> None:
        import pyroscope

        await asyncio.to_thread(pyroscope.shutdown)

    def _log_failed(self, error: StoreError) -> None:
        self._supervisor.report("store", FAILED, str(error))

    def _base_url(self) -> str:
        """Where links lead: the public address, or the one that perfd listens on."""
        config = self._config
        own = f"{_scheme(config.auth.tls)}://{config.listen.http}"
        return config.web.public_url.rstrip("/") or own


def _scheme(tls: TlsSettings) -> str:
    return "https" if tls.cert_file else "http"
