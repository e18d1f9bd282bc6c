"""What every answer of Stateward from 400 on has, and what no answer has."""
import json

from client import Client

MEMBERS = {"error", "reason", "action", "request_id"}
PROBLEM = {"type", "title", "status", "detail", "action", "request_id"}  # of /api/v1 (docs/api.md, RFC 9457)


def members_of(answer, of_web_server=False):
    """The members of a refusal's one JSON object, each of which is one line. AssertionError: it is not as
    docs/http-api.md says. of_web_server: it may be a page of nginx or Apache."""
    def once(pairs):
        if len(dict(pairs)) != len(pairs):
            raise AssertionError(f"a member comes twice: {answer}")
        return dict(pairs)
    wrong = f"no refusal as docs/http-api.md has it: {answer}"
    said = json.loads(answer.body, object_pairs_hook=once)
    assert isinstance(said, dict), wrong
    problem = answer.header("Content-Type") == "application/problem+json"
    assert problem or answer.header("Content-Type") == "application/json", wrong
    if answer.status == 423 or (answer.status == 409 and "ID" in said):  # a LockInfo
        assert {"ID", "Info", "Who", "Created", "Path"} <= set(said), wrong
        return said
    needed = MEMBERS
    if of_web_server and answer.header("X-Request-Id") is None:
        needed = MEMBERS - {"request_id"}
    elif said.get("request_id") != answer.header("X-Request-Id"):
        raise AssertionError(wrong)
    if problem:
        assert PROBLEM <= set(said) and said.pop("status") == answer.status, wrong
    else:
        assert needed <= set(said) <= MEMBERS | {"upload"}, wrong
    assert all(isinstance(text, str) and text.strip() and "\n" not in text for text in said.values()), wrong
    return said


class Judge(Client):
    """A client that looks at each answer: refusals have their members, and none of `secrets` (name -> bytes)
    is in a header or a body."""
    secrets = {}
    of_web_server = False
    refused = ()  # a set: the statuses of all refusals are added to it

    def request(self, method, target, body=None, **options):
        answer = super().request(method, target, body, **options)
        seen = str(answer.headers).encode() + answer.body
        for name, secret in self.secrets.items():
            assert secret not in seen, f"{method} {target}: {name} is in {answer}"
        if answer.status >= 400 and method != "HEAD":
            members_of(answer, self.of_web_server)
            if isinstance(self.refused, set):
                self.refused.add(answer.status)
        return answer
