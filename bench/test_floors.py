"""What makes `bench/guard` fail, and what does not."""
import pathlib
import unittest

import floors

TEXT = """# a comment
list = { floor = 20, tolerance = 0.6 }
idle = { ceiling = 0.03, tolerance = 2 } # why
"""
HERE = pathlib.Path(__file__).parent


class Judged(unittest.TestCase):
    bounds = floors.read(TEXT)

    def wrong(self, **figures):
        return floors.judge(self.bounds, figures)

    def test_what_is_better_or_within_the_noise_passes(self):
        for figures in ({"list": 20, "idle": 0.03}, {"list": 12, "idle": 0.06}, {"list": 90, "idle": 0}):
            self.assertEqual(self.wrong(**figures), [])

    def test_a_ratio_under_its_floor_fails_and_is_named(self):
        told = self.wrong(list=11.9, idle=0.01)
        self.assertEqual(told, ["list: measured 11.9, floor 20, tolerance 0.6: less than 12"])

    def test_a_figure_over_its_ceiling_fails_and_is_named(self):
        told = self.wrong(list=20, idle=0.07)
        self.assertEqual(told, ["idle: measured 0.07, ceiling 0.03, tolerance 2: more than 0.06"])

    def test_a_row_that_was_not_measured_fails(self):
        self.assertEqual(self.wrong(list=20), ["idle: not measured"])
        self.assertEqual(len(self.wrong(list=float("nan"), idle=float("nan"))), 2)

    def test_a_row_without_a_bound_fails(self):
        self.assertEqual(self.wrong(list=20, idle=0.01, new=1), ["new: not in floors.toml"])


class Raised(unittest.TestCase):
    def test_floors_rise_and_ceilings_fall(self):
        text = floors.raised(TEXT, {"list": 31.49, "idle": 0.0101})
        self.assertEqual(text, TEXT.replace("20", "31.4").replace("0.03", "0.0101"))

    def test_neither_goes_the_other_way(self):
        self.assertEqual(floors.raised(TEXT, {"list": 19, "idle": 0.05}), TEXT)
        self.assertEqual(floors.raised(TEXT, {"list": float("nan")}), TEXT)

    def test_of_several_runs_the_worst_counts(self):
        runs = [{"list": 30, "idle": 0.01}, {"list": 25, "idle": 0.02}, {"list": 28, "idle": 0.01, "new": 1}]
        self.assertEqual(floors.worst(floors.read(TEXT), runs), {"list": 25, "idle": 0.02})

    def test_what_is_recorded_passes_where_it_was_measured(self):
        for figure in (0.0336, 1.0499, 9.99, 10, 1234.5):
            self.assertLessEqual(floors.rounded(figure, "floor"), figure)
            self.assertGreaterEqual(floors.rounded(figure, "ceiling"), figure)


class File(unittest.TestCase):
    def test_the_file_can_be_read_and_raised(self):
        text = (HERE / "floors.toml").read_text()
        bounds = floors.read(text)
        better = {name: bound.bound * (2 if bound.kind == "floor" else 0.5) for name, bound in bounds.items()}
        changed = floors.read(floors.raised(text, better))
        self.assertEqual({name for name in bounds if changed[name].bound == bounds[name].bound}, set())

    def test_what_is_no_bound_is_an_error(self):
        for text in ("list = 3", "list = { floor = 3 }", "list = { floor = 3, tolerance = 1.5 }", "list = { ceiling = 3, tolerance = 0.5 }"):
            with self.assertRaises(ValueError):
                floors.read(text)


if __name__ == "__main__":
    unittest.main()
