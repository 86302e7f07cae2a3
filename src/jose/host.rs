//! A host's own signature check, in front of ours: used only while it is known to be right.

use std::cell::Cell;

use super::alg::Alg;
use super::der::ecdsa_der;
use super::jwk::{KeySet, Origin, PublicKey};
use super::jws::Jws;
use super::verify::{BadSignature, InWasm, Verifier, well_formed};

/// A host's signature check, as the host offers it.
pub trait HostCrypto {
    /// Whether `signature` is that of `signed`; `None` where the answer is neither yes nor no.
    ///
    /// `hash` is `sha256`, `sha384` or `sha512`. The key is a `SubjectPublicKeyInfo` in DER, of RSA
    /// (PKCS #1 v1.5 signatures) or of a NIST curve (`ECDSA-Sig-Value` signatures in DER).
    fn verify(&self, hash: &str, key: &[u8], signature: &[u8], signed: &[u8]) -> Option<bool>;
}

/// Verifies by a host's check what it can check, and the rest in this module.
///
/// Which algorithms are accepted does not depend on it: keys, lengths and the binding of algorithms
/// are judged before, in one place for both.
#[derive(Debug)]
pub struct ByHost<C> {
    host: C,
    /// Whether the host has only ever said yes or no.
    is_sound: Cell<bool>,
}

impl<C: HostCrypto> ByHost<C> {
    /// Trusts a host's check if it knows good signatures from bad ones, RSA's and ECDSA's; `None`
    /// where it does not.
    pub fn tested(host: C) -> Option<Self> {
        let verifier = Self { host, is_sound: Cell::new(true) };
        KNOWN.iter().all(|(alg, keys, token)| verifier.knows(*alg, keys, token)).then_some(verifier)
    }

    /// Whether a good signature passes and the same over another text does not, both by the host.
    fn knows(&self, alg: Alg, keys: &str, token: &str) -> bool {
        let Ok(parsed) = KeySet::parse(keys.as_bytes(), Origin::Fetched) else { return false };
        let Ok(jws) = Jws::parse(token.as_bytes()) else { return false };
        let Some(key) = parsed.set.iter().next() else { return false };
        let mut other = jws.signed().to_vec();
        other.push(b'.');
        self.ask(key, alg, jws.signed(), jws.signature()) == Some(true)
            && self.ask(key, alg, &other, jws.signature()) == Some(false)
    }

    /// Asks the host; `None` where this is nothing that it can check, or it answers oddly.
    fn ask(&self, key: &PublicKey, alg: Alg, signed: &[u8], signature: &[u8]) -> Option<bool> {
        let (hash, is_ecdsa) = host_hash(alg)?;
        let der = is_ecdsa.then(|| ecdsa_der(signature));
        let signature = der.as_deref().unwrap_or(signature);
        let answer = self.host.verify(hash, key.spki_der()?, signature, signed);
        self.is_sound.set(self.is_sound.get() && answer.is_some());
        answer
    }
}

/// What a host calls the hash of an algorithm that it can check, and whether that is ECDSA.
const fn host_hash(alg: Alg) -> Option<(&'static str, bool)> {
    Some(match alg {
        Alg::Rs256 => ("sha256", false),
        Alg::Rs384 => ("sha384", false),
        Alg::Rs512 => ("sha512", false),
        Alg::Es256 => ("sha256", true),
        Alg::Es384 => ("sha384", true),
        Alg::Es512 => ("sha512", true),
        _ => return None,
    })
}

impl<C: HostCrypto> Verifier for ByHost<C> {
    fn verify(
        &self,
        key: &PublicKey,
        alg: Alg,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        well_formed(key, alg, signature)?;
        let answer = self.is_sound.get().then(|| self.ask(key, alg, signed, signature)).flatten();
        match answer {
            Some(true) => Ok(()),
            Some(false) => Err(BadSignature),
            None => InWasm.verify(key, alg, signed, signature),
        }
    }

    fn is_host(&self) -> bool {
        self.is_sound.get()
    }

    fn is_host_for(&self, key: &PublicKey, alg: Alg) -> bool {
        self.is_sound.get() && host_hash(alg).is_some() && key.spki_der().is_some()
    }
}

