//! Every Tollgate configuration that a file holds: the file itself, or what stands in an Envoy
//! configuration, an Istio `WasmPlugin` or `EnvoyFilter`, an Envoy Gateway `EnvoyExtensionPolicy`,
//! or one of these as a text of a `ConfigMap`.

use std::rc::Rc;

use super::beside::Beside;
use super::chain::Around;
use super::code::FileCode;
use super::entry::Entry;
use super::form::{self, Content, typed};
use super::holder::{Chain, Environment, Holder, Json, Plane};
use super::origin::Origin;
use super::reach::Clusters;
use super::report::{Remark, Severity};
use super::{order, slots, surroundings, words};
use crate::foreign;
use crate::yaml::{self, Node, Place, Reader, Value};
use tollgate::config;

/// What a type URL of Envoy's Wasm filter ends with.
const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// A configuration and what is known about its place.
pub(super) struct Held {
    /// Which one of the file's it is; empty where the file is the configuration.
    pub(super) name: String,
    /// Where it begins in the file.
    pub(super) at: Place,
    /// What is wrong or risky about what holds it.
    pub(super) remarks: Vec<Remark>,
    /// The configuration itself; `None` where it cannot be read, which the remarks say.
    pub(super) json: Option<Json>,
    /// The clusters of an Envoy configuration.
    pub(super) clusters: Option<Rc<Clusters>>,
    /// What makes its clusters.
    pub(super) plane: Plane,
    /// The filters around it, as far as they are known.
    pub(super) around: Option<Around>,
    /// Whether the file itself says that there are several proxies.
    pub(super) several: bool,
    /// Whether the file shows which address the proxy takes for a client's, so that this was judged.
    pub(super) shows_addresses: bool,
    pub(super) holder: Holder,
    /// What the filter goes by where the configuration has no `instance`; `None` where it is not known.
    pub(super) root: Option<String>,
    pub(super) environment: Environment,
    /// Whether it reads bodies, and where.
    pub(super) entry: Entry,
}

/// Every configuration of a file, in its order; the first error of a text that is no YAML.
///
/// `name` is the file's, by whose end Envoy chooses a reader; `beside` is what the files that are checked with it say.
pub(super) fn find(
    name: &str,
    source: &str,
    beside: &Beside,
) -> Result<Vec<Held>, yaml::Malformed> {
    find_in(name, source, beside, true)
}

/// [`find`]; `texts` says whether it looks into those of a `ConfigMap`.
fn find_in(
    name: &str,
    source: &str,
    beside: &Beside,
    texts: bool,
) -> Result<Vec<Held>, yaml::Malformed> {
    let is_json = source.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let mut documents = match yaml::parse(source) {
        Ok(documents) => documents,
        // Its own reader words better what is wrong with JSON.
        Err(_) if is_json && !looks_held(source) => return Ok(vec![file(source, None)]),
        Err(malformed) => return Err(malformed),
    };
    if documents.is_empty() {
        return Ok(vec![file("", None)]);
    }
    let merge_keys: Vec<_> = documents.iter().map(Node::merge_key).collect();
    let twice: Vec<_> = documents.iter().map(words::twice).collect();
    let ends = |end: &str| name.ends_with(end);
    let reader = match is_json && !ends(".yaml") && !ends(".yml") || ends(".json") {
        true => Reader::Json,
        false => Reader::Envoy,
    };
    documents.iter_mut().for_each(Node::merge);
    let mut finder = Finder {
        source,
        beside,
        clusters: Rc::new(beside.clusters(&documents)),
        plane: Plane::None,
        patch: None,
        several: surroundings::several_proxies(&documents),
        texts,
        reader,
        found: Vec::new(),
    };
    for ((document, merge_key), twice) in documents.iter().zip(merge_keys).zip(twice) {
        let before = finder.found.len();
        finder.reader = if is_resource(document) { Reader::Kubernetes } else { reader };
        if is_configuration(document) {
            let held = match is_json {
                true => file(source, Some(document.clone())),
                false => {
                    let json = Some(tree(document, Reader::Kubernetes));
                    let mut held = Held { json, ..finder.held(String::new(), document) };
                    held.remarks.extend(words::check(document, Reader::Kubernetes));
                    held
                }
            };
            finder.found.push(Held { holder: Holder::File, ..held });
        } else {
            finder.walk(document, None);
            if let Some(at) = merge_key.filter(|_| !is_resource(document)) {
                finder
                    .found
                    .iter_mut()
                    .skip(before)
                    .for_each(|held| held.remarks.push(words::merge_key(at)));
            }
            for held in finder.found.iter_mut().skip(before) {
                held.remarks.extend(words::twice_remarks(&twice));
                if finder.reader == Reader::Json && held.holder == Holder::Envoy {
                    held.remarks.extend(words::yaml_as_json(source));
                }
            }
        }
    }
    if finder.found.is_empty() && is_json && !looks_held(source) {
        return Ok(vec![file(source, documents.into_iter().next())]);
    }
    Ok(finder.found)
}

