"""Figures for Prometheus: of all processes of one server, and of the mirror's accounts, which all servers share.

With several workers prometheus-client keeps each process's counters in a file of PROMETHEUS_MULTIPROC_DIR,
and whichever process is asked adds them up; `serve` sets that folder before its workers start.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import sql.sync_status
from graphql_api.opening import Stores
from mirror.projection import PROJECTION_VERSION
from sql import models
from sql.sync_status import Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

# Counters of this process that are read off the stores: name -> what it counts.
_COUNTED = {
    "mirror_attempts": "Records that were sent to the graph; one that is sent again counts again.",
    "mirror_applied_records": "Records brought to the graph.",
    "mirror_postponed_records": "Records postponed: an end that is not there yet, a refusal that may pass.",
    "mirror_buried_records": "Records that became dead letters.",
    "mirror_outages": "Attempts of a worker that the graph did not answer.",
    "sql_statements": "SQL statements.",
    "cypher_statements": "Cypher statements.",
}


class Metrics:
    """The figures of one process; `page` adds those of its siblings and the shared ones of the moment."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lab_tutor_graphql_requests",
            "GraphQL requests by outcome: ok, errors, refused.",
            ["outcome"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "lab_tutor_graphql_request_seconds",
            "Time to answer a GraphQL request.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.projection = Histogram(
            "lab_tutor_mirror_projection_seconds",
            "Time to bring one batch of records to the graph: read, write, acknowledge.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._counters = {
            name: Counter(f"lab_tutor_{name}", text, registry=self.registry)
            for name, text in _COUNTED.items()
        }
        self._by_outcome: dict[str, Counter] = {}
        self._told = dict.fromkeys(_COUNTED, 0)
        self._stores: Stores | None = None

    def track(self, stores: Stores) -> None:
        """Count what the mirror of this process does, as it does it."""
        self._stores = stores
        self._told = self._counts(stores)
        stores.mirror.observe = self._mirrored

    def observe(self, outcome: str, seconds: float) -> None:
        """Count one GraphQL request."""
        counter = self._by_outcome.get(outcome)
        if counter is None:
            counter = self._by_outcome[outcome] = self.requests.labels(outcome)
        counter.inc()
        self.seconds.observe(seconds)
        self._take()

    def _mirrored(self, seconds: float | None) -> None:
        if seconds is not None:
            self.projection.observe(seconds)
        self._take()

    def _take(self) -> None:
        """Add what was counted since the last look; another process's page shows no later state."""
        if self._stores is None:
            return
        counts = self._counts(self._stores)
        for name, value in counts.items():
            if value > self._told[name]:
                self._counters[name].inc(value - self._told[name])
        self._told = counts

    @staticmethod
    def _counts(stores: Stores) -> dict[str, int]:
        figures = stores.mirror.figures
        return {
            "mirror_attempts": figures.attempts,
            "mirror_applied_records": figures.applied,
            "mirror_postponed_records": figures.postponed,
            "mirror_buried_records": figures.buried,
            "mirror_outages": figures.outages,
            "sql_statements": stores.database.statement_count,
            "cypher_statements": stores.graph.statement_count if stores.graph else 0,
        }

    async def page(self, stores: Stores, *, graph_reachable: bool) -> bytes:
        """Return the figures in Prometheus's text format."""
        async with stores.database.read() as session:
            status = await sql.sync_status.status(session, projection_version=PROJECTION_VERSION)
        self._take()
        registry = self.registry
        if MULTIPROCESS_FOLDER in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        shared = CollectorRegistry()
        shared.register(_Shared(status, graph_reachable))
        return generate_latest(registry) + generate_latest(shared)


class _Shared(Collector):
    """What every process would answer alike."""

    def __init__(self, status: Status, graph_reachable: bool) -> None:
        self.status, self.graph_reachable = status, graph_reachable

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges of this moment."""
        status = self.status
        oldest = (models.now() - status.oldest_pending_at).total_seconds() if status.oldest_pending_at else 0
        for name, text, value in (
            ("mirror_waiting_records", "Records whose newest version is not in the graph.", status.pending),
            ("mirror_dead_letters", "Records that the graph refuses for good.", status.failed),
            (
                "mirror_oldest_waiting_seconds",
                "Age of the oldest change that waits; 0 when none does.",
                max(0.0, oldest),
            ),
            (
                "mirror_waiting_attempts",
                "Attempts so far for the waiting record that was tried most often.",
                status.attempts,
            ),
            ("graph_reachable", "1 when the graph answered just now, else 0.", int(self.graph_reachable)),
        ):
            yield GaugeMetricFamily(f"lab_tutor_{name}", text, value=value)
        error = GaugeMetricFamily(
            "lab_tutor_mirror_last_error",
            "1 for the reason why the last failed attempt of a waiting or dead record failed.",
            labels=["reason"],
        )
        if status.last_error is not None:
            error.add_metric([status.last_error], 1)
        yield error
