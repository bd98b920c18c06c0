"""What becomes of a measurement that does not come about."""
import contextlib
import io
import socket
import sys
import unittest

from servers import Missed, Rows, Server, run


def quietly(work):
    """What the work prints, and with what it ends the program."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            work()
        except SystemExit as error:
            return out.getvalue(), error.code
    return out.getvalue(), 0


class Missing(unittest.TestCase):
    def test_what_is_too_slow_becomes_a_row_and_the_next_one_runs(self):
        def work():
            with Rows() as rows:
                rows.attempt("slow", run, ["sleep", "9"], 0.1)
                print(rows.attempt("next", run, ["echo", "measured"]))

        out, code = quietly(work)
        self.assertIn("slow: not measured: TimeoutExpired", out)
        self.assertIn("measured", out.splitlines())
        self.assertEqual(code, "not measured: slow")

    def test_what_fails_between_rows_is_no_traceback(self):
        def work():
            with Rows():
                raise Missed("it did not start")

        out, code = quietly(work)
        self.assertIn("it did not start", out)
        self.assertIn("not measured", code)

    def test_nothing_is_said_when_all_was_measured(self):
        def work():
            with Rows() as rows:
                rows.attempt("one", run, ["true"])

        self.assertEqual(quietly(work), ("", 0))

    def test_a_command_that_fails_says_why(self):
        with self.assertRaisesRegex(Missed, "no such thing"):
            run([sys.executable, "-c", "import sys; sys.exit('no such thing')"])

    def test_a_server_that_is_silent_gone_or_deaf_is_not_waited_for_without_end(self):
        with Server([sys.executable, "-c", "import time; time.sleep(60)"]) as silent, self.assertRaises(Missed):
            silent.told(0.1)
        with Server(["true"]) as gone, self.assertRaises(Missed):
            gone.told()
        with socket.socket() as bound, Server(["sleep", "60"]) as deaf, self.assertRaises(Missed):
            bound.bind(("127.0.0.1", 0))
            deaf.wait_for(bound.getsockname()[1], 0.2)

    def test_a_server_that_does_not_come_to_rest_is_told(self):
        with Server([sys.executable, "-c", "while True: pass"]) as busy, self.assertRaisesRegex(Missed, "of a processor"):
            busy.quiet(0.4)

    def test_an_idle_server_is_told_with_its_memory(self):
        with Server(["sleep", "60"]) as idle:
            self.assertLess(idle.quiet(), 1)
            self.assertGreater(idle.peak(), 0)


if __name__ == "__main__":
    unittest.main()
