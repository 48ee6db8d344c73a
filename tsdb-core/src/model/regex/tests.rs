use proptest::prelude::*;

use super::*;

fn regex(pattern: &str) -> LabelRegex {
    LabelRegex::new(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"))
}

fn matches(pattern: &str, yes: &[&str], no: &[&str]) {
    let regex = regex(pattern);
    for value in yes {
        assert!(regex.is_match(value), "{pattern} should match {value:?}");
    }
    for value in no {
        assert!(
            !regex.is_match(value),
            "{pattern} should not match {value:?}"
        );
    }
}

#[test]
fn is_anchored_and_dot_takes_whole_characters() {
    matches(
        "a.c",
        &["abc", "aéc", "a\nc", "a𝄞c"],
        &["xabc", "abcx", "ac", "aébc"],
    );
    matches("", &[""], &["a"]);
    matches(".*", &["", "a\nb"], &[]);
    matches(".+", &["x"], &[""]);
    matches("foo|bar", &["foo", "bar"], &["foobar", "xfoo", "barx"]);
    matches("(?-s)a.c", &["abc"], &["a\nc"]);
    matches("^abc$", &["abc"], &["^abc$"]);
}

#[test]
fn perl_classes_are_ascii() {
    matches(r"\d+", &["09"], &["٣", "९"]);
    matches(r"\D", &["a", "٣"], &["1"]);
    matches(r"\w+", &["aZ_9"], &["é"]);
    matches(r"\W", &["é", "-"], &["_"]);
    matches(
        r"\s",
        &[" ", "\t", "\n", "\x0c", "\r"],
        &["\x0b", "\u{a0}", "\u{2003}"],
    );
    matches(r"[\d\s]+", &["1 2"], &["٣"]);
    matches(r"[^\d]+", &["é٣x"], &["1"]);
    matches(r"é\b.*", &["éa"], &["é", "éé"]);
    matches(r".\ba", &["éa", "-a"], &["xa"]);
    matches(r".\Ba", &["xa"], &["éa"]);
}

/// Go's reading of what another syntax reads otherwise or refuses.
#[test]
fn reads_go_syntax() {
    matches(r"\Qa.b*\E+", &["a.b*", "a.b***"], &["axb"]);
    matches(r"\Q[x", &["[x"], &["x"]);
    matches("a{,5}", &["a{,5}"], &["aaa", ""]);
    matches("a{", &["a{"], &["a"]);
    matches("{x}", &["{x}"], &["x"]);
    matches(r"a\b{start}", &["a{start}"], &["a"]);
    matches("a{02}", &["a{02}"], &["aa"]);
    matches("a{2,3}", &["aa", "aaa"], &["a", "aaaa"]);
    matches("[[a]", &["[", "a"], &["x"]);
    matches("[a[b]c]", &["ac]", "[c]", "bc]"], &["a", "c"]);
    matches("[a&&b]", &["a", "&", "b"], &["c"]);
    matches("[a~~b]", &["a", "~", "b"], &["c"]);
    matches("[+--]", &["+", ",", "-"], &["."]);
    matches(r"[\w-.]", &["a", "-", "."], &["+"]);
    matches("[a-z-9]", &["q", "-", "9"], &["5"]);
    matches("[]a]", &["]", "a"], &["b"]);
    matches("[^]a]", &["b"], &["]", "a"]);
    matches("[[:alpha:]_]", &["x", "_"], &[":", "1"]);
    matches("[[:^alpha:]]", &["1", "é"], &["x"]);
    matches(r"\<a\>", &["<a>"], &["a"]);
    matches(r"\x41\x{e9}\101\0", &["Aé\u{41}\0"], &["A"]);
    matches(r"\pL\p{Greek}", &["aα"], &["1α", "aa"]);
    matches(r"(?i)k", &["k", "K", "\u{212a}"], &["x"]);
    matches(r"(?i:ab)c", &["ABc", "abc"], &["abC"]);
    matches(r"(?U)a+", &["a", "aa"], &[""]);
    matches(r"\a\f\t\n\r\v", &["\x07\x0c\t\n\r\x0b"], &[""]);
    matches(r"a\-b\/c\ d", &["a-b/c d"], &["ab/c d"]);
}

/// The texts are those of Go's `regexp/syntax`.
#[test]
fn refuses_in_gos_words() {
    let cases = [
        ("a(b", "missing closing ): `a(b`"),
        ("a)b", "unexpected ): `a)b`"),
        ("x[a", "missing closing ]: `[a`"),
        ("x[b-a]", "invalid character class range: `b-a`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a|+", "missing argument to repetition operator: `+`"),
        ("({2}a)", "missing argument to repetition operator: `{2}`"),
        (r"a\", "trailing backslash at end of expression: ``"),
        (r"a\y", r"invalid escape sequence: `\y`"),
        (r"(a)\1", r"invalid escape sequence: `\1`"),
        (r"\u0041", r"invalid escape sequence: `\u0041`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
    ];
    for (pattern, reason) in cases {
        let error = LabelRegex::new(pattern).expect_err(pattern);
        assert_eq!(
            error.to_string(),
            format!("error parsing regexp: {reason}"),
            "{pattern}"
        );
    }
    for pattern in [
        "(?x)a",
        "(?u)a",
        "(?R)a",
        "(?=a)",
        "(?P<n",
        "(?P<>a)",
        "(?P=n)",
        "a**",
        "(?P<n>a)(?P<n>b)",
    ] {
        assert!(LabelRegex::new(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn is_bounded() {
    let deep = "(".repeat(5000) + &")".repeat(5000);
    let long = "a".repeat(1 << 20);
    let huge = "(".repeat(20) + r"\p{L}" + &"){1000}".repeat(20);
    let exponential = "(".repeat(100) + "a" + &"){10}".repeat(100);
    let optional = "(".repeat(100) + "[a-z]" + &"){0,9}".repeat(100);
    for pattern in [deep, long, huge, exponential, optional] {
        assert!(LabelRegex::new(&pattern).is_err(), "{}…", &pattern[..20]);
    }
    // Ten thousand names joined, as dashboards send them, do compile.
    let names: Vec<String> = (0..10_000).map(|i| format!("node-{i}:9100")).collect();
    let many = regex(&names.join("|"));
    assert!(many.is_match("node-7777:9100") && !many.is_match("node-77777:9100"));
    assert_eq!((many.literals(), many.prefix()), (None, "node-"));
}

#[test]
fn finite_sets_of_literals() {
    let cases: [(&str, &[&str]); 21] = [
        ("a|b|c", &["a", "b", "c"]),
        ("foo(bar|baz)", &["foobar", "foobaz"]),
        ("[abc]x", &["ax", "bx", "cx"]),
        ("https?", &["http", "https"]),
        ("", &[""]),
        ("a|", &["", "a"]),
        ("^(?:up|down)$", &["down", "up"]),
        ("^a$|^b$", &["a", "b"]),
        ("(?i)ab", &["AB", "Ab", "aB", "ab"]),
        ("(?i)k", &["K", "k", "\u{212a}"]),
        ("(a|b){2}", &["aa", "ab", "ba", "bb"]),
        ("a{0}", &[""]),
        ("x{1,3}", &["x", "xx", "xxx"]),
        ("b|a|b", &["a", "b"]),
        (r"10\.0\.0\.[1-3]", &["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        (r"\Q.*\E", &[".*"]),
        ("é|è", &["è", "é"]),
        ("[é-ë]", &["é", "ê", "ë"]),
        (r"(?P<n>a)(b)", &["ab"]),
        (r"\d", &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]),
        (r"[^\x00-\x{10FFFF}]", &[]),
    ];
    for (pattern, expected) in cases {
        let regex = regex(pattern);
        let literals = regex
            .literals()
            .unwrap_or_else(|| panic!("{pattern} is finite"));
        assert_eq!(literals, expected, "{pattern}");
    }
    for pattern in [
        "a*", ".", "a.b", "[^a]", r"\pL", "(a|b){9}", "a^b", r"a\b", "[0-9]{3}",
    ] {
        assert_eq!(regex(pattern).literals(), None, "{pattern}");
    }
}

#[test]
fn literal_prefixes() {
    let cases = [
        ("abc.*", "abc"),
        ("abc", "abc"),
        ("foo(bar|baz).*", "fooba"),
        ("foo.*|food.*", "foo"),
        ("foo|bar.*", ""),
        ("ab?c.*", "a"),
        ("(ab){3}.*", "ababab"),
        ("(ab){2,}", "abab"),
        ("(ab.){2}", "ab"),
        ("ab+", "ab"),
        ("(?i)ab.*", ""),
        ("a(?i)b.*", "a"),
        ("^node-.+$", "node-"),
        (r"10\.0\..*", "10.0."),
        ("é.*|è.*", ""),
        ("[a]b.*", "ab"),
        (".*", ""),
        ("a|ab", "a"),
        ("x(|y)z.*", "x"),
    ];
    for (pattern, expected) in cases {
        assert_eq!(regex(pattern).prefix(), expected, "{pattern}");
    }
}

#[test]
fn captures_are_those_of_go() {
    let regex = regex("(.*?)(?P<digits>[0-9]+)(x)?");
    assert_eq!(
        regex.captures("ab12"),
        Some(vec![Some("ab12"), Some("ab"), Some("12"), None])
    );
    assert_eq!(regex.group_number("digits"), Some(2));
    assert_eq!(regex.captures("ab"), None);
}

fn any_pattern() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[abk]{0,3}",
        Just("é".to_owned()),
        Just("[ab]".to_owned()),
        Just("[^a]".to_owned()),
        Just(r"\d".to_owned()),
        Just(r"\b".to_owned()),
        Just(".".to_owned()),
        Just("^".to_owned()),
        Just("$".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            proptest::collection::vec(inner.clone(), 1..4)
                .prop_map(|parts| format!("({})", parts.join("|"))),
            (inner.clone(), "[?*+]|\\{[0-2],?\\}|\\{1,3\\}")
                .prop_map(|(inner, op)| format!("(?:{inner}){op}")),
            inner.prop_map(|inner| format!("(?i:{inner})")),
        ]
    })
}

proptest! {
    /// The automaton alone decides what matches; the literals and the prefix must agree with it.
    #[test]
    fn literals_and_prefix_agree_with_the_automaton(
        pattern in any_pattern(),
        values in proptest::collection::vec("[abAkK1é\u{212a}-]{0,5}", 0..30),
    ) {
        let regex = regex(&pattern);
        if let Some(literals) = regex.literals() {
            prop_assert!(literals.len() <= 256 && literals.is_sorted());
            for literal in literals {
                prop_assert!(regex.regex.is_match(literal.as_str()), "{} {}", pattern, literal);
                prop_assert!(literal.starts_with(regex.prefix()));
            }
        }
        for value in values {
            let expected = regex.regex.is_match(value.as_str());
            prop_assert_eq!(regex.is_match(&value), expected, "{} {}", &pattern, &value);
            if expected {
                prop_assert!(value.starts_with(regex.prefix()), "{} {} {}", &pattern, &value, regex.prefix());
            }
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error(pattern in r"[\[\](){}|*+?.^$\\\-&~:,<>aQEdswbxpP0-9é=i!#]{0,24}") {
        if let Ok(regex) = LabelRegex::new(&pattern) {
            for literal in regex.literals().unwrap_or_default() {
                prop_assert!(regex.regex.is_match(literal.as_str()));
            }
        }
    }
}
