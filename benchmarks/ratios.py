"""The results, as ratios, and what was promised of them."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from . import growth

THREE = "project-three"
EVENTS_OF_A_GET = 3


class Ratios:
    """The results, as ratios that do not depend on the machine."""

    def __init__(self, results: dict[str, Any]) -> None:
        """Take what `compare` has measured."""
        self.results = results

    def event(self, peer: str, payload: str) -> float:
        """Return the cost of an event beside the floor with as many writes."""
        floor = "floor-two" if peer == THREE else "floor"
        times = self.results["events"]
        return middle(times[f"{peer}/{payload}"]) / middle(times[f"{floor}/{payload}"])

    def step(self, name: str) -> float:
        """Return the cost of one step of an event beside the floor."""
        floor = middle(self.results["events"]["floor/7 keys"])
        return middle(self.results["steps"][f"steps/{name}"]) / floor

    def disabled(self, beside: str) -> float:
        """Return the cost of a disabled event beside a disabled call of logging."""
        times = {
            name: middle(self.results["events"][f"disabled/{name}"])
            for name in ("nothing", "plain", "with_payload", "event")
        }
        return (times["event"] - times["nothing"]) / (times[beside] - times["nothing"])

    def request(self, peer: str, method: str) -> float:
        """Return the CPU of a request beside the same one without logging."""
        cpu = self.results["cpu"]
        return middle(cpu[f"{peer}/{method}"]) / middle(cpu[f"without_logging/{method}"])

    def rate(self, peer: str) -> float:
        """Return the requests per second beside those without logging."""
        rates = self.results["rates"]
        return middle(rates[peer]) / middle(rates["without_logging"])

    def memory(self, peer: str) -> float:
        """Return the megabytes beyond those without logging."""
        memory = self.results["memory"]
        return middle(memory[peer]) - middle(memory["without_logging"])

    def growth(self, shape: str, size: int) -> float:
        """Return the cost of a kilobyte of this payload beside that of the 10 KB one."""
        times = self.results["events"]
        smallest = middle(times[f"{shape}/10000"]) / 10_000
        return middle(times[f"{shape}/{size}"]) / size / smallest

    def written(self, processes: int, peer: str = "project") -> float:
        """Return the lines per second of so many processes beside those of one."""
        written = {int(n): rates for n, rates in self.results["written"][peer].items()}
        return middle(written[processes]) / middle(written[1])

    def added(self, ours: str, theirs: str) -> float:
        """Return what the logging of one adds to the CPU of a GET beside that of another."""
        return (self.request(ours, "GET") - 1) / (self.request(theirs, "GET") - 1)

    def added_seconds(self) -> float:
        """Return the CPU seconds that this project's logging adds to a GET."""
        cpu = self.results["cpu"]
        return middle(cpu["project/GET"]) - middle(cpu["without_logging/GET"])

    def caller(self) -> float:
        """Return the cost of finding out who calls, beside a disabled call of logging."""
        times = self.results["events"]
        nothing = middle(times["disabled/nothing"])
        caller = middle(self.results["steps"]["steps/caller"])
        return (caller - nothing) / (middle(times["disabled/plain"]) - nothing)

    def seconds(self, *kinds: str) -> float | str:
        """Return the seconds of these kinds of bake together, or why there are none."""
        found = self.results["scaffolding"]
        for kind in kinds:
            if kind in found["missing"]:
                return f"not measured: {found['missing'][kind]}"
        return sum(middle(found["bakes"][kind]) for kind in kinds)

    def quick(self) -> float | str:
        """Return the seconds that quick verification adds to a bare bake, or why there are none."""
        quick, bare = self.seconds("ours, quick"), self.seconds("ours, files")
        if isinstance(quick, str) or isinstance(bare, str):
            return quick if isinstance(quick, str) else bare
        return quick - bare

    def spread(self) -> float:
        """Return the median, over all benchmarks, of how far apart their values are."""
        timings = [*self.results["events"].values(), *self.results["cpu"].values()]
        return middle([(max(times) - min(times)) / middle(times) for times in timings])


def middle(values: list[float]) -> float:
    """Return the median."""
    return float(median(values))


@dataclass(frozen=True)
class Target:
    """What was promised, what was measured or why it was not, and why it was missed if it was."""

    words: str
    limit: float
    value: float | str
    why: str = ""
    at_least: bool = False

    @property
    def missed(self) -> bool:
        """Whether it was measured, and does not hold."""
        if isinstance(self.value, str):
            return False
        return self.value < self.limit if self.at_least else self.value > self.limit


def targets(ratios: Ratios) -> list[Target]:
    """Return what was promised."""
    one, structlog = ratios.event("project", "7 keys"), ratios.event("structlog", "7 keys")
    kernel = sum(map(ratios.step, ("stat", "lock", "seek", "write")))
    library = ratios.step("record") + ratios.step("dispatch")
    in_loop = middle(ratios.results["events"][f"{THREE}/7 keys"])
    in_request = ratios.added_seconds() / EVENTS_OF_A_GET
    slowest = min(ratios.written(count) for count in growth.PROCESSES[1:])
    return [
        Target(
            "One event to one file, beside the floor",
            *(4.0, one),
            "the system calls that let processes share a file, rename it and die in the middle of "
            f"a line take {kernel:.1f} floors, the record and the dispatch of `logging` "
            f"{library:.1f}: {kernel + library:.1f} before any value has been looked at. They are "
            "what gives the lines of every library one shape, and what keeps them whole.",
        ),
        Target(
            "The same, beside structlog's fastest recipe",
            *(1.0, one / structlog),
            "that recipe goes around `logging` and never looks at its file again; what it saves on "
            "stands in the table of what a line is worth.",
        ),
        Target(
            "The same to console and file, beside two writes",
            *(4.0, ratios.event(THREE, "7 keys")),
            "as above; the floor's second write is nearly free, since its line is made already.",
        ),
        Target(
            "A disabled event, beside a disabled `logger.debug`",
            *(1.3, ratios.disabled("plain")),
            "`log_event` finds out which module calls it, so that no call needs a logger; that "
            f"alone takes {ratios.caller():.1f} of it. Beside a `logger.debug` that is given the "
            f"same payload, the event costs {ratios.disabled('with_payload'):.2f}.",
        ),
        Target("CPU of a GET, beside none of the logging", 1.35, ratios.request("project", "GET")),
        Target(
            "CPU of a POST, beside none of the logging", 1.35, ratios.request("project", "POST")
        ),
        Target(
            "What the logging adds to a GET, beside what django-structlog adds as documented",
            *(0.25, ratios.added("project", "django_structlog")),
            f"amid a request, whose work has filled the processor's caches, each of the "
            f"{EVENTS_OF_A_GET} events costs {in_request / in_loop:.0f} times what it costs in a "
            "loop, and half of the functions that it passes are those of `logging`. The floor "
            f"adds {ratios.added('floor', 'django_structlog'):.2f}.",
        ),
        Target("Cost of a byte, 1 MB beside 10 KB (a text)", 1.3, ratios.growth("text", 1_000_000)),
        Target("Seconds that quick verification adds to a bare bake", 0.5, ratios.quick()),
        Target(
            "Seconds from nothing installed to proven lines",
            *(15, ratios.seconds("tools", "ours, cold")),
        ),
        Target(
            "Lines per second into one file, 2 to 8 processes beside one, at the least",
            *(1, slowest),
            at_least=True,
        ),
    ]
