"""A receiver, `http` or `grpc`, in a process of its own: its memory is watched from outside."""

import asyncio
import sys
from dataclasses import replace

from perfd.interfaces import Delivery
from perfd.sources.otlp_grpc import OtlpGrpc
from perfd.sources.otlp_http import OtlpHttp
from tests.sources.rig import Keeping, Rig


class Forgetting(Keeping):
    """Keeps of a delivery what the daemon keeps once it is accepted: how much it was."""

    async def accept(self, delivery: Delivery) -> None:
        await super().accept(replace(delivery, content=None, body=b""))


async def serve(transport: str) -> None:
    kind = OtlpGrpc if transport == "grpc" else OtlpHttp
    async with Rig(kind, intake=Forgetting()) as rig:
        print(rig.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        rig.check_identity()
    print(rig.count("offered"), rig.count("rejected"), rig.count("refused"), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
