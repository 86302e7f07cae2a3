//! From credentials to vouchers; of a token: whose is it, is its key known, did that key sign it, what does it say.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use super::keyring::{self, no_key};
use super::signature::check_signature;
use super::{Judge, api_key};
use crate::claims::{Claims, Issuer, near};
use crate::config::Config;
use crate::engine::credential::{Presented, challenging, with_front};
use crate::engine::grants::Grants;
use crate::engine::reply::quoted_list;
use crate::engine::stop::Stop;
use crate::engine::telling;
use crate::engine::trail::Trail;
use crate::engine::verified::Verified;
use crate::engine::voucher::{Proof, Vouched, VouchedToken};
use crate::ids::{Kid, Name, ProviderId, RingId};
use crate::jose::alg::Alg;
use crate::jose::jwk::KeySet;
use crate::jose::jws::Jws;
use crate::keys::{self, Lookup, Patience, Wanted};
use crate::provider::jwt::{JwtProvider, Keys};
use crate::provider::{Kind, Provider};
use crate::time::UnixMillis;
use crate::trace::{Decided, Trace};
use crate::verdict::{Deny, Refusal, Step, list, quoted};

/// A credential that is its reader's own.
enum Own<'c, 't> {
    /// Its form is right; nothing in it is verified.
    Claimed(Claimed<'c, 't>),
    /// An API key that may be used.
    Key(Vouched<'c>),
    /// It was verified before, and the key that did it is in use.
    Known(ProviderId, &'c Provider, VouchedToken<'c>),
}

/// A token whose form is right and whose provider is known; nothing in it is verified.
struct Claimed<'c, 't> {
    id: ProviderId,
    provider: &'c Provider,
    config: &'c JwtProvider,
    token: &'t [u8],
    jws: Jws<'t>,
    claims: Claims,
}

/// What verified a signature.
struct Checked {
    /// The key's thumbprint.
    key: [u8; 32],
    /// The version of its set.
    set: [u8; 16],
}

impl<'c> Judge<'_, 'c> {
    /// Judges every credential that was presented to the API's `members`. A bad one refuses the
    /// request whichever branch it belongs to, and before one that has to wait.
    pub(super) fn judge_all(
        &mut self,
        members: &[ProviderId],
        presented: &[Presented<'_>],
        trail: &mut Trail,
    ) -> Result<Vec<Vouched<'c>>, Stop> {
        let mut own = Vec::with_capacity(presented.len());
        for one in presented {
            own.extend(self.take(members, one, trail)?);
        }
        let mut vouched = Vec::with_capacity(own.len());
        let mut waits = None;
        for one in own {
            match one {
                Own::Key(key) => vouched.push(key),
                Own::Known(provider, config, known) => {
                    trail.steps.enter(Some(&config.name));
                    if let Err(refusal) = judge_known(&known, self.env.now, &mut trail.steps) {
                        trail.verified(&config.name, &known);
                        return Err(refusal.into());
                    }
                    vouched.push(Vouched { provider, config, proof: Proof::Token(known) });
                }
                Own::Claimed(claimed) => {
                    trail.enter(Some(&claimed.provider.name));
                    trail.claimed(claimed.jws.header().kid.as_ref(), &claimed.claims);
                    match self.verify(claimed, &mut trail.steps)? {
                        Ok(one) => vouched.push(one),
                        Err(ring) => waits = waits.or(Some(ring)),
                    }
                }
            }
        }
        match waits {
            Some(ring) => Err(Stop::Wait(ring)),
            None => Ok(vouched),
        }
    }

