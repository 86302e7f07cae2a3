use super::FileCode;

#[test]
fn every_code_is_documented_and_in_the_order_of_the_names() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/problem-codes.md");
    let text = std::fs::read_to_string(path).expect("the page");
    let section = text.split("## Around a configuration").nth(1).expect("a section");
    let section = section.split("\n## ").next().expect("its text");
    let documented: Vec<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(code, _)| code)
        .collect();
    let all: Vec<_> = FileCode::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(documented, all);
    assert!(all.is_sorted(), "{all:?}");
}
