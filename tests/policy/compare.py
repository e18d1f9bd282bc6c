#!/usr/bin/env python3
"""Random policies and questions: the evaluator in C++ against a second one, written from docs/policy.md.

usage: compare.py PROGRAM [--seed N] [--pairs N]
"""
import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

# In the order in which the name of a union is made.
ROLES = {"admin": {"see", "outputs", "read", "lock", "write", "force", "delete", "administer"},
         "write": {"see", "outputs", "read", "lock", "write"},
         "plan": {"see", "outputs", "read", "lock"},
         "read": {"see", "outputs", "read"},
         "outputs": {"see", "outputs"},
         "operator": {"see", "force"}}
GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"
OTHER = "https://issuer.example.org"
EVENTS = {GITHUB: ("event_name", {"push", "workflow_dispatch", "schedule", "repository_dispatch",
                                  "release"}),
          GITLAB: ("pipeline_source", {"push", "web", "schedule", "api", "trigger"})}
KINDS = ["issuer", "user", "token", "certificate", "proxy_user"]


# ---- the reference

def glob_fits(pattern, text, separators):
    star = f"[^{separators}]*"
    return re.fullmatch(star.join(map(re.escape, pattern.split("*"))), text, re.S) is not None


def same(want, have):
    """Equal, and of the same type: True is not 1, and "1" is neither."""
    return type(want) is type(have) and want == have


def claim_fits(pattern, have):
    if isinstance(pattern, dict):
        items = have if isinstance(have, list) and all(isinstance(i, str) for i in have) else [have]
        return any(isinstance(i, str) and glob_fits(pattern["glob"], i, "/:") for i in items)
    if isinstance(have, list):
        return (isinstance(pattern, str) and all(isinstance(i, str) for i in have)
                and pattern in have)
    return same(pattern, have)


def rule_fits(rule, kind, name, claims, state):
    if rule["kind"] != kind or name not in rule["names"]:
        return False
    if not any(glob_fits(pattern, state, "/") for pattern in rule["states"]):
        return False
    if kind != "issuer":
        return True
    for claim, patterns in rule["claims"].items():
        options = patterns if isinstance(patterns, list) else [patterns]
        if claim not in claims or not any(claim_fits(p, claims[claim]) for p in options):
            return False
    event, own = EVENTS.get(name, ("", set()))
    if event and event not in rule["claims"]:
        return isinstance(claims.get(event), str) and claims[event] in own
    return True


def decide(rules, kind, name, claims, state):
    rights, by, sensitive = set(), [], False
    for rule in rules:
        if not rule_fits(rule, kind, name, claims, state):
            continue
        has = ROLES[rule["role"]]
        sensitive = sensitive or rule["sensitive"] or "read" in has
        if has <= rights:
            continue
        by = ([] if has > rights else by) + [rule["name"]]
        rights = rights | has
    return f"{describe(rights)} {'s' if sensitive else '-'} {' + '.join(by) or '-'}"


def describe(rights):
    named, names = set(), []
    for name, has in ROLES.items():
        if has <= rights and not has <= named:
            names.append(name)
            named |= has
    return "+".join(names) or "none"


# ---- random policies: few letters, so that rules and questions meet

def word(rng, letters="ab", most=3):
    return "".join(rng.choice(letters) for _ in range(rng.randint(1, most)))


def claim_value(rng):
    return rng.choice([word(rng), f"{word(rng)}{rng.choice('/:')}{word(rng)}", rng.randint(0, 3),
                       rng.random() < 0.5, [word(rng) for _ in range(rng.randint(0, 3))]])


def claim_pattern(rng):
    value = rng.choice([word(rng), rng.randint(0, 3), rng.random() < 0.5, None])
    if value is None:
        return {"glob": word(rng, "ab*", 3) + rng.choice(["", "/", ":"]) + word(rng, "ab*", 2) + "a"}
    return value


def make_claims_rule(rng, issuer):
    claims = {word(rng, "xyz", 1): (claim_pattern(rng) if rng.random() < 0.7 else
                                    [claim_pattern(rng) for _ in range(rng.randint(1, 3))])
              for _ in range(rng.randint(0, 2))}
    owner = {GITHUB: "repository_id", GITLAB: "project_id"}.get(issuer, "w")
    claims[owner] = word(rng, "ab", 1)
    if issuer != OTHER:
        claims["ref"] = word(rng, "ab", 1)
        if rng.random() < 0.3:
            event, own = EVENTS[issuer]
            claims[event] = rng.choice(sorted(own) + ["pull_request", "merge_request_event"])
    return claims


