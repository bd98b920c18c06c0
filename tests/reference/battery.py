"""The battery: raw requests that both servers answer. `{K}` stands for a key with both scopes, `{R}` for a reader."""
from dataclasses import dataclass, field

STUDY = "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-0000000000"
S01, S02, S03 = f"{STUDY}01/", f"{STUDY}02/", f"{STUDY}03/"
UNKNOWN = "/v1/studies/00000000-0000-4000-8000-000000000000/"
LIST = "/v1/studies/"
JSON = ("Content-Type", "application/json")


@dataclass
class Case:
    label: str
    method: str
    target: str
    headers: list = field(default_factory=list)
    body: bytes = b""
    # a (D) rule reads this request as another one: the reference is sent that one
    as_if: "Case | None" = None
    # a difference that the README explains and that is printed, but does not fail the run
    disputed: str = ""


def auth(key="{K}"):
    return ("Authorization", f"Api-Key {key}")


def get(label, target, *headers, key="{K}", method="GET", **more):
    return Case(label, method, target, ([auth(key)] if key else []) + list(headers), **more)


def patch(label, body, *headers, target=S01, content_type=JSON, key="{K}", as_if=None):
    body = body if isinstance(body, bytes) else body.encode()
    types = [content_type] if content_type else []
    return Case(label, "PATCH", target, [auth(key)] + types + list(headers), body, as_if)


def credentials():
    values = ["", "Api-Key", "Api-Key ", "Api-Key nope", "api-key {K}", "API-KEY {K}", "Api-Key  {K}", "Api-Key\t{K}",
              " Api-Key {K} ", "Api-Key {K} x", "Bearer {K}", "Basic {K}", "{K}", "Api-Key: {K}", "ApiKey {K}",
              "Api-Key {R}", "Api-Key,{K}", "Token {K}"]
    for value in values:
        for target in (LIST, S01):
            yield Case(f"authorization {value!r}", "GET", target, [("Authorization", value)])
    yield Case("no authorization", "GET", LIST)
    yield Case("key in the query", "GET", f"{LIST}?api_key={{K}}")
    yield Case("key in a cookie", "GET", LIST, [("Cookie", "Authorization=Api-Key {K}")])


def methods():
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO"):
        for target in (LIST, S01, UNKNOWN, "/v1/studies/abc/"):
            for key in ("{K}", "{R}", None):
                if method == "PATCH" and key == "{K}" and target != LIST:
                    continue
                yield get(f"{method} {key}", target, key=key, method=method)
    for method in ("HEAD", "OPTIONS", "POST", "DELETE"):
        yield get(f"schema {method}", "/v1/schema/", key=None, method=method)
    yield Case("override", "POST", S01, [auth(), ("X-HTTP-Method-Override", "PATCH"), JSON], b"{}")


def paths():
    bare = "0b5e7c1a-4d2f-4e8c-9a6b-000000000001"
    ids = [bare, bare.upper(), bare.replace("-", ""), f"%7B{bare}%7D", f"urn:uuid:{bare}", f"uuid:{bare}", f"urn:{bare}",
           f"URN:UUID:{bare}", "0b5e7c1a4d2f-4e8c9a6b-0000-00000001", f"-{bare}-", f"%7B%7B{bare}", f"{bare}0", bare[:-1],
           "abc", "1", "null", "%20", f"%20{bare}", f"{bare}%20", "%F0%9F%98%80", "%00", "last", "%7B%7D", "-", "%25",
           f"{bare[:-1]}g", "0" * 32, "f" * 32, "x" * 300, "%ff"]
    for segment in ids:
        yield get(f"id {segment[:40]}", f"/v1/studies/{segment}/")
    for path in ("/", "/v1", "/v1/", "/v1/nope/", "/v1/studies/x/y/", "//v1/studies/", "/v1//studies/", "/v1/studies//",
                 "/V1/studies/", "/v1/Studies/", "/v1/studies.json", f"/v1/studies/{bare}.json/", "/v1/studies/a.b/",
                 f"/v1/studies/{bare}//", "/v1/schema/x/", "/v1/studies/%2F/", "/v1/./studies/", "/favicon.ico"):
        for key in ("{K}", None):
            yield get(f"unrouted {key}", path, key=key)
    for method in ("GET", "HEAD", "OPTIONS"):
        for path in ("/v1/studies", f"/v1/studies/{bare}", "/v1/schema", "/v1/studies/abc", "/v1/studies?page=2",
                     f"/v1/studies/{bare}?a=1", "/v1/studies?b=2&a=1&c=3"):
            yield get("slashless", path, key=None, method=method)


