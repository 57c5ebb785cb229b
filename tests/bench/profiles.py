"""How fast pushed profiles become windows, in process: `python -m tests.bench.profiles`.

Each upload has the shape of ten seconds of a web service at 100 Hz: 500 distinct stacks of 30
frames over 1,500 functions. One such instance sends 50 samples a second.
"""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Sequence

from perfd.aggregate.profiles import ProfileAggregate
from perfd.aggregate.settings import AggregateSettings
from perfd.aggregate.warmup import Warmup
from perfd.sources.profile_decode import PROTO, ProfileDecoder
from perfd.sources.sample_settings import ProfileSettings
from tests.fakes import CountingMeter
from tests.sources.pprof_body import Writer, push

UPLOADS, STACKS, DEPTH, FUNCTIONS = 20, 500, 30, 1500
START = 1_700_000_000.0


def upload(number: int, pick: random.Random) -> bytes:
    """One request body; all uploads draw from the same call tree."""
    profile = Writer(start=START + 10.0 * number)
    places = [
        profile.location((f"function_{n}", f"/srv/module_{n % 40}.py")) for n in range(FUNCTIONS)
    ]
    for _ in range(STACKS):
        walk, stack = pick.randrange(40), []
        for depth in range(DEPTH):
            stack.append(places[(walk * 31 + depth * 37) % FUNCTIONS])
            walk = walk * 2 + pick.randrange(2) if depth > DEPTH - 6 else walk
        profile.sample(*stack, values=[10_000_000 * pick.randrange(1, 5)])
    labels = {"service_name": "shop", "service.version": "1.0", "__name__": "process_cpu"}
    return gzip.compress(push(labels, profile.bytes()))


def main(_: Sequence[str] = ()) -> int:
    """Print bytes, samples per second for decoding and for the whole way."""
    pick = random.Random(1)
    bodies = [upload(n, pick) for n in range(UPLOADS)]
    meter = CountingMeter()
    decoder = ProfileDecoder(ProfileSettings(), meter)
    aggregate = ProfileAggregate(
        AggregateSettings(), minute=60.0, warmup=Warmup(100, meter), meter=meter
    )
    decoding = adding = 0.0
    items = 0
    for body in bodies:
        begun = time.process_time()
        delivery = decoder.decode("profiles", PROTO, "gzip", body, START)
        decoded = time.process_time()
        items += aggregate.add(delivery.content, START)
        decoding += decoded - begun
        adding += time.process_time() - decoded
    print(f"upload: {len(bodies[0]):,} bytes of gzip, {STACKS} samples of {DEPTH} frames")
    print(f"decode: {items / decoding:,.0f} samples/s")
    print(f"decode and aggregate: {items / (decoding + adding):,.0f} samples/s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
