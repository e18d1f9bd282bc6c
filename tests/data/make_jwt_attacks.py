#!/usr/bin/env python3
"""Writes jwt_keys.json (an issuer's key set) and jwt_attacks.tsv (tokens, one a line: name, what
the verifier has to say, token). New keys each time; the private ones are not kept.

The verifier's clock stands at NOW, its issuer is ISSUER, its audience AUDIENCE.
"""
import base64
import hashlib
import hmac
import json
import pathlib
import random
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from jose import CURVES, RSA_HASH, b64, ec_jwk, ed_jwk, number, raw_public, rsa_jwk, sign  # noqa: E402

NOW = 1764000000
ISSUER = "https://issuer.example"
AUDIENCE = "stateward"
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


K = {"rsa": rsa.generate_private_key(65537, 2048), "ps": rsa.generate_private_key(65537, 3072),
     "weak": rsa.generate_private_key(65537, 1024), "other": rsa.generate_private_key(65537, 2048),
     "e3": rsa.generate_private_key(3, 2048), "shown": ec.generate_private_key(ec.SECP256R1()),
     "es256": ec.generate_private_key(ec.SECP256R1()), "twin": ec.generate_private_key(ec.SECP256R1()),
     "es384": ec.generate_private_key(ec.SECP384R1()),
     "es512": ec.generate_private_key(ec.SECP521R1()),
     "k1": ec.generate_private_key(ec.SECP256K1()), "ed": ed25519.Ed25519PrivateKey.generate(),
     "x": x25519.X25519PrivateKey.generate()}
OFF_CURVE = ec_jwk(K["twin"], "ES256", kid="off")
OFF_CURVE["y"] = number((K["twin"].public_key().public_numbers().y + 1) % 2**256, 32)
HUGE = random.Random(1).getrandbits(16384) | 1 << 16383 | 1
K1 = K["k1"].public_key().public_numbers()

KEY_SET = {"keys": [
    rsa_jwk(K["rsa"], kid="rsa", use="sig"),
    rsa_jwk(K["rsa"], kid="rs256", alg="RS256"),
    rsa_jwk(K["ps"], kid="ps", alg="PS256", key_ops=["verify"]),
    rsa_jwk(K["e3"], kid="e3", alg="RS512"),
    ec_jwk(K["es256"], "ES256", kid="es256", alg="ES256", use="sig"),
    ec_jwk(K["es384"], "ES384", kid="es384"),
    ec_jwk(K["es512"], "ES512", kid="es512"),
    ed_jwk(K["ed"], kid="ed", alg="EdDSA"),
    # Two keys of one name, as some issuers have them while they change keys.
    ec_jwk(K["twin"], "ES256", kid="twin"),
    ec_jwk(K["es256"], "ES256", kid="twin"),
    # All that follow are left out.
    rsa_jwk(K["weak"], kid="weak"),
    {"kty": "RSA", "n": number(HUGE), "e": "AQAB", "kid": "huge"},
    {**rsa_jwk(K["rsa"], kid="e1"), "e": number(1)},
    {**rsa_jwk(K["rsa"], kid="even"), "e": number(65536)},
    {**rsa_jwk(K["rsa"], kid="long-e"), "e": number(2**65 + 1)},
    {**rsa_jwk(K["rsa"], kid="padded"), "n": rsa_jwk(K["rsa"])["n"] + "=="},
    OFF_CURVE,
    {**ec_jwk(K["es256"], "ES256", kid="origin"), "x": number(0, 32), "y": number(0, 32)},
    {**ec_jwk(K["es256"], "ES256", kid="long-x"), "x": number(2**300)},
    {"kty": "EC", "crv": "secp256k1", "x": number(K1.x, 32), "y": number(K1.y, 32), "kid": "k1"},
    {"kty": "OKP", "crv": "X25519", "x": b64(raw_public(K["x"])), "kid": "x"},
    {"kty": "OKP", "crv": "Ed25519", "x": b64(b"short"), "kid": "short"},
    {"kty": "oct", "k": b64(b"secret"), "kid": "oct"},
    rsa_jwk(K["other"], kid="enc", use="enc"),
    rsa_jwk(K["other"], kid="ops", key_ops=["sign"]),
    rsa_jwk(K["other"], kid="oaep", alg="RSA-OAEP"),
    rsa_jwk(K["other"], kid="hs", alg="HS256"),
    rsa_jwk(K["other"], kid="wrong-family", alg="ES256"),
    {**ec_jwk(K["shown"], "ES256", kid="shown"),
     "d": number(K["shown"].private_numbers().private_value, 32)},
    rsa_jwk(K["other"], kid=7), rsa_jwk(K["other"], kid=""), rsa_jwk(K["other"], kid="k" * 257),
]}