def negotiation():
    accepts = ["*/*", "application/*", "*/json", "application/json", "APPLICATION/JSON", "application/json; charset=utf-8",
               "application/json;q=0", "application/json; version=2", "text/html,application/xhtml+xml,*/*;q=0.8",
               "text/html", "application/xml", "text/*", "*", "application/vnd.api+json", "nonsense", "", ",", ";", "/",
               "application/json;indent=4", "application/json; indent=0", "application/json; indent=99",
               "application/json; indent=-3", "application/json; indent=x", "*/*; indent=2", "application/json;indent=2, */*",
               "*/*, application/json; indent=3", "text/html, application/json", "application/json/x", "application/ json",
               "application/json;indent=\"3\"", "application/json; indent=4; q=1", "application/*;indent=1", "*/json;indent=2"]
    for accept in accepts:
        for target in (S01, f"{LIST}?page_size=2", UNKNOWN):
            yield get(f"accept {accept!r}", target, ("Accept", accept))
        yield get(f"accept {accept!r}, no key", LIST, ("Accept", accept), key=None)
        if "indent" not in accept:
            yield get(f"schema accept {accept!r}", "/v1/schema/", ("Accept", accept), key=None)
    for accept in ("application/vnd.oai.openapi", "application/yaml", "application/vnd.oai.openapi+json"):
        yield get(f"schema accept {accept!r}", "/v1/schema/", ("Accept", accept), key=None)
    for form in ("json", "", "xml", "api", "html", "JSON", "yaml"):
        yield get(f"format {form!r}", f"{LIST}?format={form}")
        yield get(f"format {form!r}, html", f"{LIST}?format={form}", ("Accept", "text/html"))
        yield get(f"schema format {form!r}", f"/v1/schema/?format={form}", key=None)
    yield get("no key, html", LIST, ("Accept", "text/html"), key=None)
    yield get("language", LIST, ("Accept-Language", "fr"))


def pages():
    for page in ("1", "2", "3", "4", "0", "-1", "99", "last", "Last", "first", "1.0", "abc", "", "%20", "%2B1", "+2", "1_0",
                 "0_1", "_1", "1_", "1__0", "01", "%201%20", "%091", "9" * 30, "9" * 400, "%D9%A1x", "1e1", "0x1", "None",
                 "1&page=2", "2&page=1", "1%00", "%C2%A01"):
        yield get(f"page {page[:20]}", f"{LIST}?page={page}")
    for size in ("1", "5", "10", "24", "25", "26", "99", "100", "101", "1000", "0", "-1", "", "abc", "1.5", "+7", "%2B7",
                 "1_0", "9" * 30, "5&page_size=2", "%207%20", "07", "1e1"):
        yield get(f"page_size {size[:20]}", f"{LIST}?page_size={size}")
        yield get(f"page_size {size[:20]} last", f"{LIST}?page_size={size}&page=last")
    for query in ("page=2", "page=2&page_size=10", "page=2&page_size=5&z=1&a=b%20c&a=d", "page=2&B=1&a=1&Z=2", "foo",
                  "page=last&page_size=0", "page=3&page_size=2&x=%C3%A9", "page_size=2&x=%ff", "page_size=2&&a&&", "page_size=2&a;b",
                  "page_size=2&a=1;b=2", "page_size=2&a=%2B+%26%3D%7E*!'()", "page_size=2&%20=%20", "page_size=2&=x",
                  "page_size=2&a=%E2%80%A8", "page_size=2&a=%zz", "page_size=2&a=%", "page_size=2&a=b=c", "page=2&page=3&page_size=2",
                  "page_size=2&A=1&a=2&_=3&~=4&-=5&.=6", "page_size=2&b=2&a=1&b=1&a=2", "page=2&page_size=2&page=2",
                  "page_size=2&%70age=3", "page_size=2&a=%F0%9F%98%80&%E9=1", "page_size=2&a=/?:@", "page_size=200&q=1",
                  "format=json&page=2&page_size=2", "page_size=2&a={|}"):
        yield get(f"query {query}", f"{LIST}?{query}")
    yield get("forwarded host", f"{LIST}?page_size=1", ("X-Forwarded-Host", "other.test"))
    yield get("forwarded host and port", f"{LIST}?page_size=1", ("X-Forwarded-Host", "other.test:8443"))


