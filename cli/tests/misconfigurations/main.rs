//! The catalogue of mistakes ([`catalogue`]), told by the command line, and mistakes that only a file
//! of Envoy can hold ([`around`]).

#[path = "../../../tests/support/mod.rs"]
mod support;

#[allow(dead_code, reason = "the catalogue's own tests take more")]
#[path = "../../../tests/misconfigurations"]
mod catalogue {
    pub(crate) mod asking;
    pub(crate) mod callers;
    pub(crate) mod case;
    pub(crate) mod keys;
    pub(crate) mod logins;
    pub(crate) mod objects;
    pub(crate) mod resources;
    pub(crate) mod rights;
    pub(crate) mod scene;
    pub(crate) mod tokens;
    pub(crate) mod tools;
    pub(crate) mod tyk;
}

mod around;
mod command;

use catalogue::{
    asking, callers, case, keys, logins, objects, resources, rights, scene, tokens, tools, tyk,
};
