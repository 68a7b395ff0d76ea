"""Holds a place of a labgrid coordinator for another process, and lets go of it when that ends.

    python -m deploy.farm.leaseholder COORDINATOR WAIT_S TAG=VALUE...

It prints one JSON object a line: {"place", "host", "port", "user"} once it has it, {"error"} if it cannot or no longer
has it. It ends with its stdin. The place is reserved and never acquired: a reservation that nobody asks for is dropped
by the coordinator after a minute, so that even a machine without power keeps no place. While it lasts, the coordinator
lets nobody else acquire the place.

labgrid's client is made for programs of its own; and gRPC does not like processes that fork, as the farm does.
"""

# ruff: noqa: T201 - what is printed here is the output
from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import logging
import os
import signal
import sys
import time
from typing import Any

import grpc
from labgrid.remote.client import ClientSession, ServerError, start_session
from labgrid.remote.common import Reservation, ReservationState
from labgrid.remote.generated import labgrid_coordinator_pb2 as pb2

_POLL_S = 5.0
_CALL_S = 10.0


class Refused(Exception):
    """There is no place to be had; one sentence."""


async def hold(
    session: ClientSession, coordinator: str, wait_s: float, tags: dict[str, str], end: asyncio.Event
) -> None:
    """Reserve a place, tell of it, and keep it until `end`. Raises Refused."""
    words = " ".join(f"{key}={value}" for key, value in tags.items())
    if not any(_has(place.tags, name, tags) for name, place in session.places.items()):
        raise Refused(f"The coordinator {coordinator} knows no place with {words}: see labgrid-client -v places.")
    filters = {"main": pb2.Reservation.Filter(filter=tags)}
    made = await session.stub.CreateReservation(
        pb2.CreateReservationRequest(filters=filters, prio=0.0), timeout=_CALL_S
    )
    token = made.reservation.token
    told = False
    try:
        held = Reservation.from_pb2(made.reservation)
        until = time.monotonic() + wait_s
        while held.state is ReservationState.waiting:
            if time.monotonic() > until:
                raise Refused(f"All places with {words} are taken, for {wait_s:g} s now: see labgrid-client who.")
            if await _ended(end, min(1.0, wait_s)):
                return
            held = await _poll(session, token)
        while held.state is ReservationState.allocated:
            if not told:
                print(json.dumps(_service(session, held.allocations["main"][0])), flush=True)
                told = True
            if await _ended(end, _POLL_S):
                return
            held = await _poll(session, token)
        raise Refused(f"The coordinator {coordinator} gave the place away: its reservation is {held.state.name}.")
    finally:
        with contextlib.suppress(grpc.aio.AioRpcError):
            await session.stub.CancelReservation(pb2.CancelReservationRequest(token=token), timeout=_CALL_S)


async def _poll(session: ClientSession, token: str) -> Any:
    answer = await session.stub.PollReservation(pb2.PollReservationRequest(token=token), timeout=_CALL_S)
    return Reservation.from_pb2(answer.reservation)


async def _ended(end: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(end.wait(), seconds)
    return end.is_set()


def _has(known: dict[str, str], name: str, tags: dict[str, str]) -> bool:
    return {*known.items(), ("name", name)} >= set(tags.items())


def _service(session: ClientSession, name: str) -> dict[str, Any]:
    """How the place's host is reached, by its NetworkService. Raises Refused."""
    place = session.places[name]
    for exporter, groups in session.resources.items():
        for group, resources in groups.items():
            for resource, entry in resources.items():
                if entry.cls != "NetworkService" or not place.hasmatch((exporter, group, entry.cls, resource)):
                    continue
                if not entry.avail:
                    raise Refused(f"The place {name} is not available: its exporter {exporter} says so.")
                if entry.acquired not in (None, name):
                    raise Refused(f"The host of the place {name} is in use by the place {entry.acquired}.")
                args = entry.args
                where = {"host": args["address"], "port": args.get("port", 22), "user": args.get("username")}
                return {"place": name, **where}
    raise Refused(f"The place {name} has no NetworkService: its exporter is away, or none is matched to it.")


async def _run(session: ClientSession, coordinator: str, wait_s: float, tags: dict[str, str]) -> None:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, end.set)

    def heard() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            end.set()

    loop.add_reader(0, heard)
    try:
        await hold(session, coordinator, wait_s, tags, end)
    finally:
        await session.stop()
        await session.close()


def main(argv: list[str]) -> int:
    """Hold it until stdin ends; exit code 69 if there is none to be had."""
    coordinator, wait_s = argv[0], float(argv[1])
    tags = dict(word.split("=", 1) for word in argv[2:])
    # To the coordinator each holder is another user, so that two farms on one machine do not take each other's.
    os.environ["LG_USERNAME"] = f"{getpass.getuser()}-edgeseg-farm-{os.getpid()}"
    logging.disable(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        session = start_session(coordinator, loop=loop)
        loop.run_until_complete(_run(session, coordinator, wait_s, tags))
    except (Refused, ServerError, grpc.aio.AioRpcError) as error:
        text = str(error)
        if not isinstance(error, Refused):
            detail = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error.args[0])
            text = f"The labgrid coordinator {coordinator} does not answer as it should ({(detail or '').strip()})."
        print(json.dumps({"error": text}), flush=True)
        return 69
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