/// Public keys and tokens that they verify: the examples of RFC 7515.
const KNOWN: [(Alg, &str, &str); 3] = [
    (
        // RFC 7515 A.2
        Alg::Rs256,
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0\
         l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b\
         32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2\
         R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia\
         GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}]}",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGF\
         tcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu\
         3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdi\
         uB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--x\
         i12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A\
         XLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ),
    (
        // RFC 7515 A.3
        Alg::Es256,
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8\
         Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGF\
         tcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw\
         5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    (
        // RFC 7515 A.4
        Alg::Es512,
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJ\
         XmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_R\
         vcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}]}",
        "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1\
         bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqO\
         gzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// A host that verifies by this module, and may be told to answer otherwise.
    #[derive(Default)]
    struct Scripted {
        always: Option<Option<bool>>,
        asked: RefCell<Vec<String>>,
    }

    impl HostCrypto for &Scripted {
        fn verify(&self, hash: &str, key: &[u8], signature: &[u8], signed: &[u8]) -> Option<bool> {
            self.asked.borrow_mut().push(hash.to_owned());
            if let Some(answer) = self.always {
                return answer;
            }
            // The right answer, found by going back from DER: which of the examples is it?
            KNOWN.iter().find_map(|(alg, keys, token)| {
                let set = KeySet::parse(keys.as_bytes(), Origin::Fetched).ok()?.set;
                let own = set.iter().next()?;
                let jws = Jws::parse(token.as_bytes()).ok()?;
                let expected = match alg {
                    Alg::Rs256 => jws.signature().to_vec(),
                    _ => ecdsa_der(jws.signature()),
                };
                (own.spki_der()? == key).then(|| expected == signature && signed == jws.signed())
            })
        }
    }

    fn example() -> (KeySet, Jws<'static>) {
        let (_, keys, token) = KNOWN[0];
        let parsed = KeySet::parse(keys.as_bytes(), Origin::Fetched).unwrap();
        (parsed.set, Jws::parse(token.as_bytes()).unwrap())
    }

    #[test]
    fn the_examples_are_right_by_our_own_check() {
        for (alg, keys, token) in KNOWN {
            let parsed = KeySet::parse(keys.as_bytes(), Origin::Fetched).unwrap();
            let jws = Jws::parse(token.as_bytes()).unwrap();
            let key = parsed.set.iter().next().unwrap();
            assert_eq!(InWasm.verify(key, alg, jws.signed(), jws.signature()), Ok(()), "{alg}");
        }
    }

    #[test]
    fn a_host_that_does_not_know_good_from_bad_is_not_trusted() {
        for (name, always, trusted) in [
            ("right", None, true),
            ("always yes", Some(Some(true)), false),
            ("always no", Some(Some(false)), false),
            ("neither", Some(None), false),
        ] {
            let host = Scripted { always, ..Scripted::default() };
            assert_eq!(ByHost::tested(&host).is_some(), trusted, "{name}");
        }
    }

    #[test]
    fn a_host_that_answers_oddly_is_asked_no_more() {
        let host = Scripted { always: Some(None), ..Scripted::default() };
        let verifier = ByHost { host: &host, is_sound: Cell::new(true) };
        let (set, jws) = example();
        let key = set.iter().next().unwrap();
        for _ in 0..3 {
            let verdict = verifier.verify(key, Alg::Rs256, jws.signed(), jws.signature());
            assert_eq!(verdict, Ok(()), "the module's own check answers instead");
        }
        assert_eq!(host.asked.borrow().len(), 1);
    }

    #[test]
    fn what_is_malformed_never_reaches_the_host() {
        let host = Scripted { always: Some(Some(true)), ..Scripted::default() };
        let verifier = ByHost { host: &host, is_sound: Cell::new(true) };
        let (set, jws) = example();
        let key = set.iter().next().unwrap();
        let short = &jws.signature()[1..];
        for (name, alg, signature) in [
            ("another key type's algorithm", Alg::Es256, jws.signature()),
            ("a short signature", Alg::Rs256, short),
            ("no signature", Alg::Rs256, &[][..]),
        ] {
            assert_eq!(
                verifier.verify(key, alg, jws.signed(), signature),
                Err(BadSignature),
                "{name}"
            );
        }
        // PSS is not the host's to check.
        assert_eq!(
            verifier.verify(key, Alg::Ps256, jws.signed(), jws.signature()),
            Err(BadSignature)
        );
        assert!(host.asked.borrow().is_empty());
    }
}
