"""Makes foreign.json: key sets and tokens by libraries that neither the filter nor its provider uses.

    python3 -m venv v && v/bin/pip install jwcrypto python-jose && v/bin/python foreign.py > foreign.json

- rhonabwy (GnuTLS and Nettle) is what the OpenID provider Glewlwyd signs with; its tool `rnbyc` is
  in the Debian package of that name.
- jwcrypto (OpenSSL) is what FreeIPA uses.
- python-jose computes in Python alone, with the packages `rsa` and `ecdsa`.

The key sets are as each library writes them. The private keys are thrown away; the tokens end in
2100, so that the file need not be made again.
"""

import json
import subprocess
import sys
import tempfile

import ecdsa
import rsa
from jose import jwt as python_jose
from jose.backends.ecdsa_backend import ECDSAECKey
from jose.backends.rsa_backend import RSAKey
from jwcrypto import jwk, jwt

FAR = 4102444800


def claims(name):
    return {"iss": f"https://{name}.example", "sub": "alice", "aud": ["api://default", "other"],
            "client_id": "client-1", "iat": 1700000000, "exp": FAR}


def by_jwcrypto():
    name, keys, tokens = "jwcrypto", jwk.JWKSet(), []
    for alg, spec in [("RS256", {"kty": "RSA", "size": 2048}), ("PS384", {"kty": "RSA", "size": 3072}),
                      ("ES256", {"kty": "EC", "crv": "P-256"}), ("EdDSA", {"kty": "OKP", "crv": "Ed25519"})]:
        key = jwk.JWK.generate(kid=f"jwcrypto-{alg}", **spec)
        keys.add(key)
        token = jwt.JWT(header={"alg": alg, "kid": key["kid"]}, claims=claims(name))
        token.make_signed_token(key)
        tokens.append({"alg": alg, "token": token.serialize()})
    return name, {"jwks": json.loads(keys.export(private_keys=False)), "tokens": tokens}


def by_python_jose():
    name, keys, tokens = "python-jose", [], []
    pem = rsa.newkeys(2048)[1].save_pkcs1().decode()
    curve = ecdsa.SigningKey.generate(ecdsa.NIST256p).to_pem().decode()
    for alg, key in [("RS512", RSAKey(pem, "RS512")), ("ES256", ECDSAECKey(curve, "ES256"))]:
        keys.append({"kid": f"python-jose-{alg}", **key.public_key().to_dict()})
        token = python_jose.encode(claims(name), key, alg, headers={"kid": f"python-jose-{alg}"})
        tokens.append({"alg": alg, "token": token})
    return name, {"jwks": {"keys": keys}, "tokens": tokens}


def by_rhonabwy():
    name, keys, tokens = "rhonabwy", [], []
    run = lambda *arguments: subprocess.run(["rnbyc", *arguments], check=True, capture_output=True, text=True).stdout
    for alg, kind in [("RS256", "RSA2048"), ("RS384", "RSA2048"), ("PS256", "RSA2048"), ("ES256", "EC256"), ("EdDSA", "Ed25519")]:
        with tempfile.TemporaryDirectory() as folder:
            private, public = f"{folder}/private", f"{folder}/public"
            run("-j", "-g", kind, "-k", f"rhonabwy-{alg}", "-a", alg, "-x", "-o", private, "-p", public)
            keys += json.load(open(public))["keys"]
            token = run("-s", json.dumps(claims(name)), "-K", private, "-a", alg).strip()
            tokens.append({"alg": alg, "token": token})
    return name, {"jwks": {"keys": keys}, "tokens": tokens}


made = dict(make() for make in (by_jwcrypto, by_python_jose, by_rhonabwy))
json.dump(made, sys.stdout, indent=1)
print()
