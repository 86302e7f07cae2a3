//! What a provider needs so that browsers log in at it.

use serde_json::json;
use tollgate::provider::login;

use super::vendor::{Login, Plan, ToldAt};
use super::write::{CLIENT_SECRET, SEAL};
use crate::vendor::Vendor;

/// What stands where a client's id is to be written.
const NO_CLIENT: &str = "CLIENT_ID";

impl Plan {
    /// Adds a login to a provider that takes bearer tokens, or has it do nothing else.
    ///
    /// # Errors
    ///
    /// Why nothing that is written here would log anybody in.
    pub(super) fn log_in(
        &mut self,
        url: &str,
        client: Option<&str>,
        (is_all, back_channel): (bool, bool),
    ) -> Result<(), String> {
        let vendor = self.vendor;
        let instead = match vendor {
            Vendor::Cognito => Some((
                "Cognito's, whose logins are at the user pool's own domain, which the issuer does not \
                 tell",
                "#cognito",
            )),
            Vendor::Google => Some((
                "Google's, whose keys and logins are at two hosts, each with a cluster",
                "#google",
            )),
            Vendor::Entra if self.keys.is_some() => {
                return Err(
                    "is that of tokens of version 1, and nobody logs in by that: write that of \
                            version 2, https://login.microsoftonline.com/<tenant id>/v2.0"
                        .to_owned(),
                );
            }
            _ => None,
        };
        if let Some((why, place)) = instead {
            return Err(format!("is {why}: docs/login.md{place} has the configuration"));
        }
        if is_all {
            // Nothing of this is about ID tokens, which are all that is read then.
            self.notes.retain(|note| note.contains("slash"));
            self.fields.retain(|(name, _)| *name == "issuer");
            let identity: &[&str] = match vendor {
                Vendor::Entra => &["oid"],
                Vendor::Keycloak => &["preferred_username", "sub"],
                _ => &[],
            };
            if !identity.is_empty() {
                self.fields.push(("claims", json!({ "identity": identity })));
            }
            self.fields.push(("from", json!([])));
            self.note("no bearer tokens are taken (`from`): with `--audience` programs call the same API with theirs");
        }
        if client.is_none() {
            self.note(&format!("write the id of a client of yours in place of {NO_CLIENT}"));
        }
        self.login = Some(Login {
            url: url.to_owned(),
            client: client.unwrap_or(NO_CLIENT).to_owned(),
            scopes: match vendor {
                Vendor::Auth0 => &["openid", "profile", "email"],
                Vendor::Entra => &["openid", "profile", "offline_access"],
                _ => &[],
            },
            registered: None,
            back_channel,
            told_at: None,
        });
        Ok(())
    }

    /// Takes what the checked configuration says of the login, and tells what is to be done for it.
    pub(super) fn told_by(&mut self, checked: &login::Login) {
        let Some(origin) = checked.urls.first() else { return };
        let registered = [checked.redirect_uri(origin), checked.signed_out_uri(origin)];
        let [back, out] = &registered;
        self.note(&format!("register at the provider, byte for byte: {back} as a redirect URI, {out} as that for after a logout"));
        self.note(&format!("set two variables where the proxy runs: {CLIENT_SECRET} to the client's secret, and {SEAL} to one of your own, the same at every proxy; `openssl rand -base64 32` makes it"));
        self.note(match origin.is_secure() {
            true => "`https` is what browsers see, whoever ends TLS; to try it on one machine, `--login http://localhost:10000` is fine",
            false => "`http` is fine for this machine alone, where the proxy listens at the port of that URL; everywhere else browsers want `https`",
        });
        let told_at = checked.back_channel.then(|| ToldAt {
            url: checked.back_channel_uri(origin),
            path: checked.back_channel_path(),
            host: format!("{}:{}", origin.host(), origin.port()),
        });
        if let Some(at) = &told_at {
            self.note(&format!("register {} as the back-channel logout URI, too, with the session required (`backchannel_logout_session_required`)", at.url));
        }
        if let Some(login) = &mut self.login {
            login.registered = Some(registered);
            login.told_at = told_at;
        }
    }
}