/// A file that is itself the configuration.
fn file(source: &str, tree: Option<Node>) -> Held {
    Held {
        name: String::new(),
        at: Place::START,
        remarks: Vec::new(),
        json: Some(Json { text: source.to_owned(), origin: Origin::File, tree, message: None }),
        clusters: None,
        plane: Plane::None,
        around: None,
        several: false,
        shows_addresses: false,
        holder: Holder::File,
        root: None,
        environment: Environment::default(),
        entry: Entry::default(),
    }
}

impl Held {
    /// Whether it only repeats another's configuration.
    pub(super) fn is_twin(&self) -> bool {
        self.json.is_none() && self.entry.reads()
    }

    /// Says that something is wrong.
    pub(super) fn say(&mut self, code: FileCode, at: Place, field: &str, message: &str) {
        self.remarks.push(Remark::new(Severity::Problem, code, at, field, message));
    }

    /// Whether the file itself is said to be the configuration, and nothing in it shows that.
    pub(super) fn is_doubtful(&self) -> bool {
        let tree = self.json.as_ref().and_then(|json| json.tree.as_ref());
        self.name.is_empty() && !tree.is_some_and(is_configuration)
    }

    /// Whether nothing in it is called like anything in a configuration, or nearly.
    pub(super) fn is_strange(&self) -> bool {
        let tree = self.json.as_ref().and_then(|json| json.tree.as_ref());
        let members = tree.map(Node::members).unwrap_or_default();
        let schema = config::schema();
        let known = schema.pointer("/properties").and_then(serde_json::Value::as_object);
        let known: Vec<_> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let is_known = |name: &str| config::near(name, known.iter().copied()).is_some();
        !members.is_empty() && !members.iter().any(|member| is_known(&member.name))
    }

    /// What was found in a text of a file, with the places of the file.
    fn moved(mut self, origin: &Origin, name: &str) -> Self {
        self.name = match self.name.as_str() {
            "" => name.to_owned(),
            inner => format!("{name}, {inner}"),
        };
        self.at = origin.place(self.at);
        for remark in &mut self.remarks {
            remark.at = origin.place(remark.at);
        }
        self.around.iter_mut().for_each(|around| around.moved(origin));
        self.json = self.json.map(|json| {
            let tree = json.tree.map(|mut tree| {
                shift(&mut tree, origin);
                tree
            });
            Json { origin: json.origin.within(origin), tree, ..json }
        });
        self
    }
}

/// Whether a text names what only files have that hold configurations.
fn looks_held(source: &str) -> bool {
    let words =
        ["apiVersion", "typed_config", "typedConfig", "static_resources", "staticResources"];
    words.iter().any(|word| source.contains(word)) || source.contains("@type")
}

