//! The metrics as docs/metrics.md lists them.

use std::collections::BTreeMap;

/// The kind of each, by its name with the placeholders in it: `counter`, `gauge` or `histogram`.
pub(crate) fn metrics() -> BTreeMap<String, &'static str> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let mut kind = None;
    let mut found = BTreeMap::new();
    for line in text.lines() {
        kind = match line {
            "## Counters" => Some("counter"),
            "## Gauges" => Some("gauge"),
            "## Histograms" => Some("histogram"),
            _ if line.starts_with("## ") => None,
            _ => kind,
        };
        let Some((kind, row)) = kind.zip(line.strip_prefix("| `")) else { continue };
        let cells: Vec<_> = row.split(" | ").map(|cell| cell.trim_end_matches(" |")).collect();
        let [name, unit, help] = cells[..] else { panic!("three cells, please: {line}") };
        assert!(!unit.is_empty() && help.len() > 20, "{line}");
        let name = name.trim_end_matches('`').to_owned();
        assert_eq!(found.insert(name, kind), None, "{line}");
    }
    assert!(found.len() > 20, "{found:?}");
    found
}

/// The same of a configuration with these providers and APIs, and these deny codes.
pub(crate) fn metrics_of(
    providers: &[&str],
    apis: &[&str],
    codes: &[&str],
) -> BTreeMap<String, &'static str> {
    let mut all = BTreeMap::new();
    for (name, kind) in metrics() {
        for (placeholder, values) in
            [("<provider>", providers), ("<api>", apis), ("<code>", codes), ("", &[""])]
        {
            if name.contains(placeholder) && (!placeholder.is_empty() || !name.contains('<')) {
                all.extend(values.iter().map(|value| (name.replace(placeholder, value), kind)));
            }
        }
    }
    all
}