def bodies():
    for body in ("", "{}", " {} ", "{ }", "\n{}\n", " ", "{", "}", "{bad", "[]", "[1]", "null", "true", "1", "1.5", '"x"', "{}x",
                 "{},", "{'a':1}", '{"a":1,}', '{"a"}', '{"a":}', '{"a":1 "b":2}', "// x\n{}", "NaN", "Infinity", "-Infinity",
                 '{"active":NaN}', '{"a":01}', '{"a":1.}', '{"a":.5}', '{"a":+1}', '{"a":1e5}', '{"a":-0}', '{"a":"\\x"}',
                 '{"a":"\\u12"}', '{"a":"\t"}', '{"a":"\\u0000"}', '{"a":"\\ud800"}', '{"A":1}', '{"Active":true}', "nul",
                 '{"a":' + "9" * 400 + "}", "[" * 20 + "]" * 20, '{"zzz":[],"id":"x","name":1}', '{"a":{"b":[1,{"c":null}]}}'):
        yield patch(f"body {body[:40]!r}", body)
    for raw in (b"\xef\xbb\xbf{}", b"\xff", b'{"a":"\xff"}', b'{"a":"\xc3\xa9"}', b"\x00", b"{}\x00"):
        yield patch(f"bytes {raw!r}", raw)
    for value in ("text/plain", "application/json; charset=utf-8", "APPLICATION/JSON", "application/json;x=y", "*/*", "application/*",
                  "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "text/json",
                  "application/vnd.api+json", "json", "application/json; charset=latin-1", "application/json; charset=us-ascii",
                  "", "application/xml", "application/merge-patch+json", "*/json", "text/plain; charset=\"x\""):
        yield patch(f"type {value}", "{}", content_type=("Content-Type", value))
        yield patch(f"type {value}, empty", "", content_type=("Content-Type", value))
    yield patch("no type", "{}", content_type=None)
    yield patch("no type, empty", "", content_type=None)
    yield patch("latin-1", b'{"completion_url":"http://a.com/\xe9"}', content_type=("Content-Type", "application/json; charset=iso-8859-1"))
    yield patch("unknown id before body", "{bad", target=UNKNOWN)
    yield patch("malformed id before body", "{bad", target="/v1/studies/abc/")
    yield patch("reader", "{bad", key="{R}")
    yield patch("list", "{}", target=LIST)


