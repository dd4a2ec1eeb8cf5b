"""Answers what Keystone's own processor makes of rules and assertions.

Reads lines of JSON {"rules": [...], "assertion": {...}}; writes for each a line: the result, or {"error": kind}, where kind is
"no rule" if none applies and "refused" for all else. What Keystone has in sets comes sorted; texts made of a set are left to the reader.
"""
import json
import logging
import sys
import warnings

from keystone import exception
from keystone.federation import utils

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")  # about expressions that chance made


class Processor(utils.RuleProcessor):
    # Keystone takes these values out of a set, in an order that differs from run to run: here they keep the assertion's.
    def _evaluate_requirement(self, values, assertion_values, eval_type, regex):
        found = super()._evaluate_requirement(values, assertion_values, eval_type, regex)
        if isinstance(found, list) and not (regex and eval_type == self._EvalType.WHITELIST):
            found = sorted(found, key=assertion_values.index)
        return found


def answer(case):
    try:
        got = Processor("m", case["rules"]).process(case["assertion"])
    except exception.ValidationError as e:
        return {"error": "no rule" if "Could not map" in str(e) else "refused"}
    except Exception:
        return {"error": "refused"}
    groups = []
    for group in got["group_names"]:
        if not isinstance(group, dict) or not isinstance(group.get("domain"), dict) or "name" not in group:
            return {"error": "refused"}
        groups.append([str(group["name"]), group["domain"].get("id", ""), group["domain"].get("name", "")])
    return {
        "user": got["user"],
        "group_ids": sorted({str(i) for i in got["group_ids"]}),
        "groups": sorted(map(list, {tuple(g) for g in groups})),
        "projects": got["projects"],
    }


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
