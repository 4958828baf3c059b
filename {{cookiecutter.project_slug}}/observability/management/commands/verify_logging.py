"""manage.py verify_logging: proves that every handler writes lines that can be trusted."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from observability.checks import check_logging, check_middleware
from observability.verification import verify


class Command(BaseCommand):
    """Sends a probe through every handler, reads it back, and prints a row for each."""

    help = __doc__ or ""
    # What is wrong with the settings is this command's to report, beside the rows.
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print the rows; exit with 1, the reasons and the fixes when one fails."""
        messages = [*check_logging(), *check_middleware()]
        faults = [f"{fault.msg}\n  Fix: {fault.hint}" for fault in messages if fault.is_serious()]
        for proof in verify():
            self.stdout.write(str(proof))
            if proof.problem:
                faults.append(f"{proof.handler}: {proof.problem}.")
        if faults:
            raise CommandError("\n".join(["the logging cannot be trusted.", *faults]))
        self.stdout.write("logging verified")