def members():
    for value in ("true", "false", "1", "0", "1.0", "0.0", "-0.0", "-0", "2", "-1", "0.5", "1e0", "10e-1", "0e5", "null", '""', '" "', '"null"', '"None"',
                  '" true"', '"true "', '"1.0"', '"t"', '"T"', '"y"', '"Y"', '"yes"', '"YES"', '"Yes"', '"yEs"', '"on"', '"ON"',
                  '"true"', '"True"', '"TRUE"', '"tRuE"', '"f"', '"F"', '"n"', '"no"', '"No"', '"off"', '"OFF"', '"false"', '"False"',
                  '"0"', '"1"', '"2"', '"enabled"', "[]", "{}", "[true]", '{"a":1}', '"\\u0000"', '"\\u0131"', '"tru\\u0065"', "100000000000000000000"):
        yield patch(f"active {value}", f'{{"active":{value}}}', target=S03)
    urls = """https://yourapp.com/complete HTTPS://A.COM http://localhost:8000/x http://127.0.0.1 http://[::1]:80/
        https://p.com/c?pid={participant-id}&s=1 http://a.com/%zz http://a.com?x http://a.com:0 http://exämple.com/ü
        http://xn--exmple-cua.com http://a.co. ftp://a.com/x http://u:p@a.com/ a.com //a.com mailto:a@b.c
        javascript:alert(1) ws://a.com http://a http://a.c http://a_b.com http://-a.com http://a..com http://a.123
        http://256.1.1.1 http://01.2.3.4 http://[::g]/ http://a.com: http://a.com:123456 http://{x}.com/ http://a-.com
        http://a.com# http://a.com#f http://a.com/<x>"'  http://u@a.com http://u:@a.com http://:p@a.com http://@a.com http://a@b@c.com
        http://u:p:q@a.com http://LOCALHOST http://localhost. http://localhostx http://a.xn--p1ai http://a.xn--a-b http://a.xn--
        http://[::1] http://[::1]x http://[1::2::3] http://[::ffff:1.2.3.4]/ http://[fe80::1%25eth0]/ http://[::1 http://1.2.3.4.5
        http://1.2.3 http://0.0.0.0 http://255.255.255.255:99999/ http://a.b-c http://a.-bc http://a.bc- http://a.1bc http://a.b1
        ftps://a.com FTP://a.com httpss://a.com http:/a.com http:a.com http:// http://? http://# http://. http://.. http://.a.com
        http://a.com.. http://a.com\\\\x http://ａ.com http://a。com http://例え.テスト http://例え.テスト/ http://℀.com http://a.com/😀 http://😀.com
        http://a.com/?q=[1] http://foo.com/blah_(wikipedia)#cite http://a.com:80:80/ http://a.com/:@ http://a.com?@b http://user:pa/ss@a.com
        http://a.com/%20 http://a.com/; http://xn--a.com http://a.com%2f http://a%41.com http://1.com http://1.a1 http://1.a-b""".split()
    urls += ["", " ", "\t", " http://a.com ", "\u3000http://a.com\u00a0", "http://a.com/a b", "http://a.com/\u00a0", "\u001chttp://a.com\u001f",
             "http://a b.com", "http://a.com\n", "http://a.com/\nx", "http://" + "a" * 63 + ".com", "http://" + "a" * 64 + ".com",
             "http://a." + "b" * 63, "http://a." + "b" * 64, "http://" + "a." * 125 + "com", "http://" + "a." * 126 + "com",
             "http://a.com/" + "x" * 2035, "http://a.com/" + "x" * 2036, "x" * 2049, "http://a.com/\u2028", "http://a.com/\u0085x",
             "http://a.com/\u200b", "\u200bhttp://a.com"]
    import json
    for url in urls:
        yield patch(f"completion_url {url[:60]!r}", json.dumps({"completion_url": url}), target=S02)
    for value in ("null", "1", "1.5", "true", "false", "[]", "{}", '["http://a.com"]', '"\\u0000"', '"http://a.com/\\u0000"', '"\\ud800"',
                  '"http://a.com/\\udfff"', '"\\ud83d\\ude00"', '"http://a.com/\\ud83d\\ude00"', '"\\u0000\\ud800' + "x" * 2049 + '"',
                  '"http:\\/\\/a.com"', '"\\uD800\\u0000"'):
        yield patch(f"completion_url {value[:60]}", f'{{"completion_url":{value}}}', target=S02)
    for body in ('{"completion_url":"nope","active":"maybe"}', '{"active":"maybe","completion_url":"nope"}', '{"active":null,"completion_url":1}',
                 '{"active":true,"active":"x"}', '{"active":"x","active":true}', '{"completion_url":"http://a.com","active":null}',
                 '{"active":true,"completion_url":"https://yourapp.com/complete"}', '{"id":"x","name":1,"zzz":[]}', '{"completion_url":null}',
                 '{"status":"closed","created_at":"x"}', '{"share_url":1,"updated_at":null}', '{"\\u0061ctive":"x"}'):
        yield patch(f"members {body}", body, target=S03)
    yield get("after all", S02)
    yield get("after all", S03)
    yield get("list after all", f"{LIST}?page_size=100")