def claims(**changes):
    out = {"iss": ISSUER, "aud": AUDIENCE, "sub": "repo:o/r", "iat": NOW - 10, "nbf": NOW - 10,
           "exp": NOW + 300}
    out.update(changes)
    return {k: v for k, v in out.items() if v is not None}


def make(header=None, payload=None, key="es256", alg="ES256", signature=None):
    """header, payload: objects, or the text itself. signature: bytes in place of the right ones."""
    header = {"alg": alg, "kid": key} if header is None else header
    payload = claims() if payload is None else payload
    parts = [b64(p if isinstance(p, (str, bytes)) else json.dumps(p)) for p in (header, payload)]
    text = ".".join(parts).encode()
    signed = sign(K[key], alg, text) if signature is None else signature
    return ".".join([*parts, b64(signed)])


def head(**changes):
    out = {"alg": "ES256", "kid": "es256", "typ": "JWT"}
    out.update(changes)
    return {k: v for k, v in out.items() if v is not None}


def swap(token, index, change):
    parts = token.split(".")
    parts[index] = change(parts[index])
    return ".".join(parts)


CASES = []


def case(name, want, token):
    CASES.append((name, want, token))


def good():
    for alg in RSA_HASH:
        case(f"good {alg}", "ok", make(key="rsa", alg=alg))
    case("good PS256 with a key for all", "ok", make(key="rsa", alg="PS256"))
    case("good PS256", "ok", make(key="ps", alg="PS256"))
    case("good RS512, e = 3", "ok", make(key="e3", alg="RS512"))
    for alg in CURVES:
        case(f"good {alg}", "ok", make(key=alg.lower(), alg=alg))
    case("good EdDSA", "ok", make(key="ed", alg="EdDSA"))
    case("good EdDSA without kid, one key fits", "ok", make({"alg": "EdDSA"}, key="ed",
                                                            alg="EdDSA"))
    case("good typ JWT", "ok", make(head()))
    case("good typ jwt", "ok", make(head(typ="jwt")))
    case("good typ at+jwt", "ok", make(head(typ="at+jwt")))
    case("good typ application/at+jwt", "ok", make(head(typ="application/at+jwt")))
    case("good second of two keys with one name", "ok", make(head(kid="twin")))
    case("good first of two keys with one name", "ok", make(head(kid="twin"), key="twin"))
    case("good aud in a list", "ok", make(payload=claims(aud=["other", AUDIENCE])))
    case("good second audience of ours", "ok", make(payload=claims(aud="second")))
    case("good exp with a fraction", "ok", make(payload=claims(exp=NOW + 0.5)))
    case("good exp within the leeway", "ok", make(payload=claims(exp=NOW - 59)))
    case("good nbf within the leeway", "ok", make(payload=claims(nbf=NOW + 60)))
    case("good without nbf and iat", "ok", make(payload=claims(nbf=None, iat=None)))
    case("good beyond 32 bits", "ok", make(payload=claims(exp=2**33)))
    case("good with blanks in its JSON", "ok", make(payload=json.dumps(claims(), indent=2)))
    case("good, jku, x5u, jwk and x5c are not looked at", "ok",
         make(head(jku="https://evil.example", x5u="https://evil.example", x5c=["AA"],
                   jwk=ec_jwk(K["twin"], "ES256"))))
    case("good subject in UTF-8", "ok", make(payload=claims(sub="Jürgen ☃")))