    /// Judges an API key, or takes a token; `None` where it is not its readers' own.
    fn take<'t>(
        &mut self,
        members: &[ProviderId],
        presented: &'t Presented<'_>,
        trail: &mut Trail,
    ) -> Result<Option<Own<'c, 't>>, Refusal> {
        // A list of API keys shares its places with nobody: the configuration sees to that.
        let first = presented.spot.readers().first().copied();
        let first = first.and_then(|id| Some((id, self.config.provider(id)?)));
        let Some((id, provider)) = first else { return Ok(None) };
        let Kind::ApiKey(keys) = &provider.kind else {
            return self.claim(members, presented, trail);
        };
        trail.enter(Some(&provider.name));
        api_key::judge(&presented.token, (id, provider), keys, self.key_uses, self.env.now, trail)
            .map(|vouched| Some(Own::Key(vouched)))
            .map_err(|refusal| challenging(refusal, provider))
    }

    /// Recalls a token, or takes it apart; `None` where it is not its readers' own but another
    /// provider's of this API.
    fn claim<'t>(
        &mut self,
        members: &[ProviderId],
        presented: &'t Presented<'_>,
        trail: &mut Trail,
    ) -> Result<Option<Own<'c, 't>>, Refusal> {
        if let Some(known) = self.recall(members, presented, &mut trail.steps) {
            return Ok(Some(known));
        }
        let (spot, token) = (presented.spot, presented.token.as_ref());
        trail.enter(spot.first_reader(self.config).map(|provider| &provider.name));
        let jws = Jws::parse(token).map_err(|refusal| with_front(refusal, token))?;
        telling::token(token, &jws, &mut trail.steps);
        let claims = Claims::parse(jws.payload())?;
        trail.claimed(jws.header().kid.as_ref(), &claims);
        let Some(id) = owner(self.config, members, &claims)? else {
            return Err(unknown_issuer(self.config, spot.readers(), &claims));
        };
        let is_own = spot.readers().contains(&id);
        let decided = if is_own { Decided::Passed } else { Decided::Skipped };
        trail.steps.note(Step::Token, decided, || {
            let name = self.config.provider_name(id).map_or("", Name::as_str);
            let place = if is_own { "" } else { ", which does not look here" };
            let found = format!("it selects the provider `{name}`{place}");
            ("the claim `iss`, not verified yet".into(), found)
        });
        if !is_own {
            return Ok(None);
        }
        let provider = self.config.provider(id);
        let Some((provider, config)) = provider.and_then(|one| Some((one, one.jwt()?))) else {
            return Err(Refusal::new(Deny::Internal, "a token of no provider"));
        };
        Ok(Some(Own::Claimed(Claimed { id, provider, config, token, jws, claims })))
    }

    /// A token that this worker has verified, while the key that did it is in use.
    fn recall<'t>(
        &mut self,
        members: &[ProviderId],
        presented: &Presented<'_>,
        trace: &mut Trace,
    ) -> Option<Own<'c, 't>> {
        let random = self.env.random;
        let found = self.verified.find(&presented.token, random, |verified| {
            let owner = owner(self.config, members, &verified.claims);
            owner == Ok(Some(verified.provider))
                && presented.spot.readers().contains(&verified.provider)
        })?;
        let provider = self.config.provider(found.provider)?;
        let config = provider.jwt()?;
        let in_use = match keys(config, &found.claims)? {
            Keys::Inline(_) => true,
            Keys::Ring(id) => self.rings.get(id.0).is_some_and(|ring| {
                let wanted = wanted(found.kid.as_ref(), found.alg, &found.claims);
                ring.still_has(&found.key, wanted, &found.seen_in, self.env.now)
            }),
        };
        if !in_use {
            self.verified.forget(&found, random);
            trace.skipped(Step::Signature, "the tokens that this worker has verified", || {
                "it is one, and the key that verified it is no longer in use".to_owned()
            });
            return None;
        }
        trace.enter(Some(&provider.name));
        trace.passed(Step::Signature, "the tokens that this worker has verified", || {
            let kid = found.kid.as_ref().map_or("", Kid::as_str);
            format!(
                "it is one: its {} signature was verified before, and the key is still in use; its \
                 `kid` is {}",
                found.alg.name(),
                quoted(kid)
            )
        });
        self.tally.recalled.raise();
        Some(Own::Known(found.provider, provider, VouchedToken { config, verified: found }))
    }

    /// Algorithm → key → signature → claims. The inner error is the ring that has to fetch first.
    fn verify(
        &mut self,
        token: Claimed<'c, '_>,
        trace: &mut Trace,
    ) -> Result<Result<Vouched<'c>, RingId>, Refusal> {
        let header = token.jws.header();
        let allowed = |alg: &Alg| token.config.algorithms.contains(*alg);
        let Some(alg) = Alg::parse(&header.alg).filter(allowed) else {
            return Err(Refusal::new(
                Deny::TokenAlgorithmRefused,
                format!(
                    "the token says {}; the provider's algorithms are {}",
                    quoted(&header.alg),
                    quoted_list(token.config.algorithms.iter().map(Alg::name)),
                ),
            ));
        };
        trace.passed(Step::Token, "the algorithm", || {
            let allowed = quoted_list(token.config.algorithms.iter().map(Alg::name));
            format!("`{}`; the provider's algorithms are {allowed}", alg.name())
        });
        let kid = header.kid.as_ref();
        let wanted = wanted(kid, alg, &token.claims);
        let Some(keys) = keys(token.config, &token.claims) else {
            return Err(Refusal::new(Deny::Internal, "an issuer without keys"));
        };
        let checked = match keys {
            Keys::Inline(set) => self.check_with_set(set, &token.jws, wanted, trace).map(Some),
            Keys::Ring(id) => self.check_with_ring(id, &token.jws, wanted, trace),
        };
        let Checked { key, set } = match (checked?, keys) {
            (Some(checked), _) => checked,
            (None, Keys::Ring(id)) => return Ok(Err(id)),
            (None, Keys::Inline(_)) => {
                return Err(Refusal::new(Deny::Internal, "waiting for keys that are not fetched"));
            }
        };
        let typ = header.typ.as_deref();
        let requirements = &token.config.requirements;
        let judged = token.claims.judge(typ, requirements, self.env.now, trace)?;
        let name = &token.provider.name;
        let verified = Rc::new(Verified {
            token: token.token.into(),
            provider: token.id,
            alg,
            kid: kid.cloned(),
            key,
            seen_in: Cell::new(set),
            session: self.sessions.id(name, judged.issuer.as_deref(), &judged.identity),
            noted_at: Cell::default(),
            revocable: OnceCell::new(),
            digest: OnceCell::new(),
            twin: OnceCell::new(),
            grants: Grants::default(),
            judged,
            payload: token.jws.payload_base64().into(),
            claims: token.claims,
        });
        self.verified.insert(&verified, self.env.random);
        let proof = Proof::Token(VouchedToken { config: token.config, verified });
        Ok(Ok(Vouched { provider: token.id, config: token.provider, proof }))
    }

    /// Checks a signature with the keys of the configuration.
    fn check_with_set(
        &mut self,
        set: &KeySet,
        jws: &Jws<'_>,
        wanted: Wanted<'_>,
        trace: &mut Trace,
    ) -> Result<Checked, Refusal> {
        trace.looks_at(Step::Key, || keyring::told(None, Some(set), self.env.now));
        let refuse = |deny| Err(no_key(deny, wanted, None, Some(set), self.env.now));
        match keys::candidates(set, wanted) {
            Some(keys) if !keys.is_empty() => {
                let by = (self.env, self.tally, &mut *self.failures);
                let key = check_signature(by, jws, &keys, wanted, trace)?;
                Ok(Checked { key, set: set.version() })
            }
            Some(_) => refuse(Deny::TokenKeyMismatch),
            None => refuse(Deny::TokenKeyUnknown),
        }
    }

    /// Checks a signature with a ring's keys; `None` where the ring has to fetch first.
    fn check_with_ring(
        &mut self,
        id: RingId,
        jws: &Jws<'_>,
        wanted: Wanted<'_>,
        trace: &mut Trace,
    ) -> Result<Option<Checked>, Refusal> {
        let (env, patience) = (self.env, self.patience);
        let Some(ring) = self.rings.get_mut(id.0) else {
            return Err(Refusal::new(Deny::Internal, "a provider of no key ring"));
        };
        if patience != Patience::Fresh {
            telling::waited(self.waited, trace);
        }
        if trace.is_on() {
            ring.catch_up(wanted, env);
            trace.looks_at(Step::Key, || keyring::told(Some(ring), ring.set(), env.now));
        }
        let awaited = self.awaited.iter().find(|(of, _)| *of == id).map(|(_, fetch)| *fetch);
        let checked = match ring.lookup(wanted, patience, awaited, env) {
            Lookup::Found { keys, version } => {
                let by = (env, self.tally, &mut *self.failures);
                let key = check_signature(by, jws, &keys, wanted, trace);
                key.map(|key| Checked { key, set: version }).map_err(Err)
            }
            Lookup::MayArrive => {
                if awaited.is_none() {
                    self.awaited.push((id, ring.next_fetch(env.now)));
                }
                return Ok(None);
            }
            Lookup::Mismatch => Err(Ok((Deny::TokenKeyMismatch, None))),
            Lookup::Unknown => Err(Ok((Deny::TokenKeyUnknown, None))),
            Lookup::Stale(wait) => Err(Ok((Deny::KeysStale, Some(wait)))),
            Lookup::Unavailable(wait) => {
                let is_crowded = patience == Patience::Crowded;
                let deny = if is_crowded { Deny::Overloaded } else { Deny::KeysUnavailable };
                Err(Ok((deny, Some(wait))))
            }
        };
        match checked {
            Ok(checked) => Ok(Some(checked)),
            Err(Ok((deny, retry_after))) => {
                let refusal = no_key(deny, wanted, Some(ring), ring.set(), env.now);
                Err(Refusal { retry_after, ..refusal })
            }
            Err(Err(unchecked)) if unchecked.deny == Deny::VerifyBudget => Err(unchecked),
            Err(Err(forged)) => {
                ring.suspect(env.now);
                let keys = keyring::told(Some(ring), ring.set(), env.now);
                Err(Refusal { reason: format!("{}; {keys}", forged.reason).into(), ..forged })
            }
        }
    }
}

