"""Prints as JSON what the last run of stestr in this directory came to.

tests:    name -> [passed | failed | skipped, reason]
setups:   class whose tests did not run -> the same, for all of them
cleanups: class that could not clean up -> reason
"""
import io
import json
import re
import subprocess

import subunit
import testtools

WORD = {"success": "passed", "xfail": "passed", "skip": "skipped"}


class Verdicts(testtools.StreamResult):
    def __init__(self):
        super().__init__()
        self.said, self.seen = {}, {"tests": {}, "setups": {}, "cleanups": {}}

    def status(self, test_id=None, test_status=None, file_name=None, file_bytes=None, **_):
        if test_id is None:
            return
        if file_bytes and file_name in ("traceback", "reason"):
            self.said[test_id] = self.said.get(test_id, "") + bytes(file_bytes).decode(errors="replace")
        if test_status not in (None, "exists", "inprogress"):
            self.end(test_id, test_status)

    def end(self, test_id, status):
        reason = self.said.get(test_id, "")[-3000:]
        fixture = re.match(r"(setUpClass|tearDownClass) \((.*)\)$", test_id)
        if fixture is None:
            self.seen["tests"][test_id.split("[")[0]] = [WORD.get(status, "failed"), reason]
        elif fixture[1] == "setUpClass":
            self.seen["setups"][fixture[2]] = [WORD.get(status, "failed"), reason]
        elif status == "fail":
            self.seen["cleanups"][fixture[2]] = reason


verdicts = Verdicts()
stream = subprocess.run(["stestr", "last", "--subunit"], stdout=subprocess.PIPE, check=False).stdout
subunit.ByteStreamToStreamResult(io.BytesIO(stream), "out").run(verdicts)
print(json.dumps(verdicts.seen))