/// Whether a document is one of Kubernetes' resources.
fn is_resource(node: &Node) -> bool {
    ["apiVersion", "kind"].iter().any(|name| node.get(name).is_some())
}

/// Whether a tree is itself a configuration.
fn is_configuration(node: &Node) -> bool {
    let has = |name: &str| node.members().iter().any(|member| member.name == name);
    (has("providers") || has("apis"))
        && !has("kind")
        && !has("apiVersion")
        && !foreign::is_of_another(node)
}

fn tree(node: &Node, reader: Reader) -> Json {
    let (text, places) = yaml::to_json_by(node, reader);
    Json { text, origin: Origin::Tree(places), tree: Some(node.clone()), message: None }
}

struct Finder<'s> {
    source: &'s str,
    beside: &'s Beside,
    clusters: Rc<Clusters>,
    /// Whose resource is looked into.
    plane: Plane,
    /// The resource and the number of the patch that is looked into.
    patch: Option<(Node, usize)>,
    several: bool,
    /// Whether to look into the texts of a `ConfigMap`.
    texts: bool,
    reader: Reader,
    found: Vec<Held>,
}

impl Finder<'_> {
    fn held(&self, name: String, at: &Node) -> Held {
        Held {
            name,
            at: at.at,
            remarks: Vec::new(),
            json: None,
            clusters: None,
            plane: self.plane,
            around: None,
            several: self.several,
            shows_addresses: false,
            holder: Holder::Envoy,
            root: None,
            environment: Environment::default(),
            entry: Entry::default(),
        }
    }

    /// Looks into everything: what holds a filter may stand deep in what holds that.
    fn walk(&mut self, node: &Node, chain: Option<Chain<'_>>) {
        match node.text_at(&["kind"]) {
            Some("WasmPlugin" | "EnvoyFilter") => self.plane = Plane::Istio,
            Some("EnvoyExtensionPolicy" | "EnvoyPatchPolicy") => self.plane = Plane::Gateway,
            Some(_) if node.get("apiVersion").is_some() => self.plane = Plane::None,
            _ => {}
        }
        match (node.text_at(&["kind"]), node.get("spec")) {
            (Some("WasmPlugin"), Some(spec)) => return self.plugin(node, spec),
            (Some("EnvoyExtensionPolicy"), Some(spec)) => return self.extension(node, spec),
            _ => {}
        }
        match node.text_at(&["kind"]) {
            Some("EnvoyFilter") => return self.patches(node, "configPatches", "patch"),
            Some("EnvoyPatchPolicy") => return self.patches(node, "jsonPatches", "operation"),
            Some("ConfigMap") if self.texts => return self.texts(node, "ConfigMap", "data"),
            Some("Secret") if self.texts => return self.texts(node, "Secret", "stringData"),
            _ => {}
        }
        if let Some((wasm, type_url)) = typed(node)
            && type_url.ends_with(WASM)
        {
            return self.envoy(node, wasm, chain);
        }
        match &node.value {
            Value::Scalar(_) => {}
            Value::List(elements) => {
                for element in elements {
                    self.walk(element, chain);
                }
            }
            Value::Map(members) => {
                for member in members {
                    if member.name == "http_filters" || member.name == "httpFilters" {
                        for (index, filter) in member.node.elements().iter().enumerate() {
                            self.filter(filter, Some(Chain { manager: node, index }));
                        }
                    } else if member.name == "typed_config" || member.name == "typedConfig" {
                        self.filter(node, chain);
                    } else {
                        self.walk(&member.node, chain);
                    }
                }
            }
        }
    }

    /// Looks into what the patches of a resource put in.
    fn patches(&mut self, resource: &Node, list: &str, holder: &str) {
        let patches = resource.path(&["spec", list]).map(Node::elements).unwrap_or_default();
        for (index, patch) in patches.iter().enumerate() {
            if let Some(value) = patch.path(&[holder, "value"]) {
                self.patch = Some((resource.clone(), index));
                self.walk(value, None);
            }
        }
        self.patch = None;
    }

    fn filter(&mut self, filter: &Node, chain: Option<Chain<'_>>) {
        let config = filter.get("typed_config");
        match config.and_then(typed) {
            Some((wasm, type_url)) if type_url.ends_with(WASM) => self.envoy(filter, wasm, chain),
            _ => {
                if let Some(config) = config {
                    self.walk(config, chain);
                }
            }
        }
    }

    /// A Wasm filter of Envoy, whose typed configuration is `wasm`.
    fn envoy(&mut self, filter: &Node, wasm: &Node, chain: Option<Chain<'_>>) {
        let Some(config) = wasm.get("config") else { return };
        let json = config.get("configuration").and_then(|any| self.configuration(any));
        let names = names(filter, config);
        if !is_tollgate(&names, json.as_ref()) {
            return;
        }
        let name = names.iter().flatten().next().copied().unwrap_or("without a name");
        let mut held = self.held(format!("filter {name}"), filter);
        held.clusters = Some(Rc::clone(&self.clusters));
        held.root = Some(config.text_at(&["root_id"]).unwrap_or_default().to_owned());
        held.environment = form::environment(config.path(&["vm_config", "environment_variables"]));
        if let Some(any) = config.get("configuration") {
            let (content, problem) = form::read(any);
            held.remarks.extend(problem);
            if let Content::Tree(tree) = content {
                held.remarks.extend(words::check(tree, self.reader));
            }
        }
        held.shows_addresses = surroundings::envoy(config, chain, json.as_ref(), &mut held.remarks);
        let is_own = |filter: &Node| self.is_own(filter);
        held.around = match (chain, &self.patch) {
            (Some(Chain { manager, index }), _) => {
                Some(Around::of_manager(manager, index, self.beside, &is_own))
            }
            (None, Some((own, index))) if self.plane == Plane::Istio => {
                Some(slots::of_istio(own, Some(*index), filter.at, self.beside, &is_own))
            }
            (None, Some((own, index))) => Some(slots::of_patches(own, *index, &is_own)),
            (None, None) => None,
        };
        let routes = held.around.as_ref().map(Around::route_lists).unwrap_or_default();
        held.entry = Entry::of(filter, config, chain, &routes);
        if let (Some(Chain { manager, .. }), Some(around)) = (chain, &held.around)
            && !held.entry.reads()
        {
            order::off(filter, manager, around, &mut held.remarks);
        }
        self.keep(held, config, json);
    }

    /// Whether a filter of Envoy, a WasmPlugin or an extension is Tollgate's.
    fn is_own(&self, filter: &Node) -> bool {
        if let (Some(spec), Some(_)) = (filter.get("spec"), filter.get("kind")) {
            let json = spec.get("pluginConfig").map(|config| tree(config, self.reader));
            return is_tollgate(&plugin_names(filter, spec), json.as_ref());
        }
        if filter.get("typed_config").is_none() {
            let json = filter.get("config").map(|config| tree(config, self.reader));
            return is_tollgate(&extension_names(filter), json.as_ref());
        }
        let Some((wasm, type_url)) = filter.get("typed_config").and_then(typed) else {
            return false;
        };
        let Some(config) = wasm.get("config").filter(|_| type_url.ends_with(WASM)) else {
            return false;
        };
        let json = config.get("configuration").and_then(|any| self.configuration(any));
        is_tollgate(&names(filter, config), json.as_ref())
    }

    fn plugin(&mut self, resource: &Node, spec: &Node) {
        let json = spec.get("pluginConfig").map(|config| tree(config, self.reader));
        let names = plugin_names(resource, spec);
        if !is_tollgate(&names, json.as_ref()) {
            return;
        }
        let mut held = self.held(resource_name("WasmPlugin", resource), resource);
        held.holder = Holder::Kubernetes;
        held.root = Some(spec.text_at(&["pluginName"]).unwrap_or_default().to_owned());
        let variables = spec.path(&["vmConfig", "env"]).map(Node::elements).unwrap_or_default();
        for variable in variables {
            let Some(name) = variable.text_at(&["name"]) else { continue };
            match variable.text_at(&["value"]) {
                Some(value) => held.environment.values.push((name.into(), value.into())),
                None => held.environment.host.push(name.into()),
            }
        }
        if let Some(config) = spec.get("pluginConfig") {
            held.remarks.extend(words::check(config, self.reader));
        }
        surroundings::istio(spec, &mut held.remarks);
        let is_own = |resource: &Node| self.is_own(resource);
        held.around = Some(slots::of_istio(resource, None, resource.at, self.beside, &is_own));
        self.keep(held, spec, json);
    }

    fn extension(&mut self, resource: &Node, spec: &Node) {
        let extensions = spec.get("wasm").map(Node::elements).unwrap_or_default();
        for (index, wasm) in extensions.iter().enumerate() {
            let json = wasm.get("config").map(|config| tree(config, self.reader));
            let names = extension_names(wasm);
            if !is_tollgate(&names, json.as_ref()) {
                continue;
            }
            let name = resource_name("EnvoyExtensionPolicy", resource);
            let mut held = self.held(format!("{name}, wasm[{index}]"), wasm);
            held.holder = Holder::Kubernetes;
            held.root = Some(wasm.text_at(&["rootID"]).unwrap_or_default().to_owned());
            let keys = wasm.path(&["env", "hostKeys"]).map(Node::elements).unwrap_or_default();
            held.environment.host.extend(keys.iter().filter_map(Node::text).map(str::to_owned));
            if let Some(config) = wasm.get("config") {
                held.remarks.extend(words::check(config, self.reader));
            }
            surroundings::gateway(wasm, &mut held.remarks);
            let is_own = |wasm: &Node| self.is_own(wasm);
            held.around = Some(slots::of_extension(resource, index, wasm.at, self.beside, &is_own));
            self.keep(held, wasm, json);
        }
    }

    /// The files that a resource has as texts.
    fn texts(&mut self, resource: &Node, kind: &str, data: &str) {
        let named = |name: &str| name.to_ascii_lowercase().contains("tollgate");
        let own = resource.text_at(&["metadata", "name"]).is_some_and(named);
        for member in resource.get(data).map(Node::members).unwrap_or_default() {
            let Value::Scalar(scalar) = &member.node.value else { continue };
            let is_file = [".json", ".yaml", ".yml"].iter().any(|end| member.name.ends_with(end));
            let own = is_file && (own || named(&member.name));
            let found = match find_in(&member.name, &scalar.text, self.beside, false) {
                Ok(found) => found,
                Err(malformed) if own => vec![broken(malformed)],
                Err(_) => continue,
            };
            let ours = |held: &Held| {
                let tree = held.json.as_ref().and_then(|json| json.tree.as_ref());
                own || !held.name.is_empty() || tree.is_some_and(has_own_provider)
            };
            let mut found = found.into_iter().filter(ours).peekable();
            if found.peek().is_some() {
                let origin = Origin::of_scalar(self.source, scalar);
                let name = format!("{}, {}", resource_name(kind, resource), member.name);
                self.found.extend(found.map(|held| held.moved(&origin, &name)));
            }
        }
    }

    fn keep(&mut self, mut held: Held, holder: &Node, json: Option<Json>) {
        let is_told = held.remarks.iter().any(|remark| remark.code == FileCode::FormRefused.name());
        if json.is_none() && !is_told {
            held.remarks.push(Remark::new(
                Severity::Problem,
                FileCode::ConfigurationMissing,
                holder.at,
                "",
                "this filter has no configuration that can be read: write it as JSON in a \
                 `google.protobuf.StringValue`, or as a `google.protobuf.Struct`",
            ));
        }
        held.json = json;
        self.found.push(held);
    }

    /// The configuration of an `Any`: a text, or a tree.
    fn configuration(&self, any: &Node) -> Option<Json> {
        match form::read(any).0 {
            Content::Tree(node) => {
                let message = Some(yaml::to_struct(node, self.reader));
                Some(Json { message, ..tree(node, self.reader) })
            }
            Content::Text(scalar) => {
                Some(text(scalar.text.clone(), Origin::of_scalar(self.source, scalar)))
            }
            Content::Decoded(decoded, at) => Some(text(decoded, Origin::Tree(vec![at]))),
            Content::Empty(at) => Some(text(String::new(), Origin::Tree(vec![at]))),
            Content::Unreadable => None,
        }
    }
}