def raw():
    """Bytes and repetitions that well-behaved clients never send. A character stands for the byte of its code."""
    for segment in ("\xc3\xa9", "%C3%A9", "{0b5e7c1a-4d2f-4e8c-9a6b-000000000001}", "urn%3Auuid%3A0b5e7c1a4d2f4e8c9a6b000000000001",
                    "%30b5e7c1a-4d2f-4e8c-9a6b-000000000001", "%2B" + "1" * 31, "0x" + "1" * 30,
                    "1_" * 16, "%5B0b5e7c1a%5D", "..", "%2e%2e", "*", "~", "'", "a;b", "a,b", "a:b", "%0a", "%0d%0aX", "%7f"):
        yield get("raw id", f"/v1/studies/{segment}/")
    for query in ("page_size=2&a=^`[]\\'", "page_size=2?page=2", "?page_size=2",
                  "&", "=", "page_size=2&=&==&a==", "page_size=2&page=2&page=", "page=&page_size=", "page[]=2&page_size=2", "PAGE=2&page_size=2",
                  "page_size=2&a=%00", "page_size=2&a=%0A%0D", "page_size=2&a=\\", "page_size=2&" + "&".join(f"p{n}={n}" for n in range(60))):
        yield get("raw query", f"{LIST}?{query}")
    for query in ("a", "a=", "=a", "a=1&&b=2", "b=1&a=2", "x=%C3%A9&y=+%20", "a=%zz", "page=2&format=xml"):
        yield get("slashless query", f"/v1/studies?{query}", key=None)
    for value in ("Api-Key \xe9", "\xff", "Api-Key \"{K}\"", "Api-Key {K},", "Api-Key " + "x" * 4000,
                  "Api-Key oset_" + "0" * 43, "aPI-kEY {K}", "Api_Key {K}", "Api-Key\t\t{K}\t"):
        yield Case(f"raw authorization {value[:20]!r}", "GET", S01, [("Authorization", value)])
    yield Case("header names in capitals", "GET", S01, [("AUTHORIZATION", "Api-Key {K}"), ("ACCEPT", "application/json; indent=2")])
    for accept in ("\xff", "application/json\xff", "application/json;", "application/json;;", "application/json; indent", "application/json; indent=",
                   "application/json; indent= 4", "application/json; INDENT=4", "application/json; indent=4; indent=2", "application/json; indent=+2",
                   "application/json; indent=1_0", "application/json; indent=8", "application/json; indent=9", "application/json; indent=2.0",
                   "application/json; indent=' 4'", "application/json; a=\"b,c\"; indent=2", "application/json, application/json; indent=2",
                   "*/*; indent=2, application/*; indent=4", "*/*/*", "a/b/c, */*",
                   " application/json ", "application/json ,text/html", "text/html;q=1, application/json;q=0", ",".join(["text/html"] * 50 + ["*/*"])):
        for target in (S01, UNKNOWN, f"{LIST}?page_size=1"):
            yield get(f"raw accept {accept[:40]!r}", target, ("Accept", accept))
    yield get("pretty OPTIONS", S01, ("Accept", "application/json; indent=4"), method="OPTIONS")
    yield get("pretty HEAD", S01, ("Accept", "application/json; indent=4"), method="HEAD")
    yield get("pretty 401", LIST, ("Accept", "application/json; indent=4"), key=None)
    for proto in (None, "http", "https", "https,http", "http,https"):
        yield get(f"scheme {proto}", f"{LIST}?page_size=1", ("X-Forwarded-Proto", proto))
    for host in ("api.test:80", "api.test:443", "127.0.0.1:8000", "[::1]:8000", "OTHER.test"):
        yield get(f"forwarded host {host}", f"{LIST}?page_size=1", ("X-Forwarded-Host", host))
    for host in ("api.test:443", "API.test", "127.0.0.1"):
        yield get(f"host {host}", f"{LIST}?page_size=1", ("Host", host))
    yield get("body on GET", S01, JSON, body=b"{bad")
    yield get("body on GET of the list", LIST, ("Content-Type", "text/plain"), body=b"x")
    yield get("body on OPTIONS", S01, JSON, method="OPTIONS", body=b"{bad")
    yield get("body on PUT", S01, ("Content-Type", "text/plain"), method="PUT", body=b"{bad")
    for method in ("PROPFIND", "LINK", "M-SEARCH"):
        yield get(f"method {method}", S01, method=method)
    for query in ("?format=xml", "?format=json", "?page=2"):
        yield patch(f"PATCH {query}", "{}", target=S01 + query)
    for accept in ("text/html", "application/json; indent=2"):
        yield patch(f"PATCH accepts {accept}", '{"active":"x"}', ("Accept", accept))
        yield patch(f"PATCH accepts {accept}, broken", "{bad", ("Accept", accept))


