"""Attack a server of its own and print how long an ordinary request takes meanwhile.

    python scripts/attack.py [--requests 20] [--profile development|production] [--only WORD]

Nothing outside this machine is touched; the server gets a folder of its own, which is removed.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.attacks import hostile
from tests.attacks.server import SECRET, Server

PAUSE_SECONDS = 0.05
WARM_UP_SECONDS = 1.0


async def measure(server: Server, requests: int) -> list[float]:
    """Return the seconds of ordinary requests, in order."""
    taken = []
    for _ in range(requests):
        taken.append(await server.ordinary())
        await asyncio.sleep(PAUSE_SECONDS)
    return sorted(taken)


def line(name: str, taken: list[float], rest: str = "") -> None:
    """Print one row."""
    median = statistics.median(taken) * 1_000
    print(f"| {name} | {median:.0f} | {taken[-1] * 1_000:.0f} | {rest} |", flush=True)


async def attack(profile: str, requests: int, only: str) -> None:
    """Run all attacks on a server of one profile."""
    with tempfile.TemporaryDirectory(prefix="lab-tutor-attack.") as folder:
        server = Server(Path(folder), {"environment": profile, "jwt_secret": SECRET})
        try:
            await server.start()
            print(f"\nProfile {profile}: milliseconds of an ordinary request\n")
            print("| Attack | median | longest | what it got |\n| --- | --- | --- | --- |")
            await measure(server, 5)
            line("none", await measure(server, requests))
            for name in hostile.ATTACKS:
                if only not in name:
                    continue
                async with hostile.under(name, server) as seen:
                    await asyncio.sleep(WARM_UP_SECONDS)
                    taken = await measure(server, requests)
                got = [f"{count} x {code}" for code, count in seen.codes.most_common(2)]
                got += [
                    f"{count} x HTTP {status}" for status, count in seen.statuses.most_common(3) if status
                ]
                line(name, taken, ", ".join(got))
                bad = [status for status in seen.statuses if status >= 500]
                if bad:
                    raise SystemExit(f"{name} was answered with {bad}: see the log\n{server.log()[-3000:]}")
        finally:
            server.stop()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--profile", choices=["development", "production", "both"], default="both")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4_096), hard), hard))
    for profile in ("development", "production") if given.profile == "both" else (given.profile,):
        asyncio.run(attack(profile, given.requests, given.only))


if __name__ == "__main__":
    main()