/// Whose a token is among an API's `members`, by its unverified issuer: the provider's that names it,
/// else that of any issuer's. No two members name the same, and one at most takes any.
fn owner(
    config: &Config,
    members: &[ProviderId],
    claims: &Claims,
) -> Result<Option<ProviderId>, WrongType> {
    let issuer = match claims.issuer() {
        Issuer::WrongType => return Err(WrongType),
        Issuer::Is(issuer) => Some(issuer),
        Issuer::Absent => None,
    };
    let mut takes_any = None;
    for id in members {
        let Some(provider) = jwt(config, *id) else { continue };
        match &provider.requirements.issuers {
            None => takes_any = Some(*id),
            Some(all) if all.iter().any(|one| Some(&**one) == issuer) => return Ok(Some(*id)),
            Some(_) => {}
        }
    }
    Ok(takes_any)
}

/// The claim `iss` is no string.
#[derive(Debug, Eq, PartialEq)]
struct WrongType;

impl From<WrongType> for Refusal {
    fn from(_: WrongType) -> Self {
        Self::new(Deny::TokenClaimMalformed, "the claim `iss` is no string")
            .with_remedy("have the provider write `iss` as a string (RFC 7519)")
    }
}

/// Judges anew what changes with time about a token that was verified before. Who is to be told why
/// the rest is good sees it judged as it was then.
fn judge_known(
    known: &VouchedToken<'_>,
    now: UnixMillis,
    trace: &mut Trace,
) -> Result<(), Refusal> {
    let requirements = &known.config.requirements;
    if !trace.is_on() {
        return known.claims.judge_times(requirements, now);
    }
    let jws = Jws::parse(&known.token)?;
    let typ = jws.header().typ.as_deref();
    known.claims.judge(typ, requirements, now, trace).map(|_| ())
}

