"""A stub of Nominatim and of an Overpass server, which knows one zone and its bakeries:
    python osm.py PORT"""
import http.server
import json
import re
import sys
import urllib.parse

WEST, SOUTH, EAST, NORTH = 2.30, 48.80, 2.45, 48.86
RING = [[WEST, SOUTH], [EAST, SOUTH], [EAST, NORTH], [WEST, NORTH], [WEST, SOUTH]]
PARIS = {
    "osm_type": "relation", "osm_id": 7444, "lat": "48.83", "lon": "2.37", "category": "boundary", "type": "administrative",
    "name": "Paris", "boundingbox": [str(SOUTH), str(NORTH), str(WEST), str(EAST)],
    "geojson": {"type": "Polygon", "coordinates": [RING]},
}
PLACES = [
    {"type": "node", "id": 1, "lat": 48.81, "lon": 2.31, "tags": {"shop": "bakery", "name": "Chez Paul"}},
    {"type": "way", "id": 2, "center": {"lat": 48.85, "lon": 2.44}, "tags": {"shop": "bakery", "name": "Le Pain"}},
    {"type": "node", "id": 3, "lat": 48.95, "lon": 2.44, "tags": {"shop": "bakery", "name": "Too far"}},
]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        body = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        asked = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        self.answer([PARIS] if asked.get("q") == ["paris"] else [])

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        query = urllib.parse.parse_qs(self.rfile.read(length).decode())["data"][0]
        bounds = re.search(r"\(([-.,0-9]+)\);out center tags;$", query)
        found = []
        if bounds and '["shop"="bakery"]' in query:
            south, west, north, east = map(float, bounds[1].split(","))
            at = lambda place: place.get("center", place)
            found = [place for place in PLACES if south <= at(place)["lat"] <= north and west <= at(place)["lon"] <= east]
        self.answer({"version": 0.6, "generator": "Overpass API", "elements": found})

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
