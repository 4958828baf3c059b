"""The results, as ratios, and what was promised of them."""

from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from . import events, growth

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

    def steepest(self) -> float:
        """Return the highest cost of a byte beside that of a payload of 10 KB, up to 1 MB."""
        sizes = [size for size in events.SIZES if size > 10_000]
        return max(self.growth(shape, size) for shape in ("text", "records") for size in sizes)

    def growth(self, shape: str, size: int) -> float:
        """Return the cost of a kilobyte of this payload beside that of the 10 KB one."""
        times = self.results["events"]
        smallest = middle(times[f"{shape}/10000"]) / 10_000
        return middle(times[f"{shape}/{size}"]) / size / smallest

    def written(self, processes: int, peer: str = "project") -> float:
        """Return the lines per second of so many processes beside those of one."""
        written = {int(n): rates for n, rates in self.results["written"][peer].items()}
        return middle(written[processes]) / middle(written[1])

    def added(self, ours: str, theirs: str, method: str = "GET") -> float:
        """Return what the logging of one adds to the CPU of a request beside that of another."""
        return (self.request(ours, method) - 1) / (self.request(theirs, method) - 1)

    def lines(self, peer: str, method: str) -> int:
        """Return how many lines a request writes to all the sinks of a peer."""
        return int(self.results["profiled"][peer]["lines"][method])

    def events_of_a_get(self) -> float:
        """Return the CPU seconds of the events that this project logs in a GET."""
        cpu = self.results["cpu"]
        return middle(cpu["project/GET"]) - middle(cpu["project_silent/GET"])

    def share(self, owner: str) -> float:
        """Return whose functions take how much of the time that logging takes in a GET."""
        shares = self.results["profiled"]["project"]["shares"]
        return float(shares[owner] / (1 - shares["rest"]))

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
        """Return how far apart the middle half of the values is, for nine of ten benchmarks."""
        timings = [*self.results["events"].values(), *self.results["cpu"].values()]
        apart = []
        for times in timings:
            first, _, third = quantiles(times, n=4) if len(times) > 1 else (times[0],) * 3
            apart.append((third - first) / middle(times))
        return sorted(apart)[len(apart) * 9 // 10]


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
    in_request = ratios.events_of_a_get() / EVENTS_OF_A_GET
    floors = {name: ratios.results["events"][f"{name}/7 keys"] for name in ("floor", "floor-two")}
    second_of_floor = middle(floors["floor-two"]) / middle(floors["floor"]) - 1
    second = in_loop / middle(floors["floor"]) - one
    slowest = min(ratios.written(count) for count in growth.PROCESSES[1:])
    return [
        Target(
            "One event to one file, beside the floor",
            *(4.0, one),
            "the system calls that let processes share a file, rename it and die in the middle of "
            f"a line take {kernel:.1f} floors, the record and the dispatch of `logging` "
            f"{library:.1f}: {kernel + library:.1f} before any value has been looked at. The first "
            "keep lines whole, the others let the lines of every library have one shape.",
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
            f"the second sink adds {second:.1f} floors here, and {second_of_floor:.1f} to the "
            "floor; the rest is as above.",
        ),
        Target(
            "A disabled event, beside a disabled `logger.debug`",
            *(1.3, ratios.disabled("plain")),
            "`log_event` finds out which module calls it, so that no call needs a logger; that "
            f"alone costs {ratios.caller():.1f} of a disabled `logger.debug`. Beside one that is "
            f"given the same payload, the event costs {ratios.disabled('with_payload'):.2f}.",
        ),
        Target("CPU of a GET, beside none of the logging", 1.35, ratios.request("project", "GET")),
        Target(
            "CPU of a POST, beside none of the logging",
            *(1.35, ratios.request("project", "POST")),
            "what was created is an audit event, in a file of its own at any level. It and its "
            f"facts are most of the {ratios.request('project_silent', 'POST') - 1:.2f} that "
            "stay when all others are switched off.",
        ),
        *(
            Target(
                f"What the logging adds to a {method}, beside what django-structlog adds",
                *(0.25, ratios.added("project", "django_structlog", method)),
                f"{ratios.lines('project', method)} lines here and "
                f"{ratios.lines('django_structlog', method)} there, to all sinks. Each of the "
                f"{EVENTS_OF_A_GET} events of a GET costs {in_request / in_loop:.0f} times what it "
                "costs in a loop of nothing else. Of what logging takes of a GET, "
                f"{ratios.share('logging'):.0%} is in the functions of `logging`, and "
                f"{ratios.share('kernel'):.0%} in system calls, as cProfile has it.",
            )
            for method in ("GET", "POST")
        ),
        Target(
            "Cost of a byte beside that of 10 KB, at the most, up to 1 MB",
            *(1.5, ratios.steepest()),
            "a line above its limit is read once more, to be cut.",
        ),
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
