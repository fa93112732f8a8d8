//! Text and what is written as text: json, xml, full text search.

use super::one_of;
use crate::seed::Seed;

pub(super) fn of(name: &str, seed: &mut Seed) -> Option<String> {
    let text = match name {
        "text" | "varchar" | "bpchar" | "refcursor" => anything(seed),
        "name" => anything(seed).chars().take(10).collect(),
        "char" => one_of(seed, &["a", "", "'", "\"", "\\", "é"]).to_owned(),
        "json" | "jsonb" => json(seed),
        "jsonpath" => one_of(
            seed,
            &[
                "$.a[*] ? (@.\"b c\" > 1)",
                "strict $",
                "$.**{2 to 3}",
                "$.x.datetime()",
            ],
        )
        .to_owned(),
        "xml" => one_of(
            seed,
            &[
                "<a b=\"1\">x &amp; y</a>",
                "<?xml version=\"1.0\"?><r><![CDATA[ <no/> ]]></r>",
                "<é attr='quoted \" twice'/>",
                "<a>\n\t<b/>\n</a>",
                "<!-- note --><a/>",
                "<!DOCTYPE a><a/>",
                "not <one/> document &lt;",
            ],
        )
        .to_owned(),
        "tsvector" => one_of(
            seed,
            &[
                "'a':1A 'fat':2B,4C 'it''s':5",
                "",
                "'\\\\back' 'sp ace':1",
                "'é':3",
            ],
        )
        .to_owned(),
        "tsquery" => one_of(
            seed,
            &[
                "'fat' & ( 'rat' | !'cat':AB )",
                "'a' <-> 'b'",
                "'pre':*",
                "'it''s'",
                "",
            ],
        )
        .to_owned(),
        _ => return None,
    };
    Some(text)
}

/// Any text: empty, blank, quoted, with each control character but NUL, beyond the basic plane.
pub fn anything(seed: &mut Seed) -> String {
    match seed.below(12) {
        0 => String::new(),
        1 => one_of(
            seed,
            &[
                "NULL", "null", "\\N", "\\.", "{}", "()", "''", "\"", "\\", " ", "a  ",
            ],
        )
        .to_owned(),
        2 => (1_u8..32).chain([127]).map(char::from).collect(),
        3 => "\u{1f600}\u{10ffff}\u{2028}\u{feff}é\u{85}e\u{301}".to_owned(),
        4 => "tab\there \"quoted\" back\\slash, {brace} (paren); new\nline\r\n".to_owned(),
        5 => "x".repeat(seed.below(300) as usize),
        _ => (0..1 + seed.below(8))
            .map(|_| char::from(b'a' + seed.below(26) as u8))
            .collect(),
    }
}

/// Any json, also what jsonb would not keep.
pub fn json(seed: &mut Seed) -> String {
    match seed.below(9) {
        0 => "null".to_owned(),
        1 => "{\"a\":1,\"a\":2}".to_owned(),
        2 => "{ \"b\" : [ 1.0, 1.00, 1e3, -0 ],\n \"a\":null }".to_owned(),
        3 => "\"\\u00e9\\ud83d\\ude00 \\\"q\\\" \\\\ \\u0001\"".to_owned(),
        4 => "[]".to_owned(),
        5 => one_of(seed, &["true", "false", "0", "-1.50", "\"\"", "{}"]).to_owned(),
        6 => "123456789012345678901234567890.123456789".to_owned(),
        _ => format!(
            "{{\"k{}\": [{}, \"x\", null]}}",
            seed.below(9),
            seed.below(1_000)
        ),
    }
}
