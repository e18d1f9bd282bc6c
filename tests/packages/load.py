"""Writes serial after serial through the web server until /tmp/stop is there; runs in the machine. Prints
what was answered and the last serial that was acknowledged."""
import base64
import collections
import json
import os
import ssl
import time
import urllib.error
import urllib.request

URL = "https://localhost/state/load/one"
AUTH = {"Authorization": "Basic " + base64.b64encode(b"basic:secret").decode()}
context = ssl._create_unverified_context()
answers, serial, acknowledged = collections.Counter(), 1, 0
while not os.path.exists("/tmp/stop"):
    body = json.dumps({"version": 4, "serial": serial, "lineage": "l"}).encode()
    try:
        request = urllib.request.Request(URL, body, AUTH, method="POST")
        status = urllib.request.urlopen(request, context=context, timeout=60).status
    except urllib.error.HTTPError as error:
        status = error.code
    answers[status] += 1
    if status == 200:
        acknowledged, serial = serial, serial + 1
    else:
        time.sleep(0.1)
    time.sleep(0.005)
print(json.dumps({"answers": answers, "acknowledged": acknowledged}))
