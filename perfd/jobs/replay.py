"""After a crash: what was acknowledged and not yet stored is read back from the request log."""

from __future__ import annotations

import logging
from collections.abc import Callable

from perfd.errors import BadInput
from perfd.interfaces import Decoder, Delivery, LogRecord, Meter, RequestLog, Store
from perfd.jobs.duplicates import RecentBodies
from perfd.jobs.intake import Adds, add_safely
from perfd.model.batch import Batch

log = logging.getLogger(__name__)

ITEMS_PER_COMMIT = 50_000  # bounds what a replay holds in memory


def replay(
    log_: RequestLog,
    store: Store,
    decoder: Decoder,
    aggregate: Adds,
    take: Callable[[float], Batch],
    meter: Meter,
    recent: RecentBodies,
) -> int:
    """Run the live path over every record behind the store's position; returns the items read.

    Late and future are judged by the time at which a record was received, as the first time. What
    is read is remembered in `recent`: its sender may have missed the answer, and try again.
    """
    total = held = 0
    received_at = 0.0
    for record in log_.replay(store.log_position()):
        delivery = _decode(record, decoder)
        if delivery is None:
            continue
        received_at = record.received_at
        recent.remember(record.signal, record.body, record.position, received_at)
        add_safely(aggregate, delivery, record.position, received_at, meter)
        meter.count("perfd_replayed_items", delivery.items, signal=delivery.signal)
        total += delivery.items
        held += delivery.items
        if held >= ITEMS_PER_COMMIT:
            store.append(take(received_at))
            held = 0
    if held:
        store.append(take(received_at))
    return total


def _decode(record: LogRecord, decoder: Decoder) -> Delivery | None:
    try:
        return decoder.decode(
            record.signal, record.media, record.encoding, record.body, record.received_at
        )
    except BadInput:
        # It was decoded before it was acknowledged: only a stricter newer perfd comes here.
        log.exception("record %d of the request log cannot be decoded", record.position)
        return None
