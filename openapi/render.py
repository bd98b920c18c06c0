"""Writes outset.yaml from outset.json, as drf-spectacular's renderer does. Run it after editing the JSON."""
import json
import pathlib

import yaml

HERE = pathlib.Path(__file__).parent


class Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data):
        return True


def text(dumper, data):
    style = "|" if "\n" in data else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=style)


Dumper.add_representer(str, text)


def render(document):
    return yaml.dump(document, default_flow_style=False, sort_keys=False, allow_unicode=True, Dumper=Dumper)


if __name__ == "__main__":
    document = json.loads((HERE / "outset.json").read_text())
    (HERE / "outset.yaml").write_text(render(document))