/// A configuration that is a text in a file.
fn text(text: String, origin: Origin) -> Json {
    let tree = yaml::parse(&text).ok().and_then(|mut all| all.pop());
    let tree = tree.map(|mut tree| {
        shift(&mut tree, &origin);
        tree
    });
    Json { text, origin, tree, message: None }
}

/// A text that is no YAML, where a configuration was to be expected.
fn broken(malformed: yaml::Malformed) -> Held {
    let yaml::Malformed { at, message } = malformed;
    let remark = Remark::new(Severity::Problem, FileCode::FileMalformed, at, "", message);
    Held { at, remarks: vec![remark], json: None, ..file("", None) }
}

/// Whether a tree is a configuration of no other program: others have `providers`, too.
fn has_own_provider(node: &Node) -> bool {
    let providers = node.get("providers").map(Node::members).unwrap_or_default();
    let own = ["issuer", "audiences", "jwks", "pem", "keys"];
    is_configuration(node)
        && providers.iter().any(|one| own.iter().any(|name| one.node.get(name).is_some()))
}

/// Gives a tree the places of the file.
fn shift(node: &mut Node, origin: &Origin) {
    node.at = origin.place(node.at);
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::List(elements) => elements.iter_mut().for_each(|element| shift(element, origin)),
        Value::Map(members) => {
            for member in members {
                member.at = origin.place(member.at);
                shift(&mut member.node, origin);
            }
        }
    }
}