def algorithms():
    for name in ("none", "None", "NONE", "nOnE"):
        case(f"alg {name}, no signature", "header: alg none",
             make(head(alg=name), signature=b""))
    case("alg none with a signature", "header: alg none", make(head(alg="none")))
    pem = K["rsa"].public_key().public_bytes(serialization.Encoding.PEM,
                                             serialization.PublicFormat.SubjectPublicKeyInfo)
    secrets = {"the RSA PEM": pem, "the RSA PEM without its last line feed": pem.rstrip(b"\n"),
               "the JWK": json.dumps(rsa_jwk(K["rsa"])).encode(), "nothing": b"",
               "n": rsa_jwk(K["rsa"])["n"].encode()}
    for what, secret in secrets.items():
        for bits in (256, 384, 512):
            parts = b64(json.dumps({"alg": f"HS{bits}", "kid": "rsa"})), b64(json.dumps(claims()))
            mac = hmac.new(secret, ".".join(parts).encode(), getattr(hashlib, f"sha{bits}"))
            case(f"HS{bits} with {what}", "header: a symmetric alg",
                 ".".join([*parts, b64(mac.digest())]))
    case("hs256 in lower case", "header: a symmetric alg", make(head(alg="hs256")))
    for name in ("es256", "ES256K", "RS1", "PS384", "PS512", "RSA-OAEP", "dir", "", "ES256 ",
                 "Ed25519", "A128GCMKW", "ES25", "ES2566", "ЕS256"):
        case(f"alg {name!r}", "header: an alg that is not taken", make(head(alg=name)))
    for value in (None, 1, True, ["ES256"], {"a": 1}):
        want = "header: no alg" if value is None else "header: alg is not text"
        case(f"alg {'absent' if value is None else json.dumps(value)}", want, make(head(alg=value)))
    case("alg is null", "header: alg is not text", make('{"alg":null,"kid":"es256"}'))
    other = "signature: the key is not for this alg"
    case("RS384 with a key for RS256", other, make({"alg": "RS384", "kid": "rs256"}, key="rsa",
                                                   alg="RS384"))
    case("PS256 with a key for RS256", other, make({"alg": "PS256", "kid": "rs256"}, key="rsa",
                                                   alg="PS256"))
    case("RS256 with a key for PS256", other, make(key="ps", alg="RS256"))
    case("ES256 with the kid of an RSA key", other, make(head(kid="rsa")))
    case("RS256 with the kid of an EC key", other, make({"alg": "RS256", "kid": "es256"},
                                                        key="rsa", alg="RS256"))
    case("ES384 with a key on P-256", other, make(head(alg="ES384")))
    case("ES256 with a key on P-384", other, make(head(kid="es384")))
    case("EdDSA with the kid of an EC key", other, make(head(alg="EdDSA")))
    case("ES256 with the kid of an Ed25519 key", other, make(head(kid="ed")))