def decided():
    """(D) rules that read a request as another one."""
    bare = "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-000000000001"
    for label, method, target, key, body in (
            ("7.2", "PATCH", bare, "{K}", b'{"active":"x"}'), ("7.2", "PATCH", bare, "{K}", b"{bad"), ("7.2", "PATCH", bare, "{R}", b"{}"),
            ("7.2", "PATCH", bare, None, b"{}"), ("7.2", "PUT", bare, "{K}", b"{}"), ("7.2", "DELETE", bare, "{K}", b""),
            ("7.2", "POST", "/v1/studies", "{K}", b"{}"), ("7.2", "POST", "/v1/studies", None, b""), ("7.2", "FOO", "/v1/schema", None, b"")):
        same = get(label, f"{target}/", JSON, key=key, method=method, body=body)
        yield get(f"{label}: {method} without the slash", target, JSON, key=key, method=method, body=body, as_if=same)
    digits = "/v1/studies/0b5e7c1a-4d2f-4e8c-9a6b-00000000001%D9%A1/"
    yield get("7.1: digits outside ASCII", digits, as_if=get("", "/v1/studies/x/"))
    for spelling in ("0x" + "1" * 30, "1_" * 15 + "11", "%2B" + "1" * 31, "%20" + "1" * 31):
        yield get("7.1: number spellings", f"/v1/studies/{spelling}/", as_if=get("", "/v1/studies/x/"))
    for page in ("%D9%A1", "%EF%BC%92", "%D9%A1%D9%A2"):
        yield get("8.2: digits outside ASCII", f"{LIST}?page={page}", as_if=get("", f"{LIST}?page=x"))
    for given, read in (("other.test, api.test", "other.test"), ("other.test,x", "other.test")):
        yield get("8.7: first forwarded host", f"{LIST}?page_size=1", ("X-Forwarded-Host", given),
                  as_if=get("", f"{LIST}?page_size=1", ("X-Forwarded-Host", read)))
    for given in ("a b", "a/b", "x@y", "", "a:b"):
        yield get("8.7: forwarded host that is none", f"{LIST}?page_size=1", ("X-Forwarded-Host", given), as_if=get("", f"{LIST}?page_size=1"))
    for body, read in (('{"active":1e400}', '{"active":"x"}'), ('{"active":-1e400}', '{"active":"x"}'), ('{"a":' + "9" * 5000 + "}", "{}"),
                       ("[" * 129 + "]" * 129, "{bad"), ('{"a":' * 200 + "1" + "}" * 200, "{bad"), ("[" * 100000, "{bad")):
        yield patch(f"10.2: {body[:20]}", body, as_if=patch("", read))
    for body in (b"{}", b'{"active":"x"}', b"{bad"):
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        case = patch("10.2: chunked", chunks, ("Transfer-Encoding", "chunked"), as_if=patch("", body))
        yield case
    yield patch("7.1 on PATCH", "{}", target=digits, as_if=patch("", "{}", target="/v1/studies/x/"))


def disputed():
    """Where the contract and the reference server disagree, or no HTTP server in front of a function can follow."""
    for value in ("Api-Key {K}\xa0", "Api-Key\xa0{K}", "\xa0Api-Key {K}", "Api-Key\x85{K}"):
        yield Case("blanks", "GET", S01, [("Authorization", value)])
    yield get("order", "/v1/studies?b=2&a=1&b=3", disputed="7.2: the values of a repeated name stand together")
    for query in ("a=\"", "a=<", "a=>", "a=\xe9", "\xff=1", "a=\xc3\xa9"):
        yield get("bytes", f"{LIST}?page_size=2&{query}", disputed="bytes that no URL may hold")
    for segment in ("\xff", "<", ">", "`"):
        yield get("bytes", f"/v1/studies/{segment}/", disputed="bytes that no URL may hold")


def cases():
    for part in (credentials, methods, paths, negotiation, pages, raw, decided, disputed, bodies, members):
        yield from part()
