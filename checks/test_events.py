"""The sample events: one for each function, in the shape that the gateway sends."""
import base64
import re
import unittest

import project


def pattern(resource):
    parts = []
    for part in re.split(r"(\{[^}]+\})", resource):
        variable = re.fullmatch(r"\{(\w+)(\+?)\}", part)
        parts.append(re.escape(part) if not variable else f"(?P<{variable[1]}>{'.+?' if variable[2] else '[^/]+'})")
    return "".join(parts) + "/?"


def last(values):
    return {name: each[-1] for name, each in values.items()} if values else values


class Events(unittest.TestCase):
    def test_one_for_each_function(self):
        self.assertEqual(set(project.events()), project.background() | {
            crate for api in project.APIS for crate in project.functions(api)})

    def test_shape(self):
        events = project.events()
        for api in project.APIS:
            routes = project.routes(api)
            for crate in project.functions(api):
                with self.subTest(crate):
                    event = events[crate]
                    resource, method, context = event["resource"], event["httpMethod"], event["requestContext"]
                    routed = routes.get((resource, method)) or routes.get((resource, "ANY"))
                    self.assertEqual(routed, crate)
                    found = re.fullmatch(pattern(resource), event["path"])
                    self.assertTrue(found, event["path"])
                    self.assertEqual(event["pathParameters"], found.groupdict() or None)
                    self.assertEqual(context["path"], f"/{context['stage']}{event['path']}")
                    self.assertEqual((context["resourcePath"], context["httpMethod"]), (resource, method))
                    self.assertEqual(event["headers"], last(event["multiValueHeaders"]))
                    self.assertEqual(event["queryStringParameters"], last(event["multiValueQueryStringParameters"]))
                    self.assertTrue(context["identity"]["sourceIp"])
                    if event["body"] is not None:
                        self.assertTrue(event["isBase64Encoded"])
                        base64.b64decode(event["body"], validate=True)


if __name__ == "__main__":
    unittest.main()
