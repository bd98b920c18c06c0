"""The floors of `bench/floors.toml`: read, judged, raised."""
import math
import re
import tomllib
from typing import NamedTuple

LINE = re.compile(r"^(?P<name>[a-z-]+) = \{ (?P<kind>floor|ceiling) = (?P<bound>[0-9.]+), tolerance = (?P<tolerance>[0-9.]+) \}", re.M)


class Bound(NamedTuple):
    kind: str  # "floor": more is better; "ceiling": less is better
    bound: float
    tolerance: float  # what the bound is multiplied by before a figure fails it: below 1 for floors, above 1 for ceilings

    @property
    def limit(self):
        return self.bound * self.tolerance

    def holds(self, figure):
        """Whether the figure is within the noise; one that is not a number is not."""
        return figure >= self.limit if self.kind == "floor" else figure <= self.limit


def read(text):
    """The bounds by row; a file that says something else than one bound a line is an error."""
    bounds = {}
    for name, row in tomllib.loads(text).items():
        line = next((line for line in LINE.finditer(text) if line["name"] == name), None)
        if line is None:
            raise ValueError(f"{name} is not {{ floor|ceiling = number, tolerance = number }}: {row}")
        bound = Bound(line["kind"], float(line["bound"]), float(line["tolerance"]))
        if (bound.tolerance > 1) != (bound.kind == "ceiling"):
            raise ValueError(f"{name}: the tolerance of a {bound.kind} is not {bound.tolerance}")
        bounds[name] = bound
    return bounds


def judge(bounds, figures):
    """What is wrong with a run, a text for each row."""
    wrong = [f"{name}: not in floors.toml" for name in figures if name not in bounds]
    for name, bound in bounds.items():
        figure = figures.get(name)
        if figure is None:
            wrong.append(f"{name}: not measured")
        elif not bound.holds(figure):
            wrong.append(f"{name}: measured {figure:.4g}, {bound.kind} {bound.bound:g}, tolerance {bound.tolerance:g}: "
                         f"{'less' if bound.kind == 'floor' else 'more'} than {bound.limit:.4g}")
    return wrong


def rounded(figure, kind):
    """Three digits of a figure, on the side that promises less."""
    if figure <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(figure)) - 2)
    whole = math.floor(figure / step + 1e-9) if kind == "floor" else math.ceil(figure / step - 1e-9)
    return float(f"{whole * step:.3g}")


def worst(bounds, runs):
    """Of several runs, for each row the figure that promises least; rows that a run lacks are left out."""
    rows = set.intersection(*(set(run) for run in runs)) & set(bounds)
    return {name: (min if bounds[name].kind == "floor" else max)(run[name] for run in runs) for name in rows}


def raised(text, figures):
    """The file with floors raised and ceilings lowered to what was measured, never the other way."""
    def line(found):
        figure = figures.get(found["name"])
        if figure is None or math.isnan(figure):
            return found[0]
        bound, measured = float(found["bound"]), rounded(figure, found["kind"])
        better = max if found["kind"] == "floor" else min
        if better(bound, measured) == bound:
            return found[0]
        return f"{found['name']} = {{ {found['kind']} = {measured:g}, tolerance = {found['tolerance']} }}"

    return LINE.sub(line, text)
