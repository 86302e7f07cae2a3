//! docs/runbook.md: what it says to look at is there.

use super::{codes, pages, read, rows, section, spans};

/// The ten things that happen.
const HAPPENS: [&str; 10] = [
    "The provider is down",
    "Keys near max_stale",
    "The provider rotates its keys",
    "The clock is wrong",
    "One client is refused",
    "A configuration is refused on some pods",
    "A storm of 429",
    "A token has leaked",
    "Nobody can log in",
    "The filter trapped",
];

/// The cell of a row of each section's table: all that stands in backticks.
fn told(row: &str) -> Vec<String> {
    let text = read("docs/runbook.md");
    let sections = HAPPENS.iter().flat_map(|happens| {
        let table = rows(section(&text, &format!("## {happens}")));
        let cell = table.iter().find(|cells| cells[0] == row).expect(row)[1];
        spans(cell).into_iter().map(str::to_owned).collect::<Vec<_>>()
    });
    sections.collect()
}

#[test]
fn each_thing_has_a_metric_a_line_a_member_of_the_page_and_one_action() {
    let text = read("docs/runbook.md");
    for happens in HAPPENS {
        let table = rows(section(&text, &format!("## {happens}")));
        let names: Vec<_> = table.iter().map(|cells| cells[0]).collect();
        assert_eq!(names, ["metric", "log", "page", "do"], "{happens}");
        let action = table[3][1];
        assert_eq!(action.matches("**").count(), 2, "{happens}: one action: {action}");
        assert!(table.iter().all(|cells| cells.len() == 2 && cells[1].len() > 10), "{happens}");
    }
    assert_eq!(text.matches("\n## ").count(), HAPPENS.len());
}

#[test]
fn every_metric_is_documented() {
    let metrics = read("docs/metrics.md");
    let named: Vec<_> = told("metric").into_iter().filter(|name| name.contains('_')).collect();
    assert!(named.len() >= 15, "{named:?}");
    for name in named.iter().filter(|name| name.starts_with("tollgate_") || name.contains("wasm."))
    {
        let general = match name.strip_prefix("tollgate_denied_") {
            Some(code) if codes().contains(code) => "tollgate_denied_<code>",
            _ => name,
        };
        assert!(
            metrics.contains(&format!("`{general}`"))
                || metrics.contains(&format!("`wasmcustom.{general}`")),
            "there is no {name}"
        );
    }
}

#[test]
fn every_event_of_the_log_is_documented() {
    let metrics = read("docs/metrics.md");
    let lines = section(&metrics, "## Log lines");
    let named = told("log");
    assert!(named.len() >= 12, "{named:?}");
    for name in
        named.iter().filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    {
        let documented = lines.contains(&format!("`{name}`"))
            || codes().contains(name.as_str())
            || ["wasm", "limits"].contains(&name.as_str());
        assert!(documented, "there is no {name}");
    }
}

#[test]
fn every_member_of_the_page_is_documented() {
    let page = read("docs/status.md");
    let named = told("page");
    assert!(named.len() >= 15, "{named:?}");
    for path in named {
        let mut parts = path.trim_start_matches('?').trim_end_matches('=').split(['.', '[', ']']);
        assert!(
            parts.all(|part| part.is_empty()
                || page.contains(&format!("`{part}`"))
                || codes().contains(part)),
            "there is no {path}"
        );
    }
}

#[test]
fn every_field_and_code_in_the_sentences_exists() {
    let text = read("docs/runbook.md");
    let config = pages::configuration();
    let known = [read("docs/metrics.md"), config.clone(), read("envoy.yaml")].concat();
    let mut fields = 0_usize;
    for span in spans(&text.replace("```", "")) {
        if let Some((_, name)) = span.rsplit_once('.')
            && ["providers.", "apis[", "revoked.", "log.", "limits.", "jwks.", "policies."]
                .iter()
                .any(|start| span.starts_with(start))
        {
            let name = name.trim_end_matches(']');
            assert!(config.contains(&format!("| `{name}` |")), "there is no field {span}");
            fields += 1;
        } else if span.contains('_') && span.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            let page = read("docs/status.md");
            let code = span.strip_prefix("tollgate_denied_").unwrap_or(span);
            let is_known = codes().contains(code) || known.contains(span) || page.contains(span);
            assert!(is_known, "there is no {span}");
        }
    }
    assert!(fields >= 8, "{fields}");
}
