"""The reference server behind gunicorn, with its rate from the environment (the contract's by default)."""
import os

import reference
from rest_framework.throttling import SimpleRateThrottle

if rate := os.environ.get("REFERENCE_RATE"):
    SimpleRateThrottle.THROTTLE_RATES = {"user": rate}

application = reference.application
