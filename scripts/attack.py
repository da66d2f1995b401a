"""Attack servers of its own, and print how long an ordinary request takes meanwhile.

For each profile, and with and without the fast path, a server is started in a folder of its own. One attack after
the other is sent to it, while ordinary requests go on one after the other on connections of their own. One table is
printed for each server: the median and the longest of their milliseconds under each attack, how many there were,
and what the attack got for an answer. Nothing outside this machine is touched, and the folders are removed.

With --stretches the servers run under a stopwatch (and on asyncio's own loop): one more column has the longest
that a single callback held the event loop, in milliseconds of CPU, which a busy machine does not change.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.attacks import hostile
from tests.attacks.server import SECRET, Server

PAUSE_SECONDS = 0.02
WARM_UP_SECONDS = 0.3
LEAST_REQUESTS = 3
BOUND_SECONDS = 1.0
PROFILES = ("development", "production")
FAST_PATHS = ("on", "off")


async def measure(server: Server, seconds: float) -> list[float]:
    """Return how many seconds ordinary requests took, in order of size, for as long as was asked."""
    ends_at = time.monotonic() + seconds
    taken: list[float] = []
    while len(taken) < LEAST_REQUESTS or time.monotonic() < ends_at:
        taken.append(await server.ordinary())
        await asyncio.sleep(PAUSE_SECONDS)
    return sorted(taken)


def row(name: str, taken: list[float], stretch: float | None, got: str = "") -> None:
    """Print one row of a table."""
    cells = [name, f"{statistics.median(taken) * 1_000:.0f}", f"{taken[-1] * 1_000:.0f}", str(len(taken))]
    if stretch is not None:
        cells.append(f"{stretch * 1_000:.0f}")
    print(f"| {' | '.join([*cells, got])} |", flush=True)


def head(watched: bool) -> None:
    """Print the head of a table."""
    cells = ["attack", "median ms", "longest ms", "requests", *(["loop held, CPU ms"] if watched else [])]
    print(f"| {' | '.join([*cells, 'what the attack got'])} |\n|{' --- |' * (len(cells) + 1)}")


async def attack(
    attacker: hostile.Attacker, server: Server, given: argparse.Namespace
) -> list[tuple[str, float]]:
    """Run all attacks on one server, print its table, and return (attack, longest) of what took too long."""
    head(given.stretches)
    await measure(server, given.seconds)
    if server.stretch is not None:
        server.stretch.seconds = 0.0
    taken = await measure(server, given.seconds)
    row("none", taken, server.stretch and server.stretch.seconds)
    late = [("none", taken[-1])]
    for name in hostile.ATTACKS:
        if given.only not in name:
            continue
        if server.stretch is not None:
            server.stretch.seconds = 0.0
        async with attacker.under(name, server.target) as seen:
            await asyncio.sleep(WARM_UP_SECONDS)
            taken = await measure(server, given.seconds)
        stretch = server.stretch and server.stretch.seconds
        got = [f"{count} x {code}" for code, count in seen.codes.most_common(2)]
        got += [f"{count} x HTTP {status}" for status, count in seen.statuses.most_common(3) if status]
        row(name, taken, stretch, ", ".join(got))
        late.append((name, taken[-1]))
        bad = [status for status in seen.statuses if status >= 500]
        if bad or "INTERNAL" in seen.codes:
            raise SystemExit(
                f"{name} was answered with {bad or 'INTERNAL'}: see the log\n{server.log()[-3000:]}"
            )
    return [(name, longest) for name, longest in late if longest > BOUND_SECONDS]


async def run(
    attacker: hostile.Attacker, profile: str, fast_path: str, given: argparse.Namespace
) -> list[tuple[str, float]]:
    """Start a server and attack it."""
    with tempfile.TemporaryDirectory(prefix="lab-tutor-attack.") as folder:
        settings = {"environment": profile, "jwt_secret": SECRET, "fast_path": fast_path}
        server = Server(Path(folder), settings, watched=given.stretches)
        try:
            await server.start()
            print(f"\n{profile}, fast path {fast_path}: an ordinary request under each attack\n")
            return await attack(attacker, server, given)
        finally:
            server.stop()


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--profile", choices=[*PROFILES, "both"], default="both", help="profile of the server (default: both)"
    )
    parser.add_argument(
        "--fast-path",
        choices=[*FAST_PATHS, "both"],
        default="both",
        help="LAB_TUTOR_FAST_PATH of the server (default: both)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=0.8,
        help="how long ordinary requests are sent under each attack, at least three of them (default: 0.8)",
    )
    parser.add_argument("--only", default="", metavar="WORD", help="only attacks with this in their name")
    parser.add_argument(
        "--stretches", action="store_true", help="measure the longest stretches of the event loop too"
    )
    return parser.parse_args()


def main() -> None:
    """Attack each combination that was asked for; say at the end what took longer than a second."""
    given = parse()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4_096), hard), hard))
    profiles = PROFILES if given.profile == "both" else (given.profile,)
    fast_paths = FAST_PATHS if given.fast_path == "both" else (given.fast_path,)
    started = time.monotonic()
    late = []
    attacker = hostile.Attacker()
    try:
        for profile, fast_path in itertools.product(profiles, fast_paths):
            found = asyncio.run(run(attacker, profile, fast_path, given))
            late += [f"{profile}, fast path {fast_path}, {name}: {longest:.2f} s" for name, longest in found]
    finally:
        attacker.stop()
    print(
        f"\nDone in {time.monotonic() - started:.0f} s. Ordinary requests over {BOUND_SECONDS:g} s: ", end=""
    )
    print("\n- ".join(["", *late]) if late else "none.")


if __name__ == "__main__":
    main()
