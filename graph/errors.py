"""What can go wrong between us and the graph: a small closed set that carries data, never driver text."""

from __future__ import annotations

import inspect


class GraphError(Exception):
    """The graph could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or inspect.getdoc(type(self)))


class GraphUnavailable(GraphError):
    """The graph is away or too slow; try again later."""

    def __init__(self, reason: str = "unreachable", *, retryable: bool = True) -> None:
        """Keep `reason`: a word or a server code for the log, such as "timeout" or "ServiceUnavailable"."""
        super().__init__()
        self.reason = reason
        self.retryable = retryable


class GraphConflict(GraphError):
    """Another write to the graph got in the way; the same write succeeds when it is tried again."""

    def __init__(self, code: str = "") -> None:
        """Keep the server's code for the log."""
        super().__init__()
        self.code = code


class GraphRejected(GraphError):
    """The graph refuses this statement or these values; trying again changes nothing."""

    def __init__(self, code: str) -> None:
        """Keep the server's code, such as Neo.ClientError.Statement.SyntaxError."""
        super().__init__()
        self.code = code


class GraphMisconfigured(GraphError):
    """The settings of the graph cannot be used."""

    def __init__(self, message: str | None = None) -> None:
        """Say in one sentence which setting to mend; without any secret."""
        super().__init__(message)
