"""manage.py verify_logging: proves that every handler writes lines that can be trusted."""

from typing import Any

from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError

from observability.verification import verify


class Command(BaseCommand):
    """Sends a probe through every handler, reads it back, and prints a row for each."""

    help = __doc__ or ""
    # What is wrong with the settings is this command's to report, beside the rows.
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print the rows; exit with 1, the reasons and the fixes when one fails."""
        messages = [message for message in run_checks(tags=["logging"]) if message.is_serious()]
        faults = [f"{message.msg}\n  Fix: {message.hint}" for message in messages]
        proofs = verify()
        self.stdout.write("\n".join(map(str, proofs)))
        faults += [f"{proof.handler}: {proof.problem}." for proof in proofs if proof.problem]
        if faults:
            raise CommandError("\n".join(["the logging cannot be trusted.", *faults]))
        self.stdout.write("logging verified")