def headers():
    case("crit", "header: crit", make(head(crit=["exp"])))
    case("crit, empty", "header: crit", make(head(crit=[])))
    case("crit that names b64", "header: crit", make(head(crit=["b64"], b64=False)))
    case("b64 false", "header: b64", make(head(b64=False)))
    case("b64 true", "header: b64", make(head(b64=True)))
    case("zip", "header: zip", make(head(zip="DEF")))
    case("enc", "header: enc", make(head(enc="A256GCM")))
    case("nested", "header: a token within a token", make(head(cty="JWT"), payload=make()))
    for typ in ("JOSE", "JWE", "dpop+jwt", "secevent+jwt", "logout+jwt", "", "JWT ", "kb+jwt"):
        case(f"typ {typ!r}", "header: typ is neither", make(head(typ=typ)))
    case("typ is a number", "header: typ is not text", make(head(typ=1)))
    case("typ is null", "header: typ is not text", make('{"alg":"ES256","kid":"es256","typ":null}'))
    unknown = "signature: no key has this kid"
    for kid in ("../../../../dev/null", "x' OR '1'='1", "' UNION SELECT 'key", "/etc/passwd", "ES256",
                "es256 ", "es256/", "Es256", "%65s256", "| sleep 9", "https://evil.example/jwks",
                "k" * 256, "weak", "huge", "e1", "even", "long-e", "padded", "off", "origin",
                "long-x", "k1", "x", "short", "oct", "enc", "ops", "oaep", "hs", "wrong-family",
                "shown", "7"):
        key, alg = "es256", "ES256"
        if kid in ("weak",):
            key, alg = kid, "RS256"
        if kid in ("enc", "ops", "oaep"):
            key, alg = "other", "RS256"
        if kid in ("off", "shown"):
            key = {"off": "twin", "shown": "shown"}[kid]
        case(f"kid {kid[:40]}", unknown, make({"alg": alg, "kid": kid}, key=key, alg=alg))
    # With e = 1, a signature is the padded digest itself: anybody can write it.
    case("forged for the key with e = 1", unknown, forged_e1())
    case("kid of 257 bytes", "header: kid is not of", make(head(kid="k" * 257)))
    case("kid of 4 KiB", "header: kid is not of", make(head(kid="k" * 4096)))
    case("kid is empty", "header: kid is not of", make(head(kid="")))
    case("kid is a number", "header: kid is not text", make(head(kid=7)))
    case("kid is a list", "header: kid is not text", make(head(kid=["es256"])))
    case("kid is null", "header: kid is not text", make('{"alg":"ES256","kid":null}'))
    case("kid with a NUL", "header: a \\u0000", make(head(kid="es256\0")))
    case("no kid, several keys fit", "signature: no kid, and several",
         make({"alg": "ES256"}))


def forged_e1():
    text = ".".join([b64(json.dumps({"alg": "RS256", "kid": "e1"})), b64(json.dumps(claims()))])
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    tail = b"\0" + prefix + hashlib.sha256(text.encode()).digest()
    return text + "." + b64(b"\0\1" + b"\xff" * (256 - 2 - len(tail)) + tail)


def encodings():
    t = make()
    header, payload, signature = t.split(".")
    case("empty", "token: empty", "")
    for name, bad in (("one part", header), ("two parts", f"{header}.{payload}"),
                      ("four parts", t + ".AA"), ("six parts", t + ".A.A.A"), ("dots", "...")):
        case(name, "token: not three parts", bad)
    case("five parts (encrypted)", "token: encrypted", t + ".AA.AA")
    case("17 KiB", "token: longer", make(payload=claims(note="n" * 13000)))
    for index, name in enumerate(("header", "payload", "signature")):
        want = f"{name}: not base64url"
        for what, change in (("padded", lambda p: p + "="), ("blank before", lambda p: " " + p),
                             ("blank behind", lambda p: p + " "),
                             ("line feed inside", lambda p: p[:4] + "\\n" + p[4:]),
                             ("percent", lambda p: p[:4] + "%41" + p[4:]),
                             ("plus", lambda p: "+" + p[1:]), ("slash", lambda p: "/" + p[1:]),
                             ("NUL behind", lambda p: p + "\\0"), ("loose bits", loosen)):
            case(f"{name}: {what}", want, swap(t, index, change))
    case("no header", "header: ", f".{payload}.{signature}")
    case("no payload", "payload: ", f"{header}..{signature}")
    case("no signature", "signature: empty", f"{header}.{payload}.")


