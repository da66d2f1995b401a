"""Figures for Prometheus: of this process, and of the mirror's accounts, which all processes share."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

import sql.sync_state
from graphql_api.opening import Stores
from mirror.projection import PROJECTION_VERSION
from sql import models

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The figures of one process; `page` reads the shared ones at the moment it is asked."""

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
        self._gauges = {
            name: Gauge(f"lab_tutor_{name}", text, registry=self.registry)
            for name, text in {
                "mirror_waiting_records": "Records whose newest version is not in the graph, all processes.",
                "mirror_dead_letters": "Records that the graph refuses for good, all processes.",
                "mirror_oldest_waiting_seconds": "Age of the oldest waiting change; 0 when nothing waits.",
                "mirror_applied_records": "Records this process has brought to the graph since its start.",
                "mirror_postponed_records": "Records this process has postponed since its start.",
                "mirror_outages": "Attempts of this process's worker that the graph did not answer.",
                "mirror_projection_seconds": "Time this process has spent writing to the graph.",
                "graph_reachable": "1 when the graph answered this process last, else 0.",
                "sql_statements": "SQL statements of this process since its start.",
                "cypher_statements": "Cypher statements of this process since its start.",
            }.items()
        }

    def observe(self, outcome: str, seconds: float) -> None:
        """Count one GraphQL request."""
        self.requests.labels(outcome).inc()
        self.seconds.observe(seconds)

    async def page(self, stores: Stores, *, graph_reachable: bool) -> bytes:
        """Return the figures in Prometheus's text format."""
        async with stores.database.read() as session:
            status = await sql.sync_state.status(session, projection_version=PROJECTION_VERSION)
        oldest = status.oldest_pending_at
        figures = stores.mirror.figures
        values = {
            "mirror_waiting_records": status.pending,
            "mirror_dead_letters": status.failed,
            "mirror_oldest_waiting_seconds": (models.now() - oldest).total_seconds() if oldest else 0,
            "mirror_applied_records": figures.applied,
            "mirror_postponed_records": figures.postponed,
            "mirror_outages": figures.outages,
            "mirror_projection_seconds": figures.projection_seconds,
            "graph_reachable": int(graph_reachable),
            "sql_statements": stores.database.statement_count,
            "cypher_statements": stores.graph.statement_count if stores.graph else 0,
        }
        for name, value in values.items():
            self._gauges[name].set(value)
        return generate_latest(self.registry)
