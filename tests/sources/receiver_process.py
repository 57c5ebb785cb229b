"""An OTLP/HTTP receiver in a process of its own, so that its memory can be watched from outside."""

import asyncio
import sys

from perfd.sources.otlp_http import OtlpHttp
from tests.sources.rig import Rig


async def serve() -> None:
    async with Rig(OtlpHttp) as rig:
        print(rig.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        rig.check_identity()
    print(rig.count("offered"), rig.count("rejected"), rig.count("refused"), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