/// The configuration of a JWT issuer.
fn jwt(config: &Config, id: ProviderId) -> Option<&JwtProvider> {
    config.provider(id).and_then(Provider::jwt)
}

/// The keys for a token of this provider.
fn keys<'p>(config: &'p JwtProvider, claims: &Claims) -> Option<Keys<'p>> {
    match claims.issuer() {
        Issuer::Is(issuer) => config.keys.of(Some(issuer)),
        Issuer::Absent | Issuer::WrongType => config.keys.of(None),
    }
}

fn wanted<'w>(kid: Option<&'w Kid>, alg: Alg, claims: &'w Claims) -> Wanted<'w> {
    let issuer = match claims.issuer() {
        Issuer::Is(issuer) => Some(issuer),
        Issuer::Absent | Issuer::WrongType => None,
    };
    Wanted { kid, alg, issuer, tenant: claims.text("tid") }
}

fn unknown_issuer(config: &Config, readers: &[ProviderId], claims: &Claims) -> Refusal {
    let found = match claims.issuer() {
        Issuer::Is(issuer) => format!("is {}", quoted(issuer)),
        Issuer::Absent | Issuer::WrongType => "is missing".to_owned(),
    };
    let providers = readers.iter().filter_map(|id| jwt(config, *id));
    let expected = providers.flat_map(|provider| provider.requirements.issuers.iter().flatten());
    let expected: Vec<_> = expected.collect();
    let hint = match claims.issuer() {
        Issuer::Is(issuer) => match elsewhere(config, issuer) {
            Some(name) => format!("; it is that of provider `{name}`, which this API does not ask"),
            None => near(issuer, &expected).to_owned(),
        },
        Issuer::Absent | Issuer::WrongType => String::new(),
    };
    let expected = list(&expected);
    Refusal::new(
        Deny::TokenIssuerUnknown,
        format!("the claim `iss` {found}; the provider's issuer is {expected}{hint}"),
    )
}

/// The provider of any API that has this issuer.
fn elsewhere<'c>(config: &'c Config, issuer: &str) -> Option<&'c Name> {
    let has = |provider: &&Provider| {
        let issuers = provider.jwt().and_then(|jwt| jwt.requirements.issuers.as_ref());
        issuers.is_some_and(|all| all.iter().any(|one| **one == *issuer))
    };
    config.providers.iter().find(has).map(|provider| &provider.name)
}