def loosen(part):
    """Sets a bit of the last digit that belongs to no byte; a full group is made longer first."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(part) % 4 == 0:
        return part + "B" + "B"
    return part[:-1] + alphabet[alphabet.index(part[-1]) | 1]


def json_forms():
    c = json.dumps(claims())
    twice = "a name stands twice"
    for name, text, want in (
            ("alg twice", '{"alg":"none","alg":"ES256","kid":"es256"}', twice),
            ("kid twice", '{"alg":"ES256","kid":"x","kid":"es256"}', twice),
            ("Alg beside alg", '{"alg":"ES256","Alg":"none","kid":"es256"}', twice),
            ("alg once escaped", '{"alg":"ES256","\\u0061lg":"none","kid":"es256"}', twice),
            ("crit twice", '{"alg":"ES256","kid":"es256","crit":[],"crit":[]}', twice),
            ("a list", '["ES256"]', ""), ("text", '"ES256"', ""), ("null", "null", ""),
            ("nothing", "", ""), ("cut", '{"alg":"ES256"', ""),
            ("more behind", '{"alg":"ES256","kid":"es256"}{}', ""),
            ("byte order mark", b"\xef\xbb\xbf" + b'{"alg":"ES256"}', ""),
            ("UTF-16", '{"alg":"ES256"}'.encode("utf-16"), ""),
            ("not UTF-8", b'{"alg":"ES256","kid":"\xff"}', ""),
            ("comment", '{"alg":"ES256"/**/}', ""), ("single quotes", "{'alg':'ES256'}", ""),
            ("comma at the end", '{"alg":"ES256",}', "")):
        case(f"header: {name}", "header: " + want, make(text))
    for name, text, want in (
            ("sub twice", c[:-1] + ',"sub":"admin"}', twice),
            ("exp twice", c[:-1] + f',"exp":{NOW + 9999}}}', twice),
            ("aud twice", c[:-1] + ',"aud":"stateward"}', twice),
            ("iss beside ISS", c[:-1] + ',"ISS":"https://evil.example"}', twice),
            ("twice within an object", c[:-1] + ',"a":{"b":1,"b":2}}', twice),
            ("17 deep", c[:-1] + ',"a":' + "[" * 16 + "]" * 16 + "}", ""),
            ("NaN", c[:-1] + ',"a":NaN}', ""), ("a list", "[]", ""),
            ("a NUL", c[:-1] + ',"a":"\\u0000"}', "a \\u0000"),
            ("a lone surrogate", c[:-1] + ',"a":"\\ud800"}', ""),
            ("leading zero", c[:-1] + ',"a":01}', ""), ("more behind", c + "x", "")):
        case(f"payload: {name}", "payload: " + want, make(payload=text))


def signatures():
    t = make()
    wrong = "signature: wrong"
    case("signed by another key of the issuer", wrong, make(head(), key="twin"))
    case("signed by nobody's key", wrong, make({"alg": "RS256", "kid": "rsa"}, key="other",
                                               alg="RS256"))
    case("payload changed", wrong, swap(t, 1, lambda p: b64(json.dumps(claims(sub="admin")))))
    case("header changed", wrong, swap(t, 0, lambda p: b64(json.dumps(head(typ="at+jwt")))))
    case("the signature of another token", wrong,
         swap(t, 2, lambda p: make(payload=claims(sub="x")).split(".")[2]))
    case("the JWK in its header", wrong, make(head(jwk=ec_jwk(K["twin"], "ES256")), key="twin"))
    case("jku", wrong, make(head(jku="https://evil.example/jwks"), key="twin"))
    case("x5u", wrong, make(head(x5u="https://evil.example/cert"), key="twin"))
    case("x5c", wrong, make(head(x5c=["AAAA"]), key="twin"))
    for alg, key in (("ES256", "es256"), ("ES384", "es384"), ("ES512", "es512")):
        size = CURVES[alg][2]
        limits = "signature: r or s out of range"
        case(f"{alg} r = s = 0", limits, make(key=key, alg=alg, signature=bytes(2 * size)))
        case(f"{alg} r = 0", limits, make(key=key, alg=alg, signature=bytes(2 * size - 1) + b"\1"))
        case(f"{alg} s = 0", limits,
             make(key=key, alg=alg, signature=bytes(size - 1) + b"\1" + bytes(size)))
        case(f"{alg} r = s = largest number", limits,
             make(key=key, alg=alg, signature=b"\xff" * (2 * size)))
        case(f"{alg} r = s = 1", wrong,
             make(key=key, alg=alg, signature=2 * (bytes(size - 1) + b"\1")))
        for cut in (1, size, 2 * size - 1):
            case(f"{alg} {cut} bytes short", "signature: wrong length",
                 make(key=key, alg=alg, signature=bytes(2 * size - cut)))
        case(f"{alg} a byte too long", "signature: wrong length",
             make(key=key, alg=alg, signature=bytes(2 * size + 1)))
    n = ORDER_P256.to_bytes(32, "big")
    case("ES256 r = s = order", "signature: r or s out of range", make(signature=n + n))
    case("ES256 s = order", "signature: r or s out of range",
         make(signature=bytes(31) + b"\1" + n))
    text = ".".join(t.split(".")[:2]).encode()
    der = K["es256"].sign(text, ec.ECDSA(hashes.SHA256()))
    case("ES256 as DER", "signature: wrong length", f"{text.decode()}.{b64(der)}")
    raw = base64.urlsafe_b64decode(t.split(".")[2] + "==")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    if r + ORDER_P256 < 2**256:
        case("ES256 r plus the order", "signature: r or s out of range",
             swap(t, 2, lambda p: b64((r + ORDER_P256).to_bytes(32, "big") + raw[32:])))
    case("ES256 r and s exchanged", wrong, swap(t, 2, lambda p: b64(raw[32:] + raw[:32])))
    rs = make(key="rsa", alg="RS256")
    bytes_of = base64.urlsafe_b64decode(rs.split(".")[2] + "==")
    case("RS256 zero", wrong, swap(rs, 2, lambda p: b64(bytes(256))))
    case("RS256 a byte short", "signature: wrong length", swap(rs, 2, lambda p: b64(bytes_of[1:])))
    case("RS256 a zero more", "signature: wrong length",
         swap(rs, 2, lambda p: b64(b"\0" + bytes_of)))
    modulus = K["rsa"].public_key().public_numbers().n
    case("RS256 = modulus", wrong, swap(rs, 2, lambda p: number(modulus, 256)))
    case("RS256 a bit changed", wrong,
         swap(rs, 2, lambda p: b64(bytes_of[:-1] + bytes([bytes_of[-1] ^ 1]))))
    case("PSS signature for RS256", wrong,
         make({"alg": "RS256", "kid": "rsa"}, key="rsa", alg="PS256"))
    case("PKCS 1 signature for PS256", wrong,
         make({"alg": "PS256", "kid": "rsa"}, key="rsa", alg="RS256"))
    case("RS512 signature for RS256", wrong,
         make({"alg": "RS256", "kid": "rsa"}, key="rsa", alg="RS512"))
    text = ".".join([b64(json.dumps({"alg": "PS256", "kid": "ps"})), b64(json.dumps(claims()))])
    for salt in (0, 20):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt)
        case(f"PS256 with {salt} bytes of salt", wrong,
             f"{text}.{b64(K['ps'].sign(text.encode(), pss, hashes.SHA256()))}")
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA1()), salt_length=32)
    case("PS256 with MGF1 over SHA-1", wrong,
         f"{text}.{b64(K['ps'].sign(text.encode(), pss, hashes.SHA256()))}")
    ed = make(key="ed", alg="EdDSA")
    raw = base64.urlsafe_b64decode(ed.split(".")[2] + "==")
    order = 2**252 + 27742317777372353535851937790883648493
    larger = (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")
    case("EdDSA s plus the order", wrong, swap(ed, 2, lambda p: b64(raw[:32] + larger)))
    case("EdDSA zero", wrong, swap(ed, 2, lambda p: b64(bytes(64))))
    case("EdDSA a byte short", "signature: wrong length", swap(ed, 2, lambda p: b64(raw[:-1])))


def claims_of_who():
    for iss in (ISSUER + "/", ISSUER.upper(), ISSUER.replace("https", "http"), ISSUER + ":443",
                " " + ISSUER, ISSUER + "#", ISSUER + "?", "https://evil.example", "issuer.example",
                ISSUER + "/.", ISSUER + ".", ISSUER + ".evil.example"):
        case(f"iss {iss}", "claims: iss is another issuer", make(payload=claims(iss=iss)))
    for iss in (None, "", 7, [ISSUER], {"a": ISSUER}, True):
        case(f"iss {json.dumps(iss)}", "claims: no iss", make(payload=claims(iss=iss)))
    case("no aud", "claims: no aud", make(payload=claims(aud=None)))
    for aud in ("", "other", "Stateward", "stateward ", " stateward", "stateward/", "stateward2",
                "state", "*", "stateward,other", [], ["other"], ["other", "STATEWARD"], [""]):
        case(f"aud {json.dumps(aud)}", "claims: aud names no audience of this server",
             make(payload=claims(aud=aud)))
    for aud in (7, True, {"stateward": True}, [AUDIENCE, 7], [[AUDIENCE]]):
        case(f"aud {json.dumps(aud)}", "claims: aud is neither", make(payload=claims(aud=aud)))
    case("no sub", "claims: no sub", make(payload=claims(sub=None)))
    case("sub is empty", "claims: sub is empty", make(payload=claims(sub="")))
    case("sub of 1025 bytes", "claims: sub is longer", make(payload=claims(sub="s" * 1025)))
    for sub in (7, True, ["admin"], {"a": 1}):
        case(f"sub {json.dumps(sub)}", "claims: sub is not text", make(payload=claims(sub=sub)))


def with_number(name, text):
    return json.dumps(claims(**{name: "@@"})).replace('"@@"', text)


def claims_of_time():
    case("no exp", "claims: no exp", make(payload=claims(exp=None)))
    for name in ("exp", "nbf", "iat"):
        for text in ("true", "null", '"%d"' % (NOW + 300), "[1]", "{}", '"tomorrow"', '""'):
            case(f"{name} {text}", f"claims: {name} is not a number",
                 make(payload=with_number(name, text)))
        for text in ("-1", "-0", "1e9", "1.8e9", "1E10", "1e400", "-1e400", "253402300800",
                     "18446744073709551616", "99999999999999999999999", "-1764000300.5"):
            case(f"{name} {text}", f"claims: {name} is no plain number",
                 make(payload=with_number(name, text)))
        for text in ("01764000300", "+1764000300", "0x69240000", "1764000300.", ".5", "Infinity"):
            case(f"{name} {text}", "payload: ", make(payload=with_number(name, text)))
    for text, exp in (("a minute ago", NOW - 60), ("an hour ago", NOW - 3600), ("in 1970", 0),
                      ("a minute and a fraction ago", NOW - 60.5), ("in 1970, as 1000", 1000)):
        case(f"exp {text}", "claims: exp has passed", make(payload=claims(exp=exp)))
    case("nbf 61 s ahead", "claims: nbf lies ahead", make(payload=claims(nbf=NOW + 61)))
    case("nbf in the year 9999", "claims: nbf lies ahead", make(payload=claims(nbf=253402300799)))
    case("iat 61 s ahead", "claims: iat lies ahead", make(payload=claims(iat=NOW + 61)))
    case("iat in milliseconds", "claims: iat is no plain", make(payload=claims(iat=NOW * 1000)))
    case("exp in milliseconds", "claims: exp is no plain", make(payload=claims(exp=NOW * 1000)))


def main():
    for group in (good, algorithms, headers, encodings, json_forms, signatures, claims_of_who,
                  claims_of_time):
        group()
    names = [name for name, _, _ in CASES]
    assert len(names) == len(set(names)), [n for n in names if names.count(n) > 1]
    (HERE / "jwt_keys.json").write_text(json.dumps(KEY_SET, indent=1) + "\n")
    lines = ["\t".join(c) for c in CASES]
    assert all(line.count("\t") == 2 and "\n" not in line for line in lines)
    (HERE / "jwt_attacks.tsv").write_text("\n".join(lines) + "\n")
    refused = sum(want != "ok" for _, want, _ in CASES)
    print(f"{len(CASES) - refused} good tokens, {refused} attacks")


if __name__ == "__main__":
    main()
