"""What can go wrong, split by what the caller can do about it.

::

    GpucarveError
    ├── DocumentError      fix the fleet document      (carries every diagnostic)
    ├── HostError          fix the host                (carries the findings: fact, rule, fix)
    ├── PlanError          make or approve a new plan  (a saved plan is foreign, old or no longer fits)
    ├── JournalError       move the journal away or name another (it cannot be opened)
    ├── RetryError         try again later
    │   ├── UnreachableError   the host does not answer
    │   └── LockedError        another controller works there
    ├── PermissionRefused  get the right to do it      (sudo, host keys, credentials)
    └── BugError           report it                   (our own promise was broken)

Boundary: failures that belong to one call are replies (`gpucarve.calls.replies`), never exceptions. These
exceptions end a verb; the faces turn each into an exit status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucarve.model.diagnostics import Diagnostic
    from gpucarve.model.findings import Finding


class GpucarveError(Exception):
    """Root of everything gpucarve raises on purpose. `hint` is the next thing to do, in one sentence."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class DocumentError(GpucarveError):
    """The fleet document cannot be used; `diagnostics` holds every reason, in document order."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(f"{len(diagnostics)} problem(s) in the fleet document")
        self.diagnostics = tuple(diagnostics)


class HostError(GpucarveError):
    """A host is not in a state to go on from; `findings` name the fact, the rule and the fix."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(finding.sentence() for finding in findings))
        self.findings = tuple(findings)


class PlanError(GpucarveError):
    """A plan cannot be applied as it stands: another version's, another fleet's, or overtaken by the facts."""


class JournalError(GpucarveError):
    """The journal cannot be opened: it is no journal, or the place cannot be written to."""


class RetryError(GpucarveError):
    """Nothing is wrong with the request; it cannot be served now."""


class UnreachableError(RetryError):
    """The host gave no answer within its deadline."""


class LockedError(RetryError):
    """Another controller holds the lease of a host, or another process the journal."""


class PermissionRefused(GpucarveError):
    """We are not allowed: sudo wants a password, a key is unknown, a credential is missing."""


class BugError(GpucarveError):
    """A promise of our own code was broken; nothing the user did can be the cause."""