def make_rule(rng, number):
    kind = rng.choice(KINDS + ["issuer"] * 3)
    rule = {"name": f"r{number}", "kind": kind, "role": rng.choice(list(ROLES)),
            "sensitive": rng.random() < 0.2, "claims": {},
            "states": [f"{word(rng, 'ab*')}/{word(rng, 'ab*')}" for _ in range(rng.randint(1, 3))]}
    if kind == "issuer":
        issuer = rng.choice([GITHUB, GITLAB, OTHER])
        rule["names"], rule["claims"] = [issuer], make_claims_rule(rng, issuer)
    else:
        rule["names"] = rng.sample(["a", "b", "ab"], rng.randint(1, 2))
    return rule


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def policy_text(rules):
    lines = []
    for name, url in (("github", GITHUB), ("gitlab", GITLAB), ("other", OTHER)):
        lines += [f"[issuers.{name}]", f'url = "{url}"', 'audiences = ["a"]']
    names = {GITHUB: "github", GITLAB: "gitlab", OTHER: "other"}
    digest = 1
    for name in ("a", "b", "ab"):
        lines += [f"[users.{name}]", f'password = "$2b$04${"a" * 53}"',
                  f"[tokens.{name}]", f'sha256 = "{digest:064x}"']
        digest += 1
    for rule in rules:
        lines += ["[[rules]]", f'name = "{rule["name"]}"', f'role = "{rule["role"]}"',
                  f"states = {toml(rule['states'])}"]
        if rule["kind"] == "issuer":
            lines += [f'issuer = "{names[rule["names"][0]]}"', f"claims = {toml(rule['claims'])}"]
        else:
            lines.append(f"{rule['kind']} = {toml(rule['names'])}")
        if rule["sensitive"]:
            lines.append("sensitive = true")
    return "\n".join(lines) + "\n"


def make_question(rng, rules):
    """Often one that a rule almost fits."""
    kind, claims = rng.choice(KINDS), {}
    name = rng.choice(["a", "b", "ab", "c"])
    state = f"{word(rng)}/{word(rng)}"
    rule = rng.choice(rules)
    if rng.random() < 0.8:
        kind, name = rule["kind"], rng.choice(rule["names"])
        state = "".join(rng.choice(["", "a", "b"]) if c == "*" else c
                        for c in rng.choice(rule["states"]))
        for claim, patterns in rule["claims"].items():
            pattern = rng.choice(patterns) if isinstance(patterns, list) else patterns
            if isinstance(pattern, dict):
                pattern = "".join(rng.choice(["", "a", "/"]) if c == "*" else c
                                  for c in pattern["glob"])
            claims[claim] = pattern if rng.random() < 0.9 else claim_value(rng)
    elif kind == "issuer":
        name = rng.choice([GITHUB, GITLAB, OTHER])
    if kind == "issuer":
        for _ in range(rng.randint(0, 2)):
            claims.setdefault(word(rng, "xyz", 1), claim_value(rng))
        if name in EVENTS and rng.random() < 0.8:
            event, own = EVENTS[name]
            claims.setdefault(event, rng.choice(sorted(own) + ["pull_request", "chat", 1]))
    project, _, rest = state.partition("/")
    return kind, name, claims, project or "a", rest or "a"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--pairs", type=int, default=100000)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    wanted, asked, lines = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        while len(wanted) < options.pairs:
            rules = [make_rule(rng, i) for i in range(rng.randint(1, 8))]
            path = pathlib.Path(folder) / f"{len(lines)}.toml"
            path.write_text(policy_text(rules))
            lines.append(f"P {path}")
            for _ in range(200):
                kind, name, claims, project, state = make_question(rng, rules)
                lines.append(f"{KINDS.index(kind)}\t{name}\t{json.dumps(claims)}\t{project}\t{state}")
                wanted.append(decide(rules, kind, name, claims, f"{project}/{state}"))
                asked.append((path.read_text, lines[-1]))
        run = subprocess.run([options.program], input="\n".join(lines) + "\n", text=True,
                             capture_output=True, check=False)
        got = run.stdout.splitlines()
        if run.returncode != 0 or len(got) != len(wanted):
            sys.exit(f"{options.program} ended with {run.returncode}: {run.stderr[-2000:]}")
        wrong = [i for i, (a, b) in enumerate(zip(wanted, got)) if a != b]
        for i in wrong[:3]:
            print(asked[i][0](), asked[i][1], f"reference: {wanted[i]}\nprogram:   {got[i]}", sep="\n")
    roles = {role: sum(w.startswith(role + " ") for w in wanted)
             for role in ("none", *ROLES)}
    print(f"seed {options.seed}: {len(wanted)} pairs, by role {roles}")
    # A comparison in which hardly any rule fits would prove nothing.
    if min(roles.values()) < len(wanted) // 100:
        sys.exit("a role hardly ever comes out: the generator is no good")
    print(f"{len(wanted) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
