"""Stripe's events, signed by Stripe's own library: what it signed is heard, and nothing else is; of an event that comes many
times at once there is one effect. Each answer is held against the golden document."""
import argparse
import concurrent.futures
import json
import sys
import time

import requests
import stripe

from openscouter import PASSWORD, World, as_documented, bearer

PATH = "/api/webhooks/stripe"
OWNER = "paula@openscouter.example"
STUDY = {"title": "Paid for", "description": "d", "prototypeUrl": "https://a.example", "prototypeType": "url",
         "tasks": [{"title": "t", "description": "d"}], "targeting": {"countries": ["FR"], "testerCount": 2},
         "compensation": {"amount": 15}}


class Stripe:
    """Sends events as Stripe does, by the server's clock, which others have moved."""

    def __init__(self, world, secret):
        self.world, self.secret = world, secret

    def now(self):
        answer = requests.post(self.world.control + "/_local/clock", json={"advance_seconds": 0}, timeout=30)
        return int(time.time() + answer.json()["offset_seconds"])

    def signed(self, body, secret=None, at=None):
        """The header that the library makes and, of what is right, takes."""
        secret, at = secret or self.secret, self.now() if at is None else at
        header = stripe.WebhookSignature.generate_signature_header(body, secret, at)
        event = stripe.Webhook.construct_event(body, header, secret, tolerance=0)
        assert event.id == json.loads(body)["id"]
        return header

    def send(self, body, header):
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header}
        answer = requests.post(self.world.root + PATH, data=body.encode(), headers=headers, timeout=30)
        as_documented("POST", PATH, answer)
        return answer

    def heard(self, body, header):
        answer = self.send(body, header)
        assert (answer.status_code, answer.json()) == (200, {"received": True}), answer.text

    def refused(self, body, header):
        answer = self.send(body, header)
        assert (answer.status_code, answer.json()["error"]) == (401, "Invalid signature"), answer.text


def event(name, kind, created, **members):
    return json.dumps({"id": name, "object": "event", "api_version": "2022-11-15", "created": created, "livemode": False,
                       "pending_webhooks": 1, "type": kind, "data": {"object": {"object": "checkout.session", **members}}})


def signatures(sender):
    now = sender.now()
    body = event("evt_signed", "charge.updated", now, id="ch_1", description="für Zoë")
    sender.heard(body, sender.signed(body))
    sender.heard(body, sender.signed(body, at=now - 290))
    sender.heard(body, "t=" + sender.signed(body).removeprefix("t=") + ",v1=" + "0" * 64)
    sender.refused(body.replace("ch_1", "ch_2"), sender.signed(body))
    sender.refused(body + " ", sender.signed(body))
    sender.refused(body, sender.signed(body, at=now - 330))
    sender.refused(body, sender.signed(body, at=now + 330))
    sender.refused(body, sender.signed(body, secret="whsec_of_nobody"))
    sender.refused(body, sender.signed(body).replace("v1=", "v0="))


def one_effect(world, sender):
    """Fifty deliveries of one event at once launch its study once, and a later one moves nothing."""
    body = {"role": "business", "email": OWNER, "password": PASSWORD, "fullName": "Paula Roe", "companyName": "Roe Ltd"}
    world.call("POST", "/api/auth/sign-up", 202, body)
    world.call("POST", "/api/auth/verify-email", 200, {"token": world.mail(OWNER, "Confirm your e-mail address")})
    owner = bearer(world.sign_in(OWNER))
    study = world.data_of("POST", "/api/jobs", 201, STUDY, credential=owner)["jobId"]
    path = f"/api/jobs/{study}"
    paid = event("evt_paid", "checkout.session.completed", sender.now(), id="cs_test_1", client_reference_id=study,
                 payment_status="paid", amount_total=3_000, currency="usd")
    altered = paid.replace(study, "job_01kkrbjhm0f7bbz7tpxh6gkmw7")
    sender.refused(altered, sender.signed(paid))
    assert world.data_of("GET", path, 200, credential=owner)["status"] == "draft"
    header = sender.signed(paid)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda _: sender.heard(paid, header), range(50)))
    shown = world.data_of("GET", path, 200, credential=owner)
    assert (shown["status"], shown["paymentStatus"]) == ("open", "paid"), shown
    assert shown["updatedAt"] == shown["launchedAt"], shown
    # what the same event says later, in whatever words, was heard before
    world.advance(61)
    sender.heard(paid, sender.signed(paid))
    again = event("evt_paid", "checkout.session.expired", sender.now(), id="cs_test_1", client_reference_id=study)
    sender.heard(again, sender.signed(again))
    assert world.data_of("GET", path, 200, credential=owner) == shown


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("openscouter", "control", "secret"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    the_world = World(options.openscouter, options.control, None, None)
    the_world.advance(61)
    the_sender = Stripe(the_world, options.secret)
    signatures(the_sender)
    one_effect(the_world, the_sender)
    print("stripe: signatures of its own library, and one effect of fifty deliveries")
    sys.exit(0)
