//! What the proxy's own routing says of a request.

/// The route that the proxy chose for a request, as far as the configuration asks for it.
///
/// The operator wrote both texts, but the client's request chose the route: a name says what the
/// proxy is about to do, not who the client is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Route {
    /// Its name; `None` where it was not asked for, or there is no route or no name.
    pub name: Option<Vec<u8>>,
    /// The API that its metadata names (`tollgate.api`), bytes as the host gives them, text or not;
    /// `None` where that was not asked for, or it names none.
    pub api: Option<Vec<u8>>,
}
