"""JSON Web Tokens and key sets by hand: no library makes the wrong ones."""
import base64
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
CURVES = {"ES256": (ec.SECP256R1(), "P-256", 32, hashes.SHA256()),
          "ES384": (ec.SECP384R1(), "P-384", 48, hashes.SHA384()),
          "ES512": (ec.SECP521R1(), "P-521", 66, hashes.SHA512())}
RSA_HASH = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}


def b64(data):
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key, **more):
    public = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(public.n), "e": number(public.e), **more}


def ec_jwk(key, curve, **more):
    """curve: by its algorithm, "ES256"."""
    _, name, size, _ = CURVES[curve]
    public = key.public_key().public_numbers()
    return {"kty": "EC", "crv": name, "x": number(public.x, size), "y": number(public.y, size),
            **more}


def raw_public(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw,
                                         serialization.PublicFormat.Raw)


def ed_jwk(key, **more):
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw_public(key)), **more}


def jwk(key, kid, alg):
    more = {"kid": kid, "alg": alg, "use": "sig"}
    if alg in CURVES:
        return ec_jwk(key, alg, **more)
    return ed_jwk(key, **more) if alg == "EdDSA" else rsa_jwk(key, **more)


def sign(key, alg, text):
    if alg in RSA_HASH:
        return key.sign(text, padding.PKCS1v15(), RSA_HASH[alg])
    if alg == "PS256":
        return key.sign(text, PSS, hashes.SHA256())
    if alg == "EdDSA":
        return key.sign(text)
    size, digest = CURVES[alg][2:]
    r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(digest)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def token(key, alg, header, payload):
    """header, payload: objects, or the text itself."""
    parts = [b64(p if isinstance(p, (str, bytes)) else json.dumps(p)) for p in (header, payload)]
    text = ".".join(parts).encode()
    return ".".join([*parts, b64(sign(key, alg, text))])
