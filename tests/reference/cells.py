"""Cells that tables get wrong: one job over a row of them, and what readers that are not ours find in its three files."""
import csv
import io
import json
import time

import openpyxl
from openpyxl.utils.escape import unescape

BIG = "z" * 20_000
# name, the cell as it is sent, in CSV, in the workbook. A number has the same value, and one that no float has the same digits
CELLS = [
    ("a_esc", r'"_x0041_"', "_x0041_", "_x0041_"),
    ("a_esc2", r'"_x0041_x0042_"', "_x0041_x0042_", "_x0041_x0042_"),
    ("a_lower", r'"val_xa100_ev"', "val_xa100_ev", "val_xa100_ev"),
    ("a_5hex", r'"foo_x12345.txt"', "foo_x12345.txt", "foo_x12345.txt"),
    ("a_split", r'"_x00\u000141_"', "_x00\x0141_", "_x0041_"),
    ("a_split2", r'"SKU_x0041\u0002_"', "SKU_x0041\x02_", "SKU_x0041_"),
    ("a_cr", r'"_x0041\r\n_"', "_x0041\r\n_", "_x0041\n_"),
    ("ctrl", r'"a\u0000\u0001\u000b\f\u001f\u007f\u0085b"', "a\x01\x0b\x0c\x1f\x7f\x85b", "ab"),
    ("nonchar", r'"a\ufffe\uffff\ud83f\udffeb"', "a\ufffe\uffff\U0001fffeb", "a\U0001fffeb"),
    ("big", json.dumps(BIG), BIG, BIG),
    ("formula", r'"=HYPERLINK(\"http://x\")"', "'=HYPERLINK(\"http://x\")", '=HYPERLINK("http://x")'),
    ("plus", r'"+33612345678"', "+33612345678", "+33612345678"),
    ("zero", r'"00123"', "00123", "00123"),
    ("digits", r'"12345678901234567890"', "12345678901234567890", "12345678901234567890"),
    ("e", r'"1E5"', "1E5", "1E5"),
    ("date", r'"2026-05-27"', "2026-05-27", "2026-05-27"),
    ("dash", r'"3-4"', "3-4", "3-4"),
    ("true", r'"TRUE"', "TRUE", "TRUE"),
    ("space", r'"  x  "', "  x  ", "  x  "),
    ("nl", r'"l1\nl2"', "l1\nl2", "l1\nl2"),
    ("tab", r'"a\tb"', "a\tb", "a b"),
    ("cr", r'"a\rb"', "a\rb", "a\nb"),
    ("crlf", r'"a\r\nb"', "a\r\nb", "a\nb"),
    ("emoji", r'"\ud83d\udc68\u200d\ud83d\udc69"', "\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
    ("rtl", r'"\u202eabc"', "\u202eabc", "\u202eabc"),
    ("amp", r'"<a&b>]]>"', "<a&b>]]>", "<a&b>]]>"),
    ("ls", r'"a\u2028b"', "a\u2028b", "a\u2028b"),
    ("empty", r'""', "", ""),
    ("blank", r'"   "', "   ", "   "),
    ("apos", '"\'x"', "'x", "'x"),
    ("neg", "-0.0", "-0.0", -0.0),
    ("f1", "1.1", "1.1", 1.1),
    ("f2", "1e+21", "1e+21", 1e21),
    ("f3", "1e+300", "1e+300", 1e300),
    ("f5", "5.0", "5.0", 5.0),
    ("i53", "9007199254740993", "9007199254740993", "9007199254740993"),
    ("i64", "18446744073709551615", "18446744073709551615", "18446744073709551615"),
    ("i15", "999999999999999", "999999999999999", 999999999999999),
    ("i16", "1000000000000000", "1000000000000000", "1000000000000000"),
    ("neg64", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"),
    ("boolv", "true", "true", True),
    ("lst", r'["=1+1", "b;c", null, true, 1.5]', "'=1+1 | b;c |  | true | 1.5", "=1+1 | b;c |  | true | 1.5"),
    ("lst0", "[]", "", ""),
    ("nul", "null", "", None),
    ("i30", "123456789012345678901234567890", "123456789012345678901234567890", "123456789012345678901234567890"),
    ("dec", "0.1234567890123456789", "0.1234567890123456789", "0.1234567890123456789"),
    ("exp", "1.50E+2", "150.0", 150.0),
    ("trail", "4.50", "4.5", 4.5),
    ("negzero", "-0", "-0.0", -0.0),
    ("min", "1e-320", "1e-320", 1e-320),
]


def check(robot, client):
    """One job over a row with all of them."""
    row = ", ".join(f'"{name}": {sent}' for name, sent, _, _ in CELLS)
    answer = client.post("/jobs/verify-emails", content='{"items": [{"email": "x1@nx.test", %s}]}' % row,
                         headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    job, began = answer.json(), time.monotonic()
    while job["status"] in ("pending", "running"):
        assert time.monotonic() - began < 60, job
        time.sleep(0.2)
        job = robot.call("GET", f"/jobs/{job['id']}", 200)
    path = f"/jobs/{job['id']}/download"
    # numbers keep their digits
    exact = lambda text: json.loads(text, parse_int=str, parse_float=str)
    [plain] = exact(client.get(path).text)
    [head, cells] = csv.reader(io.StringIO(client.get(path, params={"format": "csv"}).content.decode("utf-8-sig"), newline=""), delimiter=";")
    book = openpyxl.load_workbook(io.BytesIO(client.get(path, params={"format": "xlsx"}).content))
    names, values = book["results"].iter_rows(values_only=True)
    assert list(names) == head == list(plain), (names, head)
    # this reader leaves to others what `_x005F_` stands for
    values = [unescape(value) if isinstance(value, str) else value for value in values]
    comma, sheet = dict(zip(head, cells, strict=True)), dict(zip(names, values, strict=True))
    wrong = []
    for name, sent, in_csv, in_sheet in CELLS:
        found, wanted = (plain[name], comma[name], sheet[name]), (exact(sent), in_csv, in_sheet)
        # a float's digits are the shortest ones
        same = found[1:] == wanted[1:] and (found[0] == wanted[0] or json.loads(sent) == float(found[0]))
        if not same or type(in_sheet) is not type(sheet[name]):
            wrong.append((name, *(text if len(str(text)) < 60 else len(text) for text in found)))
    assert not wrong, wrong
    robot.call("DELETE", f"/jobs/{job['id']}", 200)
