"""Writes the documents' examples, then each document's YAML from its JSON, as drf-spectacular's renderer does. Run it after
editing the JSON."""
import json
import pathlib

import yaml

import examples

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
    for source in sorted(HERE.glob("*.json")):
        document = json.loads(source.read_text())
        examples.fill(source.stem, document)
        source.write_text(json.dumps(document, indent=4, ensure_ascii=False) + "\n")
        source.with_suffix(".yaml").write_text(render(document))
