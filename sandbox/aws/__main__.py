"""`python -m sandbox.aws`: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys

from sandbox.aws.server import Simulator

NO_FULL_COLLECTION = 1_000_000


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.aws",
        description="Amazon SQS, SNS and SES v2 on one local port, for tests and demos.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    options = parser.parse_args()
    # A full collection looks at all that the simulator remembers and takes 50 ms of it: the calls
    # that waited meanwhile would look like a burst that nobody sent.
    gc.set_threshold(*gc.get_threshold()[:2], NO_FULL_COLLECTION)
    try:
        asyncio.run(_serve(options.host, options.port))
    except OSError as failure:
        sys.exit(f"Cannot listen on {options.host}:{options.port}: {failure.strerror}.")


async def _serve(host: str, port: int) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    simulator = Simulator()
    endpoint_url = await simulator.start(host, port)
    sys.stdout.write(f"listening on {endpoint_url}\n")
    sys.stdout.flush()
    await ending.wait()
    await simulator.stop()


if __name__ == "__main__":
    main()