/// What the parts of a Wasm filter are called.
fn names<'n>(filter: &'n Node, config: &'n Node) -> [Option<&'n str>; 6] {
    [
        filter.text_at(&["name"]),
        config.text_at(&["name"]),
        config.text_at(&["root_id"]),
        config.text_at(&["vm_config", "vm_id"]),
        config.text_at(&["vm_config", "code", "local", "filename"]),
        config.text_at(&["vm_config", "code", "remote", "http_uri", "uri"]),
    ]
}

/// What the parts of a WasmPlugin are called.
fn plugin_names<'n>(resource: &'n Node, spec: &'n Node) -> [Option<&'n str>; 3] {
    [resource.text_at(&["metadata", "name"]), spec.text_at(&["pluginName"]), spec.text_at(&["url"])]
}

/// What the parts of an extension of Envoy Gateway are called.
fn extension_names(wasm: &Node) -> [Option<&str>; 4] {
    [
        wasm.text_at(&["name"]),
        wasm.text_at(&["rootID"]),
        wasm.text_at(&["code", "image", "url"]),
        wasm.text_at(&["code", "http", "url"]),
    ]
}

fn is_tollgate(names: &[Option<&str>], json: Option<&Json>) -> bool {
    let named = names.iter().flatten().any(|name| name.to_ascii_lowercase().contains("tollgate"));
    let tree = json.and_then(|json| json.tree.as_ref());
    named || tree.is_some_and(is_configuration)
}

fn resource_name(kind: &str, resource: &Node) -> String {
    let name = resource.text_at(&["metadata", "name"]).unwrap_or("without a name");
    match resource.text_at(&["metadata", "namespace"]) {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
