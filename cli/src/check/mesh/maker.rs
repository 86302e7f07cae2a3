//! The resources that Istio makes clusters of, by their hosts and ports.

use std::borrow::Cow;

use crate::yaml::Node;

/// A Service of Kubernetes, or a ServiceEntry.
#[derive(Clone, Copy)]
pub(super) struct Maker<'b> {
    pub(super) resource: &'b Node,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Kind {
    Service,
    ServiceEntry,
}

impl<'b> Maker<'b> {
    pub(super) const fn kind_name(self) -> &'static str {
        match self.kind {
            Kind::Service => "Service",
            Kind::ServiceEntry => "ServiceEntry",
        }
    }

    fn metadata(self, member: &str) -> Option<&'b str> {
        self.resource.text_at(&["metadata", member])
    }

    /// Whether this is its name as a resource.
    pub(super) fn is_called(self, name: &str) -> bool {
        self.metadata("name") == Some(name)
    }

    /// Its hosts, as they are to be written.
    pub(super) fn hosts(self) -> Vec<Cow<'b, str>> {
        match self.kind {
            Kind::Service => {
                let name = self.metadata("name").unwrap_or_default();
                let namespace = self.metadata("namespace").unwrap_or("NAMESPACE");
                vec![format!("{name}.{namespace}.svc.cluster.local").into()]
            }
            Kind::ServiceEntry => {
                let hosts = self.resource.path(&["spec", "hosts"]).map(Node::elements);
                let hosts = hosts.unwrap_or_default().iter().filter_map(Node::text);
                hosts.map(Cow::Borrowed).collect()
            }
        }
    }

    /// Whether it has this host.
    pub(super) fn has(self, host: &str) -> bool {
        match self.kind {
            // A cluster may have another domain, and a resource no namespace of its own.
            Kind::Service => {
                let mut labels = host.splitn(4, '.');
                let is = |label: Option<&str>, own: Option<&str>| match (label, own) {
                    (Some(label), Some(own)) => label.eq_ignore_ascii_case(own),
                    (label, _) => label.is_some(),
                };
                self.metadata("name").is_some()
                    && is(labels.next(), self.metadata("name"))
                    && is(labels.next(), self.metadata("namespace"))
                    && is(labels.next(), Some("svc"))
            }
            Kind::ServiceEntry => self.hosts().iter().any(|own| own.eq_ignore_ascii_case(host)),
        }
    }

    pub(super) fn ports(self) -> impl Iterator<Item = &'b Node> {
        let ports = self.resource.path(&["spec", "ports"]).map(Node::elements);
        ports.unwrap_or_default().iter()
    }

    /// The number of one of its ports.
    pub(super) fn number(self, port: &Node) -> Option<&str> {
        port.text_at(&[match self.kind {
            Kind::Service => "port",
            Kind::ServiceEntry => "number",
        }])
    }

    /// The port that is most likely meant: of HTTP/2 for gRPC, else that of `https`, or the first.
    pub(super) fn likely_port(self, is_grpc: bool) -> &'b str {
        let fits = |port: &&Node| match is_grpc {
            true => self.says_http2(port),
            false => self.number(port) == Some("443"),
        };
        let port = self.ports().find(fits).or(self.ports().next());
        port.and_then(|port| self.number(port)).unwrap_or("443")
    }

    /// Whether Istio speaks HTTP/2 to a port by what it says of itself.
    pub(super) fn says_http2(self, port: &Node) -> bool {
        let protocol = self.protocol(port);
        protocol.starts_with("grpc-web")
            || matches!(self.known(&protocol), "grpc" | "http2")
            || protocol == "kubernetes.io/h2c"
    }

    /// Whether it is a port of HTTP, which the mesh as a whole may speak HTTP/2 to.
    pub(super) fn says_http(self, port: &Node) -> bool {
        self.known(&self.protocol(port)) == "http"
    }

    /// A port's protocol, in small letters.
    fn protocol(self, port: &Node) -> String {
        let said = match self.kind {
            Kind::Service => port.text_at(&["appProtocol"]).or(port.text_at(&["name"])),
            Kind::ServiceEntry => port.text_at(&["protocol"]),
        };
        said.unwrap_or_default().to_ascii_lowercase()
    }

    /// Of a Service what stands before the hyphen is the protocol.
    fn known(self, protocol: &str) -> &str {
        match self.kind {
            Kind::Service => protocol.split('-').next().unwrap_or_default(),
            Kind::ServiceEntry => protocol,
        }
    }

    /// What a port is to say so that Istio speaks HTTP/2 to it.
    pub(super) const fn remedy(self) -> &'static str {
        match self.kind {
            Kind::Service => "appProtocol: grpc",
            Kind::ServiceEntry => "protocol: GRPC",
        }
    }

    /// Whether the proxies on both sides encrypt by themselves.
    pub(super) fn is_inside(self) -> bool {
        self.kind == Kind::Service
            || self.resource.text_at(&["spec", "location"]) == Some("MESH_INTERNAL")
    }

    /// Whether a call through it goes where the client went.
    pub(super) fn is_unresolved(self) -> bool {
        let resolution = self.resource.text_at(&["spec", "resolution"]);
        self.kind == Kind::ServiceEntry && matches!(resolution, None | Some("NONE" | ""))
    }
}
