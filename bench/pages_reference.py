"""Pages as one would read them with Python: httpx fetches, selectolax or BeautifulSoup parses. One thread, one request at a time to each host."""
import asyncio
import json
import re
import sys
import time

import httpx
from bs4 import BeautifulSoup
from selectolax.lexbor import LexborHTMLParser

MAIL = re.compile(r"[a-zA-Z0-9.!#$%&'*+/=?^_{}~-]+@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+")
CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([a-zA-Z0-9_-]+)", re.IGNORECASE)
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"))


def decoded(response):
    """The page's text: by its mark, its header or its own declaration, else UTF-8, else Latin."""
    body = response.content
    for mark, name in MARKS:
        if body.startswith(mark):
            return body.decode(name, "replace")
    told = CHARSET.search(body[:1024])
    name = response.charset_encoding or (told and told.group(1).decode()) or "utf-8"
    try:
        return body.decode(name)
    except (LookupError, UnicodeDecodeError):
        return body.decode("cp1252", "replace")


def selectolax(html):
    tree = LexborHTMLParser(html)
    nodes = tree.css("a[href], area[href], frame[src], iframe[src]")
    links = [node.attributes.get("href") or node.attributes.get("src") or "" for node in nodes]
    tree.strip_tags(["script", "style", "template"])
    return links, tree.root.text(separator=" ") if tree.root else ""


def beautifulsoup(html):
    tree = BeautifulSoup(html, "html.parser")
    links = [node.get("href") or node.get("src") or "" for node in tree.find_all(["a", "area", "frame", "iframe"])]
    for node in tree.find_all(["script", "style", "template"]):
        node.decompose()
    return links, tree.get_text(" ")


async def visit(client, parse, host, port, numbers, found):
    for number in numbers:
        url = f"http://{host}:{port}/{number}"
        response = await client.get(url)
        links, text = parse(decoded(response))
        addresses = MAIL.findall(text) + [link[7:].split("?")[0] for link in links if link[:7].lower() == "mailto:"]
        for name, count in (("pages", 1), ("links", len(links)), ("letters", len(text)), ("addresses", len(addresses))):
            found[name] += count


async def main(parse, port, pages, total, hosts):
    found = {"pages": 0, "links": 0, "letters": 0, "addresses": 0}
    def numbers(host):
        return (number % pages for number in range(host, total, hosts))

    limits = httpx.Limits(max_connections=hosts, max_keepalive_connections=hosts)
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client:
        began, before = time.perf_counter(), time.process_time()
        await asyncio.gather(*(visit(client, parse, f"127.0.0.{host + 2}", port, numbers(host), found) for host in range(hosts)))
        print(json.dumps(found | {"seconds": time.perf_counter() - began, "cpu": time.process_time() - before}))


if __name__ == "__main__":
    asyncio.run(main({"selectolax": selectolax, "beautifulsoup": beautifulsoup}[sys.argv[1]], *map(int, sys.argv[2:])))
